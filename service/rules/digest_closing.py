"""Collecting: what becomes of the items of one reader when their digest may close."""

from collections.abc import Iterator, Sequence

import msgspec

from service.learners.directory.people import Person
from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.calendar import Closing, next_closing
from service.rules.digests import REASON, DigestClosed, closed, group_of, stream_of
from service.rules.notification import (
    CANCELLED,
    DROPPED,
    EXPIRED,
    Deferred,
    Ended,
    Held,
    Notification,
    WaitingForAddress,
)
from service.rules.recipients import ROOM, recipient_of, zone_of
from service.rules.rule import Defaults, place_of
from service.rules.verdict import ADDRESS_WAIT_MS, TOO_LATE, Standing

Row = tuple[str, int, EventBody]
"""A stream, the version of its next event, and that."""


Item = tuple[Notification, Standing]
ItemVerdict = Standing | Ended | Held
Judged = tuple[Notification, ItemVerdict]
Reader = tuple[str, tuple[str, str], str]
"""A rule, where its entry stands, and who is to read: the id of a person, a room, or empty for
nobody known. Not the entry itself: with new words it is the same one."""


class MadeUp(msgspec.Struct):
    """What becomes of the items of one reader: all of it is written, or nothing.

    It `rests_on` these streams being no longer than that.
    """

    rows: list[Row] = []
    rests_on: dict[str, int] = {}
    digests: int = 0

    def add(self, item: Notification, body: EventBody) -> None:
        """One more event of an item."""
        self.rows.append((item.id, item.version + 1, body))


def reader_of(rule: str, entry: str, recipient: str, learner: str | None, world: World) -> Reader:
    """Who is to read an item, as known now."""
    if not recipient.startswith(ROOM):
        found = recipient_of(recipient, learner, world)
        recipient = found.id if found and found.email else ""
    return rule, place_of(entry), recipient


def make_up(
    items: Sequence[Judged], reader: Reader, defaults: Defaults, world: World, now: int
) -> MadeUp:
    """What becomes of the items of one reader, as they were judged; some close as digests.

    Closings that were missed are made up as one, the latest. An item whose closing is still to
    come (its reader moved) waits for it; it ages from its closing, however long it waited for that.
    """
    made, stands = MadeUp(), list[Item]()
    recipient = reader[2]
    for item, verdict in items:
        if not isinstance(verdict, Standing):
            made.add(item, verdict)
        elif verdict.entry.digest is None:
            made.add(item, Ended(at=now, state=CANCELLED, reason="rule_removed"))
        elif not recipient:
            made.add(item, WaitingForAddress(at=now, until=now + ADDRESS_WAIT_MS))
        else:
            stands.append((item, verdict))
    person = None if recipient.startswith(ROOM) else world.person(recipient)
    for stream, grouped in _grouped(stands, recipient):
        _make_up(made, stream, grouped, recipient, person, defaults, world, now)
    return made


def _make_up(
    made: MadeUp, stream: str, items: Sequence[Item], recipient: str, reader: Person | None,
    defaults: Defaults, world: World, now: int,
) -> None:  # fmt: skip
    rule, entry = items[0][1].rule, items[0][1].entry
    assert entry.digest is not None
    version, last = world.latest(stream) or (0, None)
    later_than = last.local if isinstance(last, DigestClosed) else ""
    zone = zone_of(reader, defaults)
    chosen: list[tuple[Closing, Notification]] = []
    for item, _ in items:
        closing = next_closing(entry.digest, zone, item.joins_at, later_than)
        if now >= closing.at + rule.expires_after_ms:
            made.add(item, Ended(at=now, state=EXPIRED, reason=TOO_LATE))
        elif closing.at > now:
            made.add(item, Deferred(at=now, until=closing.at, reason=REASON))
        else:
            chosen.append((closing, item))
    if not chosen:
        return
    latest = max((closing for closing, _ in chosen), key=lambda closing: closing.at)
    told = [item for _, item in chosen]
    event, id, owed = closed(rule, entry, recipient, stream, version + 1, latest, told, now)
    made.rows += [(stream, version + 1, event), (id, 1, owed)]
    made.digests += 1
    for item in told:
        made.add(item, Ended(at=now, state=DROPPED, reason=REASON, into=id))


def _grouped(items: Sequence[Item], recipient: str) -> Iterator[tuple[str, list[Item]]]:
    """Items by the stream of their digest."""
    streams: dict[str, list[Item]] = {}
    for item in items:
        notification, found = item
        group = group_of(notification.owed, found.entry)
        stream = stream_of(found.rule, found.entry, recipient, group)
        streams.setdefault(stream, []).append(item)
    yield from streams.items()
