"""Make every decision of the log again, by the rules that were active, and compare."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from service.learners import course, enrollment, instance, watchlist
from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.facts import FactRecorded, Timing
from service.learners.instance import InstanceRecorded
from service.learners.watchlist import WatchTold
from service.learners.world import AppendedEvent, Decisions, UncommittedWorld, load
from service.ledger.events import EventBody
from service.rules.calendar import Closing
from service.rules.decider import Decider, first_ids
from service.rules.digests import DigestAddress, DigestClosed
from service.rules.escalation import Steps
from service.rules.explain.rule_versions import AnyEnvironment
from service.rules.language.reader import read_rules
from service.rules.notification import DIGEST, Notification, Owed
from service.rules.notification import SHAPES as NOTIFICATION_SHAPES
from service.rules.readers.watchers import WATCHERS
from service.rules.rule import AFTER, GROUP, Entry, Rule
from service.rules.scheduler import RulesActivated, TimeAsked
from service.rules.storm import StormCounted
from service.rules.triggers import channel_failing, letter_set_aside, source_silent
from service.rules.triggers.channel_failing import ChannelOccurrence, channel_as_recorded
from service.rules.triggers.seat_change import RuleFired
from service.rules.triggers.stalled import STALLED, SilenceMark, SilenceOccurrence
from service.rules.verdict import Subject
from service.simulation.backtest.replay_world import CurrentDirectory, ReplayWorld
from service.simulation.backtest.states import History, States
from service.simulation.backtest.verify_result import Disagreement, VerifyResult

LOOKED_UP = (f"to={GROUP}", f"to={WATCHERS}")
FACTS = (enrollment.SHAPES, instance.SHAPES, course.SHAPES)
NOT_RECORDED = "missing: it is decided now"
NOT_DECIDED = "it is not decided now"
OTHERWISE = "it is decided otherwise"


class NotInLog:
    """Say that the inputs of a decision are not in the log."""


class ClockDecisions(NamedTuple):
    """Make decisions of the clock again one by one, each on its subject as it stood then.

    `marks` say since when each rule was live; `read` gives the events of a stream up to the
    decision, with their versions.
    """

    decider: Decider
    world: UncommittedWorld
    marks: Mapping[str, SilenceMark]
    timings: Mapping[str, Timing]
    read: Callable[[str], list[tuple[int, Any]]]

    def owed(self, id: str, recorded: Owed) -> Owed | NotInLog | None:
        """Say what would be owed now; None for nothing."""
        rule = self.decider.by_id.get(recorded.rule)
        entry = next((e for e in rule.entries if e.key == recorded.entry), None) if rule else None
        if rule is None or entry is None:
            return None
        if recorded.trigger in (source_silent.TRIGGER, letter_set_aside.TRIGGER):
            return NotInLog()
        if recorded.trigger == channel_failing.TRIGGER:
            return self._failing(id, rule, recorded)
        if recorded.trigger == DIGEST:
            return self._digest(rule, entry, recorded)
        if entry.after_ms:
            return self._step(id, rule, entry, recorded)
        return self._stalled(id, rule, recorded)

    def _stalled(self, id: str, rule: Rule, recorded: Owed) -> Owed | None:
        subject, mark = self._subject(recorded).aggregate, self.marks.get(rule.id)
        if not isinstance(subject, Enrollment) or mark is None:
            return None
        occurrence = SilenceOccurrence.of(subject, recorded.decided_at, mark.since)
        return found(id, recorded, self.decider.decide([rule], occurrence, self.world))

    def _failing(self, id: str, rule: Rule, recorded: Owed) -> Owed | None:
        events = [
            body for version, body in self.read(recorded.subject) if version <= recorded.version
        ]
        failing, now = channel_as_recorded(recorded.subject, events), recorded.decided_at
        if failing is None or failing.works:
            return None
        occurrence = ChannelOccurrence.of(failing, recorded.version, now)
        return found(id, recorded, self.decider.decide([rule], occurrence, self.world))

    def _step(self, id: str, rule: Rule, entry: Entry, recorded: Owed) -> Owed | NotInLog | None:
        first = next(filter(None, map(self._first, first_ids(rule, recorded))), None)
        if first is None:
            return NotInLog()
        steps = Steps(self.decider, self.world, recorded.decided_at)
        return found(id, recorded, steps.step(rule, entry, (first, self._subject(recorded))))

    def _first(self, id: str) -> Notification | None:
        """Read what an entry owed at first; None if it owes whoever is in a group, or waits."""
        bodies = [body for _, body in self.read(id)]
        return Notification.load(id, bodies) if bodies else None

    def _digest(self, rule: Rule, entry: Entry, recorded: Owed) -> Owed | None:
        events = dict(self.read(recorded.subject))
        event = events.get(recorded.version)
        if not isinstance(event, DigestClosed):
            return None
        items = [Notification.load(i, [b for _, b in self.read(i)][:1]) for i in event.items]
        closing = Closing(recorded.event_at or 0, recorded.occurrence)
        digest = DigestAddress(rule, entry, recorded.recipient, recorded.subject)
        return digest.closes(closing, recorded.version, items).owed(recorded.decided_at)

    def _subject(self, recorded: Owed) -> Subject:
        """Fold what a decision was about from its first events."""
        bodies = [body for _, body in self.read(recorded.subject)][: recorded.version]
        return Subject(load(recorded.subject, bodies, self.timings), bodies)


def found(id: str, recorded: Owed, decided: Decisions | None) -> Owed | None:
    """Find the decision of this id; whether a storm held it only the whole hour can tell."""
    for other, owed in decided.once if decided else ():
        if other == id and isinstance(owed, Owed):
            return replace(owed, held=recorded.held)
    return None


class Verifier:
    """Go through the log once; keep what must be known and no more."""

    def __init__(
        self,
        history: History,
        today: CurrentDirectory,
        timings: Mapping[str, Timing],
        storm_limit: int,
    ) -> None:
        """Begin before the first row; `timings` are by source."""
        self._history = history
        self._timings = timings
        self._storm_limit = storm_limit
        self._states = States(self._read)
        self._world = ReplayWorld(today, self._states, lambda: self._position)
        self._decider: Decider | None = None
        self._marks: Mapping[str, SilenceMark] = {}
        self._saw: Mapping[str, int] | None = None
        self._expected: dict[str, tuple[int, Owed]] = {}
        self._told: set[str] = set()
        self._counts: dict[str, tuple[int, StormCounted]] = {}
        self._shared_at: int | None = None
        self._found = VerifyResult()
        self._position = 0

    def run(self, told: Callable[[int], object] = lambda _: None) -> VerifyResult:
        """Make every decision again; `told` hears of each position it has come to."""
        handlers = self._handlers()
        for page in self._history.pages():
            for position, stream, version, topic, state in page:
                handler = handlers.get(topic)
                if handler is not None:
                    self._position = position
                    handler(stream, version, topic, state)
            self._found.rows += len(page)
            told(page[-1][0])
        for id, (position, owed) in self._expected.items():
            self._differs(id, owed, position, NOT_RECORDED)
        return self._found

    def _handlers(self) -> Mapping[str, Callable[[str, int, str, bytes], None]]:
        return {
            **{topic: self._fact for shapes in FACTS for topic in shapes},
            Owed.TOPIC: self._owed,
            RulesActivated.TOPIC: self._activated,
            TimeAsked.TOPIC: self._asked,
            RuleFired.TOPIC: self._wrote,
            StormCounted.TOPIC: self._counted,
            **dict.fromkeys(watchlist.SHAPES, self._wished),
            **dict.fromkeys(NOTIFICATION_SHAPES.keys() - {Owed.TOPIC}, self._moved),
        }

    def _activated(self, stream: str, version: int, topic: str, state: bytes) -> None:
        event: RulesActivated = self._history.mapper.decode(topic, state)
        rules, _ = read_rules(event.text, environ=AnyEnvironment())
        self._found.unread += rules is None
        self._decider = None if rules is None else Decider(rules, self._storm_limit)

    def _asked(self, stream: str, version: int, topic: str, state: bytes) -> None:
        event: TimeAsked = self._history.mapper.decode(topic, state)
        self._marks, self._saw = event.marks, event.saw

    def _wrote(self, stream: str, version: int, topic: str, state: bytes) -> None:
        """Remember what a rule did as the log has it, whatever is decided differently now."""
        body: EventBody = self._history.mapper.decode(topic, state)
        self._world.memory[stream] = (version, body)

    def _counted(self, stream: str, version: int, topic: str, state: bytes) -> None:
        """Remember how many a rule owed; what was held where others count too nobody else can tell.

        What was decided meanwhile for one who counts beside the rule's own stream counts not there.
        """
        event: StormCounted = self._history.mapper.decode(topic, state)
        own = stream.partition("/")[0]
        if event.others or stream != own:
            self._shared_at = event.at
        if stream == own:
            self._counts[own] = (version, event)
        self._world.memory.pop(own, None)
        self._world.memory |= {own: self._counts[own]} if own in self._counts else {}

    def _wished(self, stream: str, version: int, topic: str, state: bytes) -> None:
        body: EventBody = self._history.mapper.decode(topic, state)
        self._world.watch(f"i{stream[1:]}", body, version)
        if isinstance(body, WatchTold):
            self._told.update(body.notifications.values())

    def _moved(self, stream: str, version: int, topic: str, state: bytes) -> None:
        """Note whether a watcher was really told, which is asked at the next seat."""
        if stream in self._told:
            self._wrote(stream, version, topic, state)

    def _fact(self, stream: str, version: int, topic: str, state: bytes) -> None:
        event: FactRecorded[Any] = self._history.mapper.decode(topic, state)
        if isinstance(event, EnrollmentRecorded):
            self._states.enrollments.move(stream, version, event)
        elif isinstance(event, InstanceRecorded):
            self._states.instances.move(stream, version, event)
        if self._decider is None or event.imported or not event.transitions:
            return
        aggregate = self._states.aggregate(stream)
        assert aggregate is not None, f"{stream}: expected the event that was just read"
        appended = AppendedEvent(stream, version, event, aggregate)
        self._world.saw = event.saw
        decisions = self._decider(appended, self._world, event.recorded_at)
        self._world.saw = None
        if decisions is not None:
            self._world.remember(decisions)
            for id, owed in decisions.once:
                assert isinstance(owed, Owed)
                first, _ = event.told_first(owed.trigger, version)
                if first == version or not self._read(id):
                    self._expected[id] = (self._position, owed)

    def _owed(self, id: str, version: int, topic: str, state: bytes) -> None:
        self._found.decisions += 1
        mapper = self._history.mapper
        _, again = self._expected.pop(id, (0, None))
        if again is not None and again.decided_at == self._shared_at:
            again = replace(again, held=mapper.decode(topic, state).held)
        if again is not None and mapper.encode(again)[1] == state:
            self._found.reproduced += 1
            return
        recorded: Owed = mapper.decode(topic, state)
        if self._decider is None:
            self._found.undecided += 1
        elif again is not None or self._is_of_a_fact(recorded):
            self._compare(id, recorded, again)
        else:
            self._compare_with_the_clock(id, recorded)

    def _is_of_a_fact(self, owed: Owed) -> bool:
        rule = self._decider.by_id.get(owed.rule) if self._decider else None
        by_event = rule is not None and bool(rule.trigger.transitions)
        return by_event and AFTER not in owed.entry and owed.trigger != DIGEST

    def _compare_with_the_clock(self, id: str, recorded: Owed) -> None:
        assert self._decider is not None
        clock = ClockDecisions(
            decider=self._decider,
            world=self._world,
            marks=self._marks,
            timings=self._timings,
            read=self._read,
        )
        self._world.saw = self._saw
        again = clock.owed(id, recorded)
        self._world.saw = None
        if isinstance(again, NotInLog):
            self._found.elsewhere += 1
        else:
            self._compare(id, recorded, again)

    def _compare(self, id: str, recorded: Owed, again: Owed | None) -> None:
        encode = self._history.mapper.encode
        if again is not None and encode(again) == encode(recorded):
            self._found.reproduced += 1
        elif again is None:
            self._differs(id, recorded, self._position, NOT_DECIDED)
        else:
            fields = tuple(
                name
                for name in recorded.__struct_fields__
                if getattr(recorded, name) != getattr(again, name)
            )
            self._differs(
                id=id, owed=recorded, position=self._position, what=OTHERWISE, fields=fields
            )

    def _differs(
        self, id: str, owed: Owed, position: int, what: str, fields: tuple[str, ...] = ()
    ) -> None:
        rule = self._decider.by_id.get(owed.rule) if self._decider else None
        looked_up = owed.entry.startswith(LOOKED_UP) or owed.digest or self._has_left(owed)
        looked_up = looked_up or owed.bundle is not None
        if rule is not None and (looked_up or rule.reads_today):
            self._found.changed += 1
            return
        self._found.disagree(
            Disagreement(
                notification=id,
                rule=owed.rule,
                entry=owed.entry,
                position=position,
                what=what,
                fields=fields,
            )
        )

    def _has_left(self, owed: Owed) -> bool:
        """Tell whether a silence is that of somebody who has left since: nobody is told."""
        learner = self._world.person(owed.person) if owed.person else None
        return owed.trigger == STALLED and learner is not None and bool(learner.left_as)

    def _read(self, stream: str) -> list[tuple[int, Any]]:
        decode = self._history.mapper.decode
        rows = self._history.stream(stream, self._position)
        return [(version, decode(topic, state)) for _, _, version, topic, state in rows]
