"""How the Kafka client is set: what the settings may overrule, and what they may not."""

from collections.abc import Mapping

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


def complete(given: Mapping[str, str]) -> dict[str, object]:
    """The given properties of librdkafka with ours under and over them."""
    classic = given.get("group.protocol", "classic").lower() == "classic"
    return {**DEFAULTS, **(OF_CLASSIC_GROUPS if classic else {}), **given, **ALWAYS}
