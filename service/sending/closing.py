"""Closing: what was collected becomes one message for each reader, when its hour has come."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError, PersistenceError

from service.learners.events import EventMapper
from service.learners.knowledge import Knowledge
from service.learners.ledger import Ledger
from service.learners.views import Views
from service.rules.decide import Decider
from service.rules.language import place_of
from service.rules.muting import STREAM as MUTING
from service.rules.muting import MutingChanged, muting_of
from service.rules.notification import Notification
from service.rules.notifications import CANCELLED, HELD, Ended, Held, WaitingForAddress
from service.rules.recipients import ROOM, recipient_of
from service.sending import queue
from service.sending.collecting import MadeUp, make_up
from service.sending.docket import Docket
from service.sending.planning import broken
from service.sending.verdict import ADDRESS_WAIT_MS, Standing, standing

READERS_AT_A_TIME = 100

Verdict = Standing | Ended | Held
Reader = tuple[str, tuple[str, str], str]
"""A rule, where its entry stands, and who is to read: the id of a person, a room, or empty for
nobody known. Not the entry itself: with new words it is the same one."""


class Closer:
    """Closes the digests whose hour has come."""

    def __init__(
        self, ledger: Ledger, mapper: EventMapper, views: Views, docket: Docket,
        knowledge: Knowledge, decider: Callable[[], Decider],
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._mapper = mapper
        self._views = views
        self._docket = docket
        self._knowledge = knowledge
        self._decider = decider

    def close(self, now: int) -> int:
        """Makes up what is due, by the views; returns how many digests were closed.

        What somebody else moved meanwhile is left for the next time.
        """
        rows = queue.items_due(self._views, now)
        if not rows:
            return 0
        self._knowledge.forget()
        readers: dict[Reader, list[str]] = {}
        for row in rows:
            readers.setdefault(self._reader(row), []).append(row["id"])
        waiting = list(readers.items())
        starts = range(0, len(waiting), READERS_AT_A_TIME)
        return sum(self._close(waiting[s : s + READERS_AT_A_TIME], now) for s in starts)

    def _reader(self, row: Mapping[str, Any]) -> Reader:
        recipient = row["recipient"]
        if not recipient.startswith(ROOM):
            found = recipient_of(recipient, row["person"], self._knowledge)
            recipient = found.id if found and found.email else ""
        return row["rule"], place_of(row["entry"]), recipient

    def _close(self, readers: Sequence[tuple[Reader, list[str]]], now: int) -> int:
        """The digests of some readers, in one transaction if nobody interferes."""
        ids = [id for _, items in readers for id in items]
        found = {n.id: n for n in self._docket.notifications(ids) if is_collected(n, now)}
        muting = muting_of(self._knowledge)
        judged = self._judged(list(found.values()), muting[1], now)
        made = []
        for (_, _, recipient), items in readers:
            mine = [(found[id], judged[id]) for id in items if id in found]
            made.append(self._made_up(mine, recipient, muting[0], now))
        return self._write(made)

    def _judged(
        self, items: Sequence[Notification], muted: MutingChanged, now: int
    ) -> dict[str, Verdict]:
        subjects, decider = self._docket.subjects(items), self._decider()
        judged: dict[str, Verdict] = {}
        for item in items:
            try:
                judged[item.id] = standing(
                    item, subjects[item.id], decider, self._knowledge, now, muted
                )
            except (sqlite3.Error, PersistenceError):
                raise
            except Exception as error:  # what breaks the program must not hold up the others
                judged[item.id] = broken(item, error, now)
        return judged

    def _made_up(
        self, items: Sequence[tuple[Notification, Verdict]], recipient: str, muting: int, now: int
    ) -> MadeUp:
        made, standing = MadeUp(), []
        if any(isinstance(verdict, Held) for _, verdict in items):
            made.rests_on[MUTING] = muting  # else what was unmuted meanwhile would stay held
        for item, verdict in items:
            if not isinstance(verdict, Standing):
                made.add(item, verdict)
            elif verdict.entry.digest is None:
                made.add(item, Ended(at=now, state=CANCELLED, reason="rule_removed"))
            elif not recipient:
                made.add(item, WaitingForAddress(at=now, until=now + ADDRESS_WAIT_MS))
            else:
                standing.append((item, verdict))
        person = None if recipient.startswith(ROOM) else self._knowledge.person(recipient)
        defaults = self._decider().rules.defaults
        make_up(made, standing, recipient, person, defaults, self._knowledge, now)
        return made

    def _write(self, made: Sequence[MadeUp]) -> int:
        encode = self._mapper.encode
        rows = [(stream, v, *encode(body)) for each in made for stream, v, body in each.rows]
        rests_on = {stream: v for each in made for stream, v in each.rests_on.items()}
        try:
            with self._ledger.transaction() as cursor:
                self._docket.insist(rests_on)
                self._ledger.append(cursor, rows)
        except IntegrityError:
            return sum(self._write([each]) for each in made) if len(made) > 1 else 0
        return sum(each.digests for each in made)


def is_collected(item: Notification, now: int) -> bool:
    """Whether the log itself says that it waits for a digest that may close now."""
    return item.owed.digest and item.is_open and item.state != HELD and item.due_at <= now
