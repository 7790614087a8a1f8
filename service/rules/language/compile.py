"""Assembly: the shapes of a file without mistakes made into the rules of the language."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.rules.calendar import Digest
from service.rules.conditions import Condition, ValueTest
from service.rules.language.channels import Channel
from service.rules.language.intervals import ANY, Intervals
from service.rules.language.model import (
    WEEKDAYS,
    ChangeShape,
    DigestShape,
    EventShape,
    FileShape,
    PersonShape,
    RoomShape,
    RuleShape,
    SourceSilentShape,
    StepKeys,
    ThrottleShape,
)
from service.rules.language.timing import at_of
from service.rules.language.yaml_reader import Page, Path
from service.rules.rule import Defaults, Entry, Rule, RuleSet, Throttle
from service.rules.triggers import letter_set_aside
from service.rules.triggers.event import EventTrigger
from service.rules.triggers.letter_set_aside import LetterTrigger
from service.rules.triggers.seat_change import ChangeTrigger
from service.rules.triggers.source_silent import SourceSilentTrigger
from service.rules.triggers.stalled import StalledTrigger
from service.rules.triggers.trigger import Trigger

Read = dict[Path, tuple[Condition, ...]]
"""Conditions by the place where they stand: of a rule, or of `from`, `to`, `rearm`."""


@dataclass(frozen=True)
class Assembly:
    """Makes rules of one file's shapes, with what was read of it besides."""

    shape: FileShape
    page: Page
    read: Read
    intervals: Intervals

    def rule_set(self, channels: Mapping[str, Channel], text: str) -> RuleSet:
        """The whole file; `text` is kept with it."""
        defaults = self.shape.defaults
        return RuleSet(
            rules=tuple(
                self._rule(rule, ("rules", index)) for index, rule in enumerate(self.shape.rules)
            ),
            channels={name: channel.url or "" for name, channel in channels.items()},
            defaults=Defaults(defaults.timezone, defaults.expires_after),
            text=text,
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        )

    def _rule(self, shape: RuleShape, path: Path) -> Rule:
        return Rule(
            id=shape.id,
            description=shape.description,
            mode=shape.mode,
            trigger=self._trigger(shape, path),
            conditions=self.read.get((*path, "conditions"), ()),
            collapse_ms=shape.collapse,
            notify=self._entries(shape.notify, shape, (*path, "notify")),
            escalation=self._entries(shape.escalation, shape, (*path, "escalation")),
            cancel_on=tuple(shape.cancel_on),
            on_activate=shape.on_activate,
            expires_after_ms=shape.expires_after or self.shape.defaults.expires_after,
            line=self._line(path),
        )

    def _trigger(self, shape: RuleShape, path: Path) -> Trigger:
        trigger = shape.trigger
        if isinstance(trigger, EventShape):
            of_letters = trigger.event == letter_set_aside.TRIGGER
            return LetterTrigger() if of_letters else EventTrigger(trigger.event)
        if isinstance(trigger, SourceSilentShape):
            return SourceSilentTrigger(trigger.source_silent_for)
        if not isinstance(trigger, ChangeShape):
            return StalledTrigger(trigger.stalled_for, trigger.count_from)

        def test(key: str) -> ValueTest | None:
            where = (*path, "trigger", key)
            return ValueTest(self.read[where]) if where in self.read else None

        return ChangeTrigger(trigger.change, test("from"), test("to"), test("rearm"))

    def _entries(
        self, shapes: Sequence[PersonShape | RoomShape], rule: RuleShape, path: Path
    ) -> tuple[Entry, ...]:
        return tuple(self._entry(shape, rule, (*path, index)) for index, shape in enumerate(shapes))

    def _entry(self, shape: PersonShape | RoomShape, rule: RuleShape, path: Path) -> Entry:
        window = shape.send_window or rule.send_window or self.shape.defaults.send_window or ANY
        return Entry(
            to=shape.to if isinstance(shape, PersonShape) else None,
            via=shape.via if isinstance(shape, PersonShape) else None,
            post=shape.post if isinstance(shape, RoomShape) else None,
            template=shape.template,
            after_ms=shape.after if isinstance(shape, StepKeys) else 0,
            digest=_digest(shape.digest) if shape.digest else None,
            throttle=_throttle(shape.throttle) if shape.throttle else None,
            window=self.intervals.get(window),
            line=self._line(path),
        )

    def _line(self, path: Path) -> int:
        return self.page.values[path][0]


def _digest(shape: DigestShape) -> Digest:
    at = at_of(shape.every, shape.at)
    assert at is not None, "refused by timing"
    on = WEEKDAYS.index(shape.on) if shape.on else 0
    return Digest(shape.every, at, on, tuple(shape.group_by), shape.max_items)


def _throttle(shape: ThrottleShape) -> Throttle:
    return Throttle(shape.max, shape.per, tuple(shape.group_by))
