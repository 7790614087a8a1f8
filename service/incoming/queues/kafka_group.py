"""Know as a member of a consumer group which partitions are ours, how far, what is wrong."""

import logging
import time
from collections.abc import Iterable
from math import inf
from typing import NamedTuple, cast

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from service.incoming.queues.kafka_errors import VAGUE, explain_kafka_error

STILL_CURRENT_SECONDS = 60.0
ASK_SECONDS = 2.0
REACHING, JOINING = "brokers", "group"
"""Keys of the troubles that are not of one topic; they are no names of topics but may look so."""

TopicPlace = tuple[str, int]
"""Topic and partition."""

LOST = (
    "topic %s, partition %d: up to %d records (offsets %d to before %d) were deleted by the broker "
    "before we read them; bring in archived payloads with `coursebell letters import --source %s`"
)

log = logging.getLogger(__name__)


class PartitionState(msgspec.Struct):
    """Hold one partition of ours.

    `next` is the offset to be read next, None where the group has committed none. `left_end` is
    when it left its end (monotonic s): never while it is there, always before it was there first.
    `heard` tells whether it was read since the last trouble.
    """

    next: int | None = None
    left_end: float = -inf
    heard: bool = False


class Gap(NamedTuple):
    """Note that a partition went on at `found` and not where it was to."""

    place: TopicPlace
    expected: int
    found: int


class GroupMember:
    """Hold what one consumer knows; the callbacks run inside `consume`, and never raise."""

    def __init__(self, servers: str, group: str) -> None:
        self.shares: dict[TopicPlace, PartitionState] = {}
        self.due: dict[TopicPlace, int] = {}
        """Offsets to be committed, until the group has answered that they are."""
        self.troubles: dict[str, str] = {}
        self.fatal: str | None = None
        self._where = {REACHING: servers, JOINING: f"group {group} at {servers}"}
        self._errors: list[tuple[KafkaError, str | None]] = []
        self._refused = False

    def assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Take on partitions; each goes on where the group has committed it."""
        try:
            committed = consumer.committed(partitions, timeout=ASK_SECONDS) if partitions else []
        except KafkaException:
            committed = partitions
        for each in committed:
            share = PartitionState(each.offset if each.offset >= 0 else None)
            self.shares[each.topic, each.partition] = share
        self.troubles.pop(JOINING, None)

    def revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Let go of partitions, and of what is still to be committed of them."""
        for each in partitions:
            self.shares.pop((each.topic, each.partition), None)
            self.due.pop((each.topic, each.partition), None)

    def complained(self, error: KafkaError, topic: str | None = None) -> None:
        """Note a trouble of the client, with one topic or with all; `judge` takes it up."""
        self._errors.append((error, topic))

    def answered(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Note that the group has taken offsets, or refused them: then they stay due."""
        refused = error or next((each.error for each in partitions if each.error), None)
        for each in partitions:
            place = (each.topic, each.partition)
            if not error and not each.error and self.due.get(place, inf) <= each.offset:
                del self.due[place]
        if refused and not self._refused:
            log.warning(
                "offsets are not committed (%s); records may come again",
                refused.name(),
                extra={"event": "queue.offsets_refused", "code": refused.name()},
            )
        elif self._refused and not refused:
            log.info("offsets are committed again", extra={"event": "queue.offsets_taken"})
        self._refused = bool(refused)

    def kept(self, nexts: dict[TopicPlace, int]) -> None:
        """Record before these offsets are on disk; those of others' partitions are theirs."""
        self.due |= {place: offset for place, offset in nexts.items() if place in self.shares}

    def hear(self, messages: Iterable[Message]) -> list[Gap]:
        """Note how far each partition is by its records and ends; return what was left out."""
        gaps, now = [], time.monotonic()
        for message in messages:
            share = self.shares.get(place := place_of(message))
            if share is None:
                continue
            offset, at_end = message.offset() or 0, message.error() is not None
            if share.next is not None and offset > share.next:
                gaps.append(Gap(place, share.next, offset))
            share.next = offset if at_end else offset + 1
            share.left_end = inf if at_end else min(share.left_end, now)
            share.heard = True
        self._get_well()
        return gaps

    def left(self, place: TopicPlace) -> bool:
        """Note that a partition is to be read again before its end; false if it is not ours."""
        share = self.shares.get(place)
        if share is not None:
            share.left_end = min(share.left_end, time.monotonic())
        return share is not None

    def judge(self) -> dict[TopicPlace, int]:
        """Take up what went wrong; return where to read again, for only reading is a proof."""
        doubted: dict[TopicPlace, int] = {}
        errors, self._errors = self._errors, []
        for error, topic in errors:
            if error.code() == KafkaError._FATAL:
                self.fatal = explain_kafka_error(error, self._where[JOINING])
            key = topic or (REACHING if error.code() < 0 else JOINING)
            if key not in self.troubles:
                for place, share in self._shares_of(key).items():
                    share.heard = False
                    if share.next is not None:
                        doubted[place] = share.next
            if key not in self.troubles or error.code() not in VAGUE:
                where = self._where.get(key, f"topic {topic} at {self._where[REACHING]}")
                self.troubles[key] = explain_kafka_error(error, where)
        return doubted

    @property
    def asks_for_a_broker(self) -> bool:
        """Tell whether any broker's answer would end a trouble, as nothing of ours can be read."""
        return REACHING in self.troubles and not self.shares

    def reached(self) -> None:
        """Note that a broker has answered."""
        self.troubles.pop(REACHING, None)

    def is_current(self) -> bool:
        """Tell whether every partition is at its end, or was a moment ago; other threads ask."""
        shares, now = list(self.shares.values()), time.monotonic()
        at_end = all(now - share.left_end < STILL_CURRENT_SECONDS for share in shares)
        return bool(shares) and at_end and not self.troubles

    def _get_well(self) -> None:
        for key in list(self.troubles):
            shares = self._shares_of(key).values()
            if shares and all(share.heard for share in shares):
                del self.troubles[key]

    def _shares_of(self, key: str) -> dict[TopicPlace, PartitionState]:
        """Pick those of one topic, or all."""
        everywhere = key in self._where
        return {p: share for p, share in self.shares.items() if everywhere or p[0] == key}


def place_of(message: Message) -> TopicPlace:
    """Say where a record, or the end of a partition, was read."""
    return cast(TopicPlace, (message.topic(), message.partition()))


def firsts_of(records: Iterable[Message]) -> dict[TopicPlace, int]:
    """Find the first offset of each partition."""
    firsts: dict[TopicPlace, int] = {}
    for record in records:
        firsts.setdefault(place_of(record), record.offset() or 0)
    return firsts


def is_trouble(message: Message) -> bool:
    """Tell whether it is neither a record nor the end of a partition."""
    error = message.error()
    return error is not None and error.code() != KafkaError._PARTITION_EOF


def look_into(consumer: Consumer, gaps: Iterable[Gap], source: str) -> None:
    """Tell of records lost; a gap is none where its offsets are still there, as transactions'."""
    lows: dict[TopicPlace, float] = {}
    for gap in gaps:
        if gap.place not in lows:
            lows[gap.place] = low_of(consumer, gap.place)
        if lows[gap.place] > gap.expected:
            count = gap.found - gap.expected
            about = {"event": "queue.records_lost", "source": source, "records": count}
            log.error(LOST, *gap.place, count, gap.expected, gap.found, source, extra=about)


def low_of(consumer: Consumer, place: TopicPlace) -> float:
    """Ask for the first offset that a broker still has; infinite when it does not say."""
    try:
        marks = consumer.get_watermark_offsets(TopicPartition(*place), timeout=ASK_SECONDS)
    except KafkaException:
        return inf
    return marks[0] if marks else inf
