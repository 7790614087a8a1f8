"""Replay the log: one pass in order, with rules that decide and leave as time goes by."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from service.learners.course import CourseRecorded, LearnerRecorded, LearnerSignIns
from service.learners.enrollment import EnrollmentRecorded
from service.learners.facts import FactRecorded, Timing, longest_lateness
from service.learners.instance import InstanceRecorded
from service.learners.watchlist import WatchAsked, WatchStopped
from service.learners.world import AppendedEvent
from service.ledger.events import EventBody
from service.rules.decider import Decider
from service.rules.escalation import Steps
from service.rules.readers.choices import ChoicesMade
from service.rules.scheduler import EMPTY_ASKS_EVERY_MS, TimeAsked
from service.rules.triggers.stalled import SilenceOccurrence, stalled_rules
from service.simulation.backtest.address_wait import beside
from service.simulation.backtest.outbox import Outbox
from service.simulation.backtest.prefilter import Prefilter, topics_of
from service.simulation.backtest.replay_world import CurrentDirectory, ReplayWorld
from service.simulation.backtest.states import History, States
from service.simulation.backtest.subjects import Subjects
from service.simulation.backtest.tally import Tally
from service.simulation.backtest.timers import SilenceTimer

Handler = Callable[[str, int, Any], None]
PAUSE_MS = 2 * EMPTY_ASKS_EVERY_MS
"""While a service runs, its log is never still for longer."""


class RuleReplay:
    """Replay one rule set: what it may read, what it watches, and what it owes."""

    def __init__(self, decider: Decider, replay: "Replay", live_since: int) -> None:
        rules = decider.active
        self.decider = decider
        self.live_since = live_since
        self.tally = Tally(decider.rules.defaults.timezone)
        self.world = ReplayWorld(replay.today, replay.states, replay.position)
        self._subjects = Subjects(replay.states, replay.later, replay.timings)
        self.outbox = Outbox(decider, self.world, self._subjects, self.tally)
        self.waited_for = self.outbox.waiting.streams
        stalled = stalled_rules(rules)
        lateness = longest_lateness(replay.timings)
        self.silences = [SilenceTimer(r, live_since, lateness) for r in stalled]
        self.prefilter = Prefilter(rules, self.world)
        self.topics = topics_of(rules)

    def decide(self, appended: AppendedEvent, now: int) -> None:
        """Decide on an event."""
        self.world.saw = appended.event.saw
        decisions = self.decider(appended, self.world, now)
        self.world.saw = None
        if decisions is not None:
            self.outbox.take(decisions)

    def ask(self, states: States, now: int) -> None:
        """Decide on the silences that have lasted long enough."""
        for timer in self.silences:
            for stream in timer.due(now):
                subject = states.enrollment(stream)
                assert subject is not None, f"{stream}: watched, but not in the log"
                occurrence = SilenceOccurrence.of(subject, now, timer.live_since)
                decisions = self.decider.decide([timer.rule], occurrence, self.world)
                if decisions is not None:
                    self.outbox.take(decisions)
        steps = Steps(self.decider, self.world, now)
        for rule, entry, first in self.outbox.steps.due(now):
            decisions = steps.step(rule, entry, (first, self._subjects.of(first.owed)))
            if decisions is not None:
                self.outbox.take(decisions)

    def next_at(self) -> int | None:
        """Say when time brings the next thing about."""
        heads = [timer.heap[0][0] for timer in self.silences if timer.heap]
        leaving, step_at = self.outbox.next_at, self.outbox.steps.next_at
        heads += [at for at in (leaving, step_at) if at is not None]
        return min(heads, default=None)


class Span(msgspec.Struct):
    """Measure what a replay went through: rows of the log, facts among them, from when to when."""

    rows: int = 0
    facts: int = 0
    first_at: int | None = None
    last_at: int | None = None


class Replay:
    """Time goes from event to event; what is due in between happens at its own moment.

    Where the log was still for longer than it ever is under a running service, the service did
    not run: what fell due then happens at the next ask of the clock, after the letters.
    """

    def __init__(
        self,
        history: History,
        today: CurrentDirectory,
        timings: Mapping[str, Timing],
        until: int | None = None,
    ) -> None:
        """Begin before the first row; `timings` are by source."""
        self.history = history
        self.today = today
        self.timings = timings
        self.states = States(self._read)
        self.plays: list[RuleReplay] = []
        self.span = Span()
        self._until = until
        self._position = 0
        self._now = 0
        self._asks = history.has_asks()
        self._paused = False

    def run(self, told: Callable[[int], object] = lambda _: None) -> Span:
        """Go through the whole log; `told` hears of each position it has come to."""
        handlers = self._handlers()
        decode, span = self.history.mapper.decode, self.span
        for page in self.history.pages():
            for position, stream, version, topic, state in page:
                handler = handlers.get(topic)
                if handler is not None:
                    body = decode(topic, state)
                    at = body.recorded_at if isinstance(body, FactRecorded) else body.at
                    if at > self._now and not self._go_on(at):
                        return self._finished(told)
                    self._position = position
                    handler(stream, version, body)
            span.rows += len(page)
            told(page[-1][0])
        return self._finished(told)

    def _finished(self, told: Callable[[int], object]) -> Span:
        if not self._paused:
            self._let_happen(self._now + 1)
        self.span.last_at = self._now
        told(self.history.end)
        return self.span

    def _handlers(self) -> Mapping[str, Handler]:
        wanted = frozenset().union(*(play.topics for play in self.plays))
        kinds: dict[str, Handler] = {
            "enrollment": self._enrollment,
            "instance": self._instance,
            "learner": self._learner,
            "clock": self._asked,
            "watch": self._wished,
            "choices": self._chosen,
        }
        other: Handler = self._other
        return {topic: kinds.get(topic.partition(".")[0], other) for topic in wanted}

    def _go_on(self, at: int) -> bool:
        """Let happen what is due before a later moment; false when that is after the end."""
        if self._until is not None and at > self._until:
            if not self._paused:
                self._let_happen(self._until + 1)
            return False
        if self._asks and at - self._now > PAUSE_MS and not self._paused:
            self._let_happen(self._now + 1)
            self._paused = True
        if not self._paused:
            self._let_happen(at)
        if self.span.first_at is None:
            self.span.first_at = at
        self._now = at
        return True

    def _let_happen(self, before: int) -> None:
        while True:
            heads = [at for play in self.plays if (at := play.next_at()) is not None]
            if not heads or min(heads) >= before:
                return
            now = self._now = max(min(heads), self._now)
            for play in self.plays:
                play.ask(self.states, now)
                play.outbox.leave(now)

    def _asked(self, stream: str, version: int, event: TimeAsked) -> None:
        self._paused = False
        for play in self.plays:
            play.outbox.waiting.grown_older()
        self._let_happen(event.at + 1)

    def _wished(self, stream: str, version: int, event: WatchAsked | WatchStopped) -> None:
        for play in self.plays:
            play.world.watch(f"i{stream[1:]}", event)
        self._moved(f"i{stream[1:]}")

    def _chosen(self, stream: str, version: int, event: ChoicesMade) -> None:
        for play in self.plays:
            play.world.memory[stream] = (version, event)
            play.outbox.chose.add(stream)

    def _enrollment(self, stream: str, version: int, event: EnrollmentRecorded) -> None:
        self.span.facts += 1
        self.states.enrollments.move(stream, version, event)
        self._moved(stream)
        if any(play.waited_for for play in self.plays) and (who := self.states.who(stream)):
            for record in self.plays[0].world.merges.records_beside(who.person):
                self._moved(beside(record, who.course))
        after = event.after
        if after is not None:
            for play in self.plays:
                for timer in play.silences:
                    timer.moved(stream, after)
        if event.transitions:
            self._decide(stream, version, event)

    def _instance(self, stream: str, version: int, event: InstanceRecorded) -> None:
        self.span.facts += 1
        self.states.instances.move(stream, version, event)
        self._moved(stream)
        if event.transitions:
            self._decide(stream, version, event)

    def _learner(self, stream: str, version: int, event: LearnerRecorded) -> None:
        self._other(stream, version, event)
        for record in self.plays[0].world.records_of(stream[1:]):
            self._moved(LearnerSignIns.stream(record))

    def _moved(self, stream: str) -> None:
        """Ask again about what waits for an address, if this happened to what it hangs on."""
        for play in self.plays:
            if stream in play.waited_for:
                play.outbox.waiting.moved(stream)

    def _other(self, stream: str, version: int, event: CourseRecorded | LearnerRecorded) -> None:
        self.span.facts += 1
        self._moved(stream)
        if event.transitions:
            self._decide(stream, version, event)

    def _decide(
        self,
        stream: str,
        version: int,
        event: EnrollmentRecorded | InstanceRecorded | CourseRecorded | LearnerRecorded,
    ) -> None:
        if event.imported:
            return
        now = event.recorded_at
        appended, who = None, partial(self.states.who, stream)
        for play in self.plays:
            if now >= play.live_since and play.prefilter.passes(event, who):
                if appended is None:
                    aggregate = self.states.aggregate(stream)
                    assert aggregate is not None
                    appended = AppendedEvent(stream, version, event, aggregate)
                play.decide(appended, now)

    def position(self) -> int:
        """Tell how far in the log the replay has come."""
        return self._position

    def later(self, stream: str, version: int) -> list[EventBody]:
        """Read the events of a stream after one version, as far as the replay has come."""
        return [body for number, body in self._read(stream) if number > version]

    def _read(self, stream: str) -> list[tuple[int, EventBody]]:
        decode = self.history.mapper.decode
        rows: Sequence[tuple[int, str, int, str, bytes]]
        rows = self.history.stream(stream, self._position)
        return [(version, decode(topic, state)) for _, _, version, topic, state in rows]
