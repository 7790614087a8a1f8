"""Run the real service in a throw-away folder, by a clock that is turned by hand."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from service.app.active_rules import read_active
from service.app.app import SOURCES, App, settings_of
from service.learners.enrollment_views import silences_between
from service.learners.facts import FactRecorded, longest_lateness
from service.rules.decider import Decider
from service.rules.rule import Rule, RuleSet
from service.rules.triggers.channel_failing import channel_trigger_of
from service.rules.triggers.source_silent import source_trigger_of
from service.rules.triggers.stalled import StalledTrigger, stalled_trigger_of
from service.sending import queue
from service.sending.channel_health import failing_channels
from service.sending.channels.drawer import DrawerMessage, read_message
from service.sending.planner import ActiveRules
from service.sending.templates.templates import Templates
from service.settings import Settings
from service.simulation.recorder import Recorder

DRAWER = "drawer://"
VARIABLE = re.compile(rb"\$\{([A-Za-z_]\w*)")
NO_DISK_IS_WAITED_FOR = "PRAGMA synchronous = OFF;"


class Sandbox:
    """Hold one installation whose clocks all show `now` (ms UTC).

    Every channel is a drawer, whatever the rule file says: nothing leaves this machine.
    """

    def __init__(self, settings: Settings, now: int) -> None:
        """Open the data folder, with its rules; raises LedgerError, Refused, OSError."""
        self.now = now
        self.app = App(settings)
        self.app.intake.aloud = False
        self.app.ledger.create(NO_DISK_IS_WAITED_FOR)
        decider = self.app.active.decider
        drawers = Decider(with_drawers(decider.rules), decider.storm_limit)
        self.app.active = ActiveRules(drawers, self.app.active.templates)

    def record(self, rules: RuleSet, templates: Templates, *, every: bool = False) -> Recorder:
        """Decide by other rules from here on, and note how; see Recorder about `every`."""
        recorder = Recorder(with_drawers(rules), every=every)
        self.app.active = ActiveRules(recorder, templates)
        return recorder

    def start(self) -> None:
        """Take up the service; call once, before the first tick."""
        self.app.start(self.now)

    def tick(self) -> None:
        """Give the service its turn."""
        self.app.tick(self.now)

    def deliver(self) -> None:
        """Let leave what is due, without asking what else has become due."""
        self.app.views.catch_up()
        self.app.look_again(self.now)
        self.app.close_digests(self.now)
        self.app.deliver(self.now)

    def moments_until(self, then: int) -> Iterator[int]:
        """Turn the clock to `then`; stop at each moment before at which something may be due."""
        while self.now < then:
            self.now = min([then, *self.due()])
            if self.now < then:
                yield self.now

    def due(self) -> Iterator[int]:
        """Give the next moment of each kind at which something may be due.

        One at which nothing is costs a look; one left out would be told of too late.
        """
        views, decider = self.app.views, self.app.active.decider
        views.catch_up()
        leaves = queue.next_due_after(views, self.now)
        if leaves is not None:
            yield leaves
        for rule in decider.active:
            yield from self._steps(rule)
            stalled, source = stalled_trigger_of(rule), source_trigger_of(rule)
            channel = channel_trigger_of(rule)
            if stalled is not None:
                yield from self._silences(stalled)
            elif source is not None:
                yield from self._feeds(source.silence_ms)
            elif channel is not None:
                yield from self._channels(channel.failing_ms)

    def _steps(self, rule: Rule) -> Iterator[int]:
        """Give when the next step of each escalation follows a first decision."""
        for entry in rule.escalation:
            decided = queue.next_decided(self.app.views, rule.id, self.now - entry.after_ms)
            if decided is not None:
                yield decided + entry.after_ms

    def _silences(self, trigger: StalledTrigger) -> Iterator[int]:
        """Give when the next silence of a learner has lasted long enough, late reports awaited."""
        lasts = trigger.silence_ms + longest_lateness(self.app.settings.timings)
        after, views = self.now - lasts, self.app.views
        began = silences_between(views, trigger.count_from, after=after, until=self.now, limit=1)
        yield from (since + lasts for _, since in began)

    def _feeds(self, silence_ms: int) -> Iterator[int]:
        """Give when each feed has been silent long enough, unless another letter comes."""
        ends = (each.at + silence_ms for each in self.app.letters.feeds.heard().values())
        yield from (at for at in ends if at > self.now)

    def _channels(self, failing_ms: int) -> Iterator[int]:
        """Give when each channel that fails has failed long enough, unless a message leaves."""
        found = failing_channels(self.app.deliveries.health).values()
        ends = (each.since + failing_ms for each in found if each is not None)
        yield from (at for at in ends if at > self.now)

    def message(self, notification: str, room: str) -> DrawerMessage:
        """Read what a notification left as; `room` is what to call a room it was for."""
        return read_message(self.app.settings.drawer, notification, room)

    def facts(self, after: int = 0) -> Iterator[FactRecorded[Any]]:
        """Read every fact that the log has after a position."""
        bodies = (event.body for event in self.app.store.follow(after))
        yield from (body for body in bodies if isinstance(body, FactRecorded))

    def close(self) -> None:
        """Let go of the files."""
        self.app.close()


def own_settings(folder: Path, rules: Path, templates: Path) -> Settings:
    """Make settings that read nothing of the environment; what the rules name has a value."""
    given = {"DATA": folder, "RULES": rules, "TEMPLATES": templates}
    settings = settings_of({f"COURSEBELL_{name}": str(path) for name, path in given.items()})
    return without_secrets(settings)


def without_secrets(settings: Settings) -> Settings:
    """Give every variable that the rule file names a drawer as its value."""
    named = (name.decode() for name in VARIABLE.findall(settings.rules.read_bytes()))
    return replace(settings, environment=dict.fromkeys(named, DRAWER))


def with_drawers(rules: RuleSet) -> RuleSet:
    """Give every channel of the rules a drawer."""
    return replace(rules, channels=dict.fromkeys(rules.channels, DRAWER))


def read_rules_and_templates(chosen: Settings) -> ActiveRules:
    """Read the rules and templates as their files are now; raises Refused naming every mistake."""
    return read_active(without_secrets(chosen), SOURCES)
