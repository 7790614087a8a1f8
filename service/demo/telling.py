"""Telling: what the ledger says has happened since we last looked, in lines for a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from service.app import App
from service.demo.drawer import Drawn, drawn
from service.demo.names import Names
from service.demo.wording import UNCHANGED, clock, listed, recorded_in_words, why_not
from service.learners.enrollment import EnrollmentRecorded
from service.learners.episode import OPEN
from service.learners.events import Body, FactRecorded
from service.rules.notifications import (
    SENT,
    SHADOW,
    AttemptEnded,
    Ended,
    Owed,
    WaitingForAddress,
    first_state,
)

EVENTS_PER_PAGE = 10_000

Kind = Literal["changed", "unchanged", "set_aside", "owed", "told", "not_told"]


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

    def _came(self, events: Sequence[tuple[str, Any]]) -> Iterator[Line]:
        """A line for each event of each letter."""
        recorded = {
            (body.letter, body.item): (stream, body)
            for stream, body in events
            if isinstance(body, FactRecorded)
        }
        accepted = self._app.letters.counts()["accepted"]
        for n in range(self._letters + 1, accepted + 1):
            letter = self._app.letters.show(n) or {"events": ()}
            for item, outcome in enumerate(letter["events"]):
                self.outcomes[outcome["state"]] += 1
                yield self._outcome(outcome, recorded.get((n, item)))
        self._letters = accepted

    def _outcome(self, outcome: dict[str, str], event: tuple[str, Any] | None) -> Line:
        name, state, reason = outcome["name"], outcome["state"], outcome["reason"]
        if event is not None:
            self._names.learn(*event)
        about = self._names.subject(outcome["stream"])
        if state == "recorded" and event is not None:
            return Line("changed", name, f"{about}: {self._change(*event)}")
        if state == "set_aside":
            return Line("set_aside", name or "letter", f"set aside: {reason}")
        return Line("unchanged", name, ": ".join(filter(None, (about, UNCHANGED[state]))))

    def _change(self, stream: str, event: Any) -> str:
        again = self._open.get(stream) is False
        if isinstance(event, EnrollmentRecorded) and event.after is not None:
            self._open[stream] = event.after.status in OPEN
        return recorded_in_words(event, again)

    def _followed(self, events: Sequence[tuple[str, Any]]) -> Iterator[Line]:
        """A line for each notification that moved, by its last event; those owed together."""
        latest: dict[str, Body] = {}
        for stream, body in events:
            if isinstance(body, Owed):
                self._owed[stream] = body
            if stream in self._owed:
                latest.pop(stream, None)
                latest[stream] = body
        yield from self._owing({s: b for s, b in latest.items() if isinstance(b, Owed)})
        into = Counter(b.into for b in latest.values() if isinstance(b, Ended))
        for stream, body in latest.items():
            yield from self._moved(stream, body, into[stream])

    def _owing(self, fresh: dict[str, Body]) -> Iterator[Line]:
        """What is to be told later, or only in the shadow."""
        groups: dict[tuple[str, str, int, str], list[str]] = {}
        for stream in fresh:
            owed = self._owed[stream]
            key = (owed.rule, owed.subject, owed.due_at, first_state(owed))
            groups.setdefault(key, []).append(owed.recipient.replace("room:", "room "))
        for (rule, _, due, state), whom in groups.items():
            when = "only in the shadow" if state == SHADOW else f"at {clock(due)}"
            yield Line("owed", f"rule {rule}", f"tells {listed(whom)} {when}", rule=rule)

    def _moved(self, stream: str, body: Body, others: int) -> Iterator[Line]:
        owed = self._owed[stream]
        whom = self._names.recipient(owed)
        if isinstance(body, WaitingForAddress):
            yield Line("owed", whom, "no address is known yet: waits for one", rule=owed.rule)
        elif isinstance(body, AttemptEnded) and body.then == SENT:
            yield self._told(stream, whom, others, owed)
        elif isinstance(body, AttemptEnded) or (isinstance(body, Ended) and not body.into):
            yield Line("not_told", whom, why_not(body), rule=owed.rule)

    def _told(self, stream: str, whom: str, others: int, owed: Owed) -> Line:
        found = drawn(self._app.settings.data / "drawer", stream, whom)
        self.messages.append(Message(found, others))
        note = f"and {others} more in one message" if others else ""
        return Line("told", found.to, found.subject, note, owed.rule)
