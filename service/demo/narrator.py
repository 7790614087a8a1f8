"""Telling: what the ledger says has happened since we last looked, in lines for a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from service.app.app import App
from service.demo.words import UNCHANGED, Names, later, listed, recorded_in_words, why_not
from service.learners.enrollment import EnrollmentRecorded
from service.learners.enrollment_state import OPEN
from service.learners.facts import FactRecorded
from service.ledger.events import EventBody
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
from service.simulation.sent import Drawn, drawn

EVENTS_PER_PAGE = 10_000

Kind = Literal["changed", "unchanged", "set_aside", "owed", "told", "not_told"]
Logged = tuple[str, Any]
"""A stream's id and one event of it."""


class Line(NamedTuple):
    """One thing that happened: what or whom it is about, and what became of it.

    `rule` is the id of the rule that says so.
    """

    kind: Kind
    about: str
    text: str
    note: str = ""
    rule: str = ""


class Message(NamedTuple):
    """A message that left, and how many others it stands for."""

    drawn: Drawn
    others: int


class Telling:
    """Follows one installation: every line is read from its ledger and its drawer."""

    def __init__(self, app: App) -> None:
        """From here on: what was recorded before is not told."""
        self.messages: list[Message] = []
        self.outcomes: Counter[str] = Counter()
        self._app = app
        self._names = Names(app)
        self._position = app.ledger.max_notification_id()
        self._letters = app.letters.counts()["accepted"]
        self._owed: dict[str, Owed] = {}
        self._open: dict[str, bool] = {}

    def lines(self) -> list[Line]:
        """What happened since the last time: what came in, then who is told."""
        page = self._app.ledger.log(self._position, EVENTS_PER_PAGE)
        self._position = page[-1][0] if page else self._position
        events = [(stream, self._app.mapper.decode(t, raw)) for _, stream, _, t, raw in page]
        return [*self._came(events), *self._followed(events)]

    def _came(self, events: Sequence[Logged]) -> Iterator[Line]:
        """A line for each event of each letter."""
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
            self._names.learn(*event)
        about = self._names.subject(outcome["stream"])
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
        """A line for each notification that moved, by its newest event; those owed together."""
        newest: dict[str, EventBody] = {}
        for stream, body in events:
            if isinstance(body, Owed):
                self._owed[stream] = body
            if stream in self._owed:
                newest[stream] = body
        moved = sorted(newest.items(), key=lambda each: self._order(self._owed[each[0]]))
        yield from self._owing([self._owed[s] for s, body in moved if isinstance(body, Owed)])
        others = Counter(body.into for _, body in moved if isinstance(body, Ended))
        for stream, body in moved:
            yield from self._moved(stream, body, others[stream])

    def _order(self, owed: Owed) -> tuple[object, ...]:
        """The same in every run, though ids are random."""
        return owed.rule, self._names.place(owed.subject), self._names.recipient(owed)

    def _owing(self, fresh: Sequence[Owed]) -> Iterator[Line]:
        """What is to be told later, or only in the shadow."""
        groups: dict[tuple[str, str, str], dict[str, None]] = {}
        for owed in fresh:
            key = (owed.rule, later(owed.due_at, owed.decided_at), first_state(owed))
            groups.setdefault(key, {})[owed.recipient.replace("room:", "room ")] = None
        for (rule, due, state), whom in groups.items():
            when = "only in the shadow" if state == SHADOW else f"by {due}"
            yield Line("owed", f"rule {rule}", f"tells {listed(whom)} {when}", rule=rule)

    def _moved(self, stream: str, body: EventBody, others: int) -> Iterator[Line]:
        owed = self._owed[stream]
        whom = self._names.recipient(owed)
        if isinstance(body, WaitingForAddress):
            yield Line("owed", whom, "waits until an address is known", rule=owed.rule)
        elif isinstance(body, AttemptEnded) and body.then == SENT:
            yield self._told(stream, whom, others, owed)
        elif isinstance(body, AttemptEnded) or (isinstance(body, Ended) and not body.into):
            yield Line("not_told", whom, why_not(body), rule=owed.rule)

    def _told(self, stream: str, whom: str, others: int, owed: Owed) -> Line:
        found = drawn(self._app.settings.data / "drawer", stream, whom)
        self.messages.append(Message(found, others))
        note = f"with {others} more in the same message" if others else ""
        if owed.trigger == DIGEST:
            note = f"a list of {others}" if others > 1 else ""
        return Line("told", found.to, found.subject, note, owed.rule)
