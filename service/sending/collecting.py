"""Collecting: what becomes of the items of one reader when their digest may close."""

from collections.abc import Iterator, Sequence

import msgspec

from service.learners.events import Body
from service.learners.happening import World
from service.learners.people import Person
from service.rules.closings import Closing, next_closing
from service.rules.digests import REASON, DigestClosed, closed, group_of, stream_of
from service.rules.language import Defaults
from service.rules.notification import Notification
from service.rules.notifications import DROPPED, EXPIRED, Deferred, Ended
from service.rules.recipients import zone_of
from service.sending.steps import Row
from service.sending.verdict import TOO_LATE, Standing

Item = tuple[Notification, Standing]


class MadeUp(msgspec.Struct):
    """What becomes of the items of one reader: all of it is written, or nothing.

    It `rests_on` these streams being no longer than that.
    """

    rows: list[Row] = []
    rests_on: dict[str, int] = {}
    digests: int = 0

    def add(self, item: Notification, body: Body) -> None:
        """One more event of an item."""
        self.rows.append((item.id, item.version + 1, body))


def make_up(
    made: MadeUp, items: Sequence[Item], recipient: str, reader: Person | None,
    defaults: Defaults, world: World, now: int,
) -> None:  # fmt: skip
    """Adds the digests of one reader that close now, of items that stand by one entry.

    `recipient` is the reader's id or a room. Closings that were missed are made up as one, the
    latest. An item whose closing is still to come (its reader moved) waits for it; it ages from its
    closing, however long it waited for that.
    """
    for stream, grouped in _grouped(items, recipient):
        _make_up(made, stream, grouped, recipient, reader, defaults, world, now)


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
