"""Consume Kafka topics; a record's offset is committed once the record is on disk.

Each round consumes what has come, keeps it in one commit of the ledger, and commits the offsets to
the group, which is not waited for: its answer is heard in the next round, and what was not taken
is committed again with that. To wait would have no end and would lock the client: with a broker
that hangs, a synchronous commit did not return in 150 s, and neither could any other call
(confluent-kafka 2.16.1, measured).

Partitions move between members cooperatively: the others are read on meanwhile. Callbacks run
inside `consume`, when nothing is in hand; what it returns of a partition lost in the same call
is kept, but committed only by its new owner, to whom it comes again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Event
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from service.incoming.letter import Arrival
from service.incoming.queues.consumer import Keep, QueueError
from service.incoming.queues.kafka_errors import SETTING, explain_refused_properties
from service.incoming.queues.kafka_group import (
    GroupMember,
    TopicPlace,
    firsts_of,
    is_trouble,
    look_into,
    place_of,
)

DEFAULTS: Mapping[str, object] = {
    "client.id": "coursebell",
    "auto.offset.reset": "earliest",
    # Connections to brokers that are gone are tried after 0.1 s, and later every 10 s. Otherwise
    # the client begins again with the first addresses each time all brokers are down, and so
    # tries, and logs in, 20 times a second (librdkafka 2.16.0, measured).
    "metadata.recovery.strategy": "none",
    # A new topic, or a new partition, is found that soon; otherwise after five minutes.
    "topic.metadata.refresh.interval.ms": 30_000,
    # Memory for what was fetched ahead; after the queue was full, the next fetch waits so long,
    # otherwise a second: 26,000 records a second are kept then, 60,000 with this (measured).
    "queued.max.messages.kbytes": 16_384,
    "fetch.queue.backoff.ms": 50,
}
OF_CLASSIC_GROUPS: Mapping[str, object] = {
    # While partitions move from one member to another, the others are read on.
    "partition.assignment.strategy": "cooperative-sticky",
    # What a killed member had is read again after that; otherwise after 45 s.
    "session.timeout.ms": 10_000,
}
"""Not to be set where the brokers decide on both (`group.protocol=consumer`)."""
ALWAYS: Mapping[str, object] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
}


log = logging.getLogger(__name__)
client_log = log.getChild("client")
# Broken connections come as errors too, and are told once and in words.
client_log.addFilter(lambda record: not record.getMessage().startswith(("FAIL ", "ERROR ")))


def complete(given: Mapping[str, str]) -> dict[str, object]:
    """Lay our properties of librdkafka under and over the given ones."""
    classic = given.get("group.protocol", "classic").lower() == "classic"
    return {**DEFAULTS, **(OF_CLASSIC_GROUPS if classic else {}), **given, **ALWAYS}


def try_properties(given: Mapping[str, str]) -> None:
    """Let the client read its properties with no broker to connect to; raises QueueError.

    A login that the protocol never asks for is refused too: librdkafka only warns of it.
    """
    protocol = given.get("security.protocol", "PLAINTEXT").upper()
    if given.get("sasl.username") and not protocol.startswith("SASL_"):
        expected = f"{SETTING}SECURITY_PROTOCOL: expected SASL_PLAINTEXT or SASL_SSL"
        raise QueueError(f"{expected} beside {SETTING}SASL_USERNAME, got another or none")
    try:
        Consumer({**complete(given), "bootstrap.servers": ""}, logger=client_log).close()
    except (KafkaException, ValueError, TypeError) as error:
        where = given["bootstrap.servers"]
        raise QueueError(explain_refused_properties(str(error), given, where)) from None


RECORDS_PER_COMMIT = 500
BYTES_PER_COMMIT = 8 * 1024 * 1024
ROUND_SECONDS = 1.0
WAIT_SECONDS = 0.25
CLOSE_SECONDS = 2.0
PAUSE_SECONDS = (1.0, 30.0)


class KafkaConsumer:
    """Consume as a member of a group, from the first `carry` on."""

    name = "kafka"

    def __init__(
        self,
        source: str,
        properties: Mapping[str, str],
        topics: Sequence[str],
        wants: Callable[[bytes], bool],
        keep: Keep,
        clock: Callable[[], int],
    ) -> None:
        """Connect to nothing; `properties` are librdkafka's, `clock` gives ms since 1970.

        `keep` must write even when there is nothing to keep, for that is how a store that failed
        is tried. Raises QueueError without `bootstrap.servers` or `group.id`.
        """
        for name in ("bootstrap.servers", "group.id"):
            if not properties.get(name):
                setting = SETTING + name.upper().replace(".", "_")
                raise QueueError(f"{setting}: expected {name} of a Kafka cluster, got nothing")
        self.source = source
        self._properties = properties
        self._names = (properties["bootstrap.servers"], properties["group.id"])
        self._topics = list(topics)
        self._wants, self._keep, self._clock = wants, keep, clock
        self._member = GroupMember(*self._names)
        self._consumer: Consumer | None = None
        self._at_once = RECORDS_PER_COMMIT
        self._pause = 0.0
        self._store_failed = False

    def carry(self, stopping: Event) -> int:
        """Do one round, as the protocol says; with a trouble, read for a second what can be read.

        As long as the store fails nothing is read: it would be fetched again every time.
        """
        found, begun = 0, time.monotonic()
        if self._store_failed:
            self._keep([], 0)
            self._store_failed = False
        while not stopping.wait(0.0 if self._consumer else self._pause):
            consumer = self._consumer or self._join()
            found += self._round(consumer)
            if found and not self._member.troubles:
                break
            if time.monotonic() - begun >= ROUND_SECONDS:
                self._commit(consumer)
                self._complain(consumer)
                break
        return found

    def is_current(self) -> bool:
        """Tell whether each of our partitions is at its end, or was a minute ago."""
        return self._member.is_current()

    def close(self) -> None:
        """Leave the group, so that others go on at once; a later `carry` would come back.

        A broker that hangs is not waited for: the group notices after the session timeout.
        """
        consumer, self._consumer = self._consumer, None
        self._member = GroupMember(*self._names)
        if consumer is None:
            return
        leaving = threading.Thread(target=consumer.close, name="kafka: leaving", daemon=True)
        leaving.start()
        leaving.join(CLOSE_SECONDS)
        if leaving.is_alive():
            about = {"event": "queue.left_without_answer"}
            log.warning("%s: left the group without an answer", self._names[0], extra=about)

    def _join(self) -> Consumer:
        member = self._member = GroupMember(*self._names)
        own = {"error_cb": member.complained, "on_commit": member.answered}
        try:
            self._consumer = Consumer({**complete(self._properties), **own}, logger=client_log)
            self._consumer.subscribe(self._topics, member.assigned, member.revoked, member.revoked)
        except (KafkaException, ValueError, TypeError) as error:
            self._give_up()
            reason = explain_refused_properties(str(error), self._properties, self._names[0])
            raise QueueError(reason) from None
        return self._consumer

    def _round(self, consumer: Consumer) -> int:
        """Read once what has come, and does with it all that has to be done."""
        messages = self._receive(consumer)
        records = [message for message in messages if message.error() is None]
        if records:
            try:
                self._put_on_disk(records)
            except BaseException:
                self._store_failed = True
                firsts = firsts_of(records)
                self._hear(consumer, [each for each in messages if place_of(each) not in firsts])
                self._go_back(consumer, firsts)
                raise
            self._commit(consumer)
        # Only now: a partition counts as read so far once its records are on disk.
        self._hear(consumer, messages)
        doubted = self._member.judge()
        if fatal := self._member.fatal:
            self._give_up()
            raise QueueError(fatal)
        self._go_back(consumer, doubted)
        if self._member.shares:
            self._pause = 0.0
        return len(records)

    def _receive(self, consumer: Consumer) -> list[Message]:
        """Record and ends of partitions; troubles are told to the member."""
        try:
            messages = consumer.consume(self._at_once, WAIT_SECONDS)
        except Exception as error:  # what it had taken out of its queue nobody has now
            self._give_up()
            reason = f"{self._names[0]}: reading broke off ({type(error).__name__})"
            raise QueueError(f"{reason}; it is begun again by itself") from error
        for message in filter(is_trouble, messages):
            self._member.complained(cast(KafkaError, message.error()), message.topic())
        return [message for message in messages if not is_trouble(message)]

    def _put_on_disk(self, records: Sequence[Message]) -> None:
        arrivals = list(self._arrivals(records))
        self._keep(arrivals, len(records) - len(arrivals))
        self._member.kept({place_of(record): (record.offset() or 0) + 1 for record in records})
        size = sum(map(len, records)) // len(records) + 1
        self._at_once = max(1, min(RECORDS_PER_COMMIT, BYTES_PER_COMMIT // size))

    def _arrivals(self, records: Iterable[Message]) -> Iterable[Arrival]:
        """Pick the records that are wanted; a null is nobody's letter."""
        now = self._clock()
        for record in records:
            body = record.value()
            if body is not None and self._wants(body):
                topic, partition = place_of(record)
                headers = {
                    "kafka-topic": topic,
                    "kafka-partition": str(partition),
                    "kafka-offset": str(record.offset()),
                }
                yield Arrival(self.source, now, headers, body)

    def _commit(self, consumer: Consumer) -> None:
        due = [TopicPartition(*place, offset) for place, offset in self._member.due.items()]
        if due:
            try:
                consumer.commit(offsets=due, asynchronous=True)
            except KafkaException as error:
                self._member.answered(error.args[0], [])

    def _hear(self, consumer: Consumer, messages: Iterable[Message]) -> None:
        look_into(consumer, self._member.hear(messages), self.source)

    def _go_back(self, consumer: Consumer, offsets: Mapping[TopicPlace, int]) -> None:
        """Read from there again; what went to somebody else meanwhile is left to them."""
        for place, offset in offsets.items():
            if self._member.left(place):
                try:
                    consumer.seek(TopicPartition(*place, offset))
                except KafkaException:  # then from where the group has committed it
                    self._give_up()
                    return

    def _complain(self, consumer: Consumer) -> None:
        if self._member.asks_for_a_broker:
            with suppress(KafkaException):
                consumer.list_topics(self._topics[0], timeout=WAIT_SECONDS)
                self._member.reached()
        if self._member.troubles:
            raise QueueError("; ".join(self._member.troubles.values()))

    def _give_up(self) -> None:
        """Leave; the next round begins anew after a pause, which grows while none succeeds."""
        self._pause = min(max(PAUSE_SECONDS[0], 2 * self._pause), PAUSE_SECONDS[1])
        self.close()
