"""Collect for one reader what leaves as one message, and close it at its hour."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from service.learners.directory.people import Person
from service.learners.facts import Identity
from service.learners.feed_subjects import Bundle
from service.learners.world import World
from service.ledger.events import EventBody, NewEvent, stream_id
from service.rules.calendar import Closing, next_closing
from service.rules.decider import OccurrenceKey, notification_id
from service.rules.judgement import Due, Ground, Verdict
from service.rules.notification import (
    DIGEST,
    DROPPED,
    EXPIRED,
    SUPPRESSED,
    Deferred,
    Ended,
    Notification,
    Owed,
    WaitingForAddress,
)
from service.rules.readers.choices import zone_chosen
from service.rules.rule import LEFT, ROOM, Entry, Rule, bundle_for, find_reader, place_of
from service.rules.verdict import ADDRESS_WAIT_MS, TOO_LATE

REASON = "digest"

DueItem = tuple[Notification, Due]
"""An item that holds."""


class DigestReader(NamedTuple):
    """Say whose digest it is: by which rule, where its entry stands, and who is to read.

    `recipient` is the id of a person, a room, or empty for nobody known, and for all having
    `left` who could be. Not the entry itself: with new words it is the same one.
    """

    rule: str
    place: tuple[str, str]
    recipient: str
    left: bool = False


class DigestClosed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record that a digest was made up at `at` of these items; `local` names the closing."""

    TOPIC: ClassVar[str] = "digest.closed"
    at: int
    local: str
    items: tuple[str, ...]


SHAPES: Mapping[str, Any] = {DigestClosed.TOPIC: DigestClosed}


def stream_of(rule: Rule, entry: Entry, recipient: str, group: Sequence[str]) -> str:
    """Name the stream of a digest: for one reader, by one entry, of one group of things."""
    return stream_id("d", rule.mode, rule.id, entry.key, recipient, *group)


def group_of(owed: Owed, entry: Entry) -> tuple[str, ...]:
    """Give the values by which a digest keeps an item apart from others."""
    assert entry.digest is not None
    values: Mapping[str, str | None] = {
        "course.id": owed.course,
        "course.kind": owed.kind,
        "instance.id": owed.instance,
        "event.source": owed.source,
        "event.account": owed.account,
    }
    return tuple(values[field] or "" for field in entry.digest.group_by)


def bundle_of(stream: str, items: Sequence[Owed]) -> Bundle:
    """Give what these items have in common."""

    def common(name: str) -> Any:
        values = {getattr(owed, name) for owed in items}
        return values.pop() if len(values) == 1 else ""

    about = Identity(
        common("source"),
        common("account"),
        course=common("course"),
        kind=common("kind"),
        instance=common("instance") or None,
    )
    return Bundle(stream, about)


class DigestAddress(NamedTuple):
    """Name a digest: by which rule and entry, whose, and its stream."""

    rule: Rule
    entry: Entry
    recipient: str
    stream: str

    def closes(
        self, closing: Closing, version: int, items: Sequence[Notification]
    ) -> "DigestClosing":
        """Make it up of these items, as a version of its stream."""
        key = OccurrenceKey(
            source="", account="", subject=self.stream, occurrence=closing.local, at=closing.at
        )
        id = notification_id(self.rule, self.entry, key, self.recipient)
        return DigestClosing(digest=self, closing=closing, version=version, items=items, id=id)


class DigestClosing(NamedTuple):
    """Hold one closing of a digest, and the id of the notification it makes."""

    digest: DigestAddress
    closing: Closing
    version: int
    items: Sequence[Notification]
    id: str

    def owed(self, now: int) -> Owed:
        """Make the first event of its notification."""
        rule, entry, recipient, stream = self.digest
        about = bundle_of(stream, [item.owed for item in self.items]).about
        return Owed(
            rule=rule.id,
            entry=entry.key,
            mode=rule.mode,
            template=entry.template,
            channel=entry.channel,
            recipient=recipient,
            trigger=DIGEST,
            occurrence=self.closing.local,
            subject=stream,
            version=self.version,
            source=about.source,
            account=about.account,
            course=about.course,
            kind=about.kind,
            instance=about.instance,
            decided_at=now,
            due_at=now,
            event_at=self.closing.at,
            bundle=self._bundle,
        )

    @property
    def _bundle(self) -> str | None:
        """Name what else leaves with it: at its hour it takes along what waits for its reader."""
        rule, entry, recipient, _ = self.digest
        bundled = rule.bundle_ms and not recipient.startswith(ROOM)
        return bundle_for(entry.channel, recipient) if bundled else None


class ClosedDigests(msgspec.Struct):
    """Hold what becomes of the items of one reader: all of it is written, or nothing.

    It `rests_on` these streams being no longer than that.
    """

    rows: list[NewEvent] = []
    rests_on: dict[str, int] = {}
    digests: int = 0

    def add(self, item: Notification, body: EventBody) -> None:
        """Add one more event of an item."""
        self.rows.append((item.id, item.version + 1, body))


class DigestItem(Protocol):
    """Say what is told in a digest: by which rule and entry, to whom, of whom."""

    @property
    def rule(self) -> str: ...
    @property
    def entry(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def person(self) -> str | None: ...


def reader_of(owed: DigestItem, world: World) -> DigestReader:
    """Tell who is to read an item, as known now."""
    recipient, left = owed.recipient, False
    if not recipient.startswith(ROOM):
        found = find_reader(recipient, owed.person, world)
        recipient = found.person.id if found.person and found.person.email else ""
        left = found.left
    return DigestReader(owed.rule, place_of(owed.entry), recipient, left=left)


def close(
    items: Iterable[tuple[Notification, Verdict]], reader: DigestReader, ground: Ground
) -> ClosedDigests:
    """Say what becomes of the items of one reader, as they were judged; some close as digests.

    Closings that were missed are made up as one, the latest. An item whose closing is still to
    come (its reader moved) waits for it; it ages from its closing, however long it waited.
    """
    closed, stands, now = ClosedDigests(), list[DueItem](), ground.now
    for item, verdict in items:
        if reader.left:
            closed.add(item, Ended(at=now, state=SUPPRESSED, reason=LEFT))
        elif isinstance(verdict, EventBody):
            closed.add(item, verdict)
        elif not reader.recipient:
            closed.add(item, WaitingForAddress(at=now, until=now + ADDRESS_WAIT_MS))
        elif isinstance(verdict, Due):
            stands.append((item, verdict))
    if not stands:
        return closed
    rule = ground.decider.by_id[reader.rule]
    for stream, grouped in _grouped(rule, stands, reader.recipient):
        digest = DigestAddress(rule, grouped[0][1].entry, reader.recipient, stream)
        _close(closed, digest, grouped, ground)
    return closed


def _close(
    closed: ClosedDigests, digest: DigestAddress, items: Sequence[DueItem], ground: Ground
) -> None:
    """Close one digest of these items, of which some may have to wait, or come too late."""
    rule, kind = digest.rule, digest.entry.digest
    assert kind is not None
    version, last = ground.world.latest(digest.stream) or (0, None)
    later_than = last.local if isinstance(last, DigestClosed) else ""
    reader = _person(digest.recipient, ground)
    zone = zone_chosen(reader, ground.decider.rules.defaults, ground.world)
    chosen: list[tuple[Closing, Notification]] = []
    for item, _ in items:
        closing = next_closing(kind, zone, item.joins_at, later_than)
        if ground.now >= closing.at + rule.expires_after_ms:
            closed.add(item, Ended(at=ground.now, state=EXPIRED, reason=TOO_LATE))
        elif closing.at > ground.now:
            closed.add(item, Deferred(at=ground.now, until=closing.at, reason=REASON))
        else:
            chosen.append((closing, item))
    if chosen:
        latest = max((closing for closing, _ in chosen), key=lambda closing: closing.at)
        made = digest.closes(latest, version + 1, [item for _, item in chosen])
        _make_up(closed, made, ground.now)


def _person(recipient: str, ground: Ground) -> Person | None:
    return None if recipient.startswith(ROOM) else ground.world.person(recipient)


def _make_up(closed: ClosedDigests, made: DigestClosing, now: int) -> None:
    """Add the closing of a digest, the notification it makes, and the end of each item."""
    told = tuple(item.id for item in made.items)
    event = DigestClosed(at=now, local=made.closing.local, items=told)
    closed.rows += [(made.digest.stream, made.version, event), (made.id, 1, made.owed(now))]
    closed.digests += 1
    for item in made.items:
        closed.add(item, Ended(at=now, state=DROPPED, reason=REASON, into=made.id))


def _grouped(
    rule: Rule, items: Iterable[DueItem], recipient: str
) -> Iterator[tuple[str, list[DueItem]]]:
    """Group items by the stream of their digest."""
    streams: dict[str, list[DueItem]] = {}
    for item, due in items:
        stream = stream_of(rule, due.entry, recipient, group_of(item.owed, due.entry))
        streams.setdefault(stream, []).append((item, due))
    yield from streams.items()
