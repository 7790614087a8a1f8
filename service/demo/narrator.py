"""Narrate what the ledger of a sandbox recorded since the last look, in lines for a person."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from service.app.app import App
from service.demo.adobe_letters import ZONE
from service.learners.enrollment import EnrollmentRecorded
from service.learners.enrollment_state import OPEN
from service.learners.facts import (
    Completed,
    CompletionRevoked,
    Enrolled,
    FactRecorded,
    Identity,
    SeatsReported,
    Unenrolled,
)
from service.ledger.events import EventBody
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.notification import (
    DIGEST,
    SENT,
    SHADOW,
    AttemptEnded,
    Ended,
    Owed,
    WaitingForAddress,
    first_state,
)
from service.sending.channels.drawer import DrawerMessage
from service.simulation.sandbox import Sandbox
from service.simulation.words import UNCHANGED, learner_name, recipient_name

REASONS = {
    "no_longer_true": "not true any more",
    "conditions_changed": "the rule's conditions do not hold any more",
    "rule_removed": "no rule says so any more",
}
TOPICS = {
    "instance.modified": "changed",
    "instance.deleted": "deleted",
    "course.drafted": "a draft was saved",
    "course.modified": "changed",
    "course.deleted": "deleted",
}

Kind = Literal["changed", "unchanged", "set_aside", "owed", "told", "not_told"]
Logged = tuple[str, Any]
"""A stream's id and one event of it."""


class Line(NamedTuple):
    """Say one thing that happened: what or whom it is about, and what became of it.

    `rule` is the id of the rule that says so.
    """

    kind: Kind
    about: str
    text: str
    note: str = ""
    rule: str = ""


class DeliveredMessage(NamedTuple):
    """Hold a message that left, and how many others it stands for."""

    read: DrawerMessage
    others: int


class Narrator:
    """Follow one sandbox: every line is read from its ledger and its drawer."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Begin here: what was recorded before is not told."""
        self.messages: list[DeliveredMessage] = []
        self.outcomes: Counter[str] = Counter()
        self._sandbox = sandbox
        self._app = sandbox.app
        self._subjects = NarratedSubjects(sandbox.app)
        self._position = self._app.ledger.end()
        self._letters = self._app.letters.counts()["accepted"]
        self._owed: dict[str, Owed] = {}
        self._open: dict[str, bool] = {}

    def lines(self) -> list[Line]:
        """Tell what happened since the last time: what came in, then who is told."""
        page = list(self._app.store.follow(self._position))
        self._position = page[-1].position if page else self._position
        events = [(event.stream, event.body) for event in page]
        return [*self._came(events), *self._followed(events)]

    def _came(self, events: Sequence[Logged]) -> Iterator[Line]:
        """Give a line for each event of each letter."""
        recorded = {
            (body.letter, body.item): (stream, body)
            for stream, body in events
            if isinstance(body, FactRecorded)
        }
        accepted = self._app.letters.counts()["accepted"]
        for n in range(self._letters + 1, accepted + 1):
            letter = self._app.letters.show(n)
            outcomes = letter["events"] if letter else ()
            for item, outcome in enumerate(outcomes):
                self.outcomes[outcome["state"]] += 1
                yield self._outcome(outcome, recorded.get((n, item)))
            if not outcomes:
                yield Line("unchanged", "an empty letter", "kept; it says nothing")
        self._letters = accepted

    def _outcome(self, outcome: dict[str, str], event: Logged | None) -> Line:
        name, state, reason = outcome["name"], outcome["state"], outcome["reason"]
        if event is not None:
            self._subjects.learn(*event)
        about = self._subjects.name(outcome["stream"])
        if state == "recorded" and event is not None:
            return Line("changed", name, f"{about}: {self._change(*event)}")
        if state == "set_aside":
            return Line("set_aside", name or "letter", f"set aside: {reason}")
        if state == "ignored":
            return Line("unchanged", name, f"ignored: {reason}")
        return Line("unchanged", name, f"{about}: {UNCHANGED[state]}")

    def _change(self, stream: str, event: Any) -> str:
        again = self._open.get(stream) is False
        if isinstance(event, EnrollmentRecorded) and event.after is not None:
            self._open[stream] = event.after.status in OPEN
        return recorded_in_words(event, again)

    def _followed(self, events: Sequence[Logged]) -> Iterator[Line]:
        """Give a line for each notification that moved, by its newest event; owed ones share."""
        newest: dict[str, EventBody] = {}
        for stream, body in events:
            if isinstance(body, Owed):
                self._owed[stream] = body
            if stream in self._owed:
                newest[stream] = body
        moved = sorted(newest.items(), key=lambda each: self._order(self._owed[each[0]]))
        yield from owed_in_words([body for _, body in moved if isinstance(body, Owed)])
        others = Counter(body.into for _, body in moved if isinstance(body, Ended))
        for stream, body in moved:
            yield from self._moved(stream, body, others[stream])

    def _order(self, owed: Owed) -> tuple[object, ...]:
        """Give the same order in every run, though ids are random."""
        return owed.rule, self._subjects.place(owed.subject), self._recipient(owed)

    def _recipient(self, owed: Owed) -> str:
        return recipient_name(self._app.people, owed)

    def _moved(self, stream: str, body: EventBody, others: int) -> Iterator[Line]:
        owed = self._owed[stream]
        whom = self._recipient(owed)
        match body:
            case WaitingForAddress():
                yield Line("owed", whom, "waits until an address is known", rule=owed.rule)
            case AttemptEnded(then=then) if then == SENT:
                yield self._told(stream, whom, others)
            case AttemptEnded(outcome=outcome, then=then):
                why = f"{outcome}; {then.replace('_', ' ')}"
                yield Line("not_told", whom, why, rule=owed.rule)
            case Ended(state=state, reason=reason, into=into) if not into:
                why = f"{state}: {REASONS.get(reason) or reason_in_words(reason)}"
                yield Line("not_told", whom, why, rule=owed.rule)

    def _told(self, stream: str, whom: str, others: int) -> Line:
        owed, read = self._owed[stream], self._sandbox.message(stream, whom)
        self.messages.append(DeliveredMessage(read, others))
        note = f"with {others} more in the same message" if others else ""
        if owed.trigger == DIGEST:
            note = f"a list of {others}" if others > 1 else ""
        return Line("told", read.to, read.subject, note=note, rule=owed.rule)


class NarratedSubjects:
    """Remember what each stream is about, in the order in which they were first heard of."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._abouts: dict[str, Identity] = {}

    def learn(self, stream: str, event: Any) -> None:
        """Note what a stream is about; its first event says so."""
        if isinstance(event, FactRecorded) and event.about is not None and event.about.course:
            self._abouts[stream] = event.about

    def place(self, stream: str) -> int:
        """Tell where a stream stands in their order; -1 for no known stream."""
        return list(self._abouts).index(stream) if stream in self._abouts else -1

    def name(self, stream: str) -> str:
        """Give `Ada Lindgren, Giving Feedback`, or only the title; empty for no known stream."""
        about = self._abouts.get(stream)
        if about is None:
            return ""
        course = self._app.courses.get(about.source, about.account, about.course)
        title = (course and course.title) or about.course
        person = about.person
        return f"{learner_name(self._app.people, person)}, {title}" if person else title


def owed_in_words(fresh: Iterable[Owed]) -> Iterator[Line]:
    """Say what is to be told later, or only in the shadow."""
    groups: dict[tuple[str, str, str], dict[str, None]] = {}
    for owed in fresh:
        key = (owed.rule, later(owed.due_at, owed.decided_at), first_state(owed))
        groups.setdefault(key, {})[owed.recipient.replace("room:", "room ")] = None
    for (rule, due, state), whom in groups.items():
        when = "only in the shadow" if state == SHADOW else f"by {due}"
        yield Line("owed", f"rule {rule}", f"tells {and_listed(whom)} {when}", rule=rule)


def recorded_in_words(event: Any, again: bool) -> str:
    """Say what a recorded fact changed; `again`: the enrollment had ended before."""
    if event.topic in TOPICS:
        return TOPICS[event.topic]
    if event.topic == SeatsReported.TOPIC:
        return seats_in_words(event.said)
    return enrollment_in_words(event, again)


def seats_in_words(said: SeatsReported) -> str:
    """Say `11 of 12 taken, 1 waiting`."""
    if said.seat_limit is None:
        return f"{said.enrollment_count} seats taken"
    waiting = f", {said.waitlist_count} waiting" if said.waitlist_count else ""
    return f"{said.enrollment_count} of {said.seat_limit} taken{waiting}"


Words = Callable[[Any, bool], str]
ENROLLMENT_WORDS: Mapping[str, Words] = {
    Enrolled.TOPIC: lambda after, again: "enrolled again" if again else "enrolled",
    Completed.TOPIC: lambda after, again: "not passed" if after.passed is False else "completed",
    CompletionRevoked.TOPIC: lambda after, again: "taken back",
    Unenrolled.TOPIC: lambda after, again: "left",
}
"""What changed, from how the enrollment stands afterwards; other facts are of progress."""


def enrollment_in_words(event: EnrollmentRecorded, again: bool) -> str:
    """Say `enrolled`, `completed`, `at 40 %`."""
    after = event.after
    if not event.transitions or after is None:
        return "date filled in" if event.topic == Enrolled.TOPIC else "noted"
    words = ENROLLMENT_WORDS.get(event.topic)
    if words is not None:
        return words(after, again)
    return "under way" if after.progress is None else f"at {after.progress:g} %"


def clock(at: int) -> str:
    """Show a moment (ms UTC) as a clock at the academy does."""
    return datetime.fromtimestamp(at / 1000, ZONE).strftime("%H:%M")


def day(at: int) -> str:
    """Name the day of a moment (ms UTC) at the academy, `Monday 2 November`."""
    then = datetime.fromtimestamp(at / 1000, ZONE)
    return f"{then:%A} {then.day} {then:%B}"


def later(at: int, now: int) -> str:
    """Name a moment to come (ms UTC): `16:30`, on another day `Wednesday 08:30`."""
    name, another = day(at).partition(" ")[0], day(at) != day(now)
    return f"{name} {clock(at)}" if another else clock(at)


def and_listed(words: Iterable[str]) -> str:
    """Say `learner`, `learner and manager`, `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
