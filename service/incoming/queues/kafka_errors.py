"""Say what is wrong with a Kafka: where, what was expected, and what to do."""

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError

SETTING = "COURSEBELL_KAFKA_"
UNREACHABLE = (
    f"no broker answers; expected one there that speaks {SETTING}SECURITY_PROTOCOL; check the "
    f"network, the firewall and {SETTING}BOOTSTRAP_SERVERS; it is tried again by itself"
)
NO_TOPIC = (
    f"there is no such topic; create it, or correct {SETTING}TOPIC; others are read meanwhile"
)
WORDS: Mapping[int, str] = {
    KafkaError._TRANSPORT: UNREACHABLE,
    KafkaError._ALL_BROKERS_DOWN: UNREACHABLE,
    KafkaError._TIMED_OUT: UNREACHABLE,
    KafkaError._RESOLVE: (
        f"there is no such host; correct {SETTING}BOOTSTRAP_SERVERS, or the listeners that the "
        "brokers advertise"
    ),
    KafkaError._SSL: (
        "TLS fails; expected a listener with TLS and a certificate we can trust; check "
        f"{SETTING}SECURITY_PROTOCOL and {SETTING}SSL_CA_LOCATION"
    ),
    KafkaError._AUTHENTICATION: (
        "the login is refused; expected a user of this cluster and a mechanism it offers; check "
        f"{SETTING}SASL_USERNAME, {SETTING}SASL_PASSWORD and {SETTING}SASL_MECHANISM"
    ),
    KafkaError._FATAL: (
        "the client has ended itself, as it does when another one joins with the same "
        "group.instance.id; see the log; it is begun anew by itself"
    ),
    KafkaError._MAX_POLL_EXCEEDED: (
        "nothing was read for longer than max.poll.interval.ms and the group went on without us; "
        "we join it again by ourselves; look for what holds up the disk"
    ),
    KafkaError.UNKNOWN_TOPIC_OR_PART: NO_TOPIC,
    KafkaError._UNKNOWN_TOPIC: NO_TOPIC,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "the topic may not be read; allow our user to Read and Describe it"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: (
        f"the group may not be used; allow our user to Read it, or correct {SETTING}GROUP_ID"
    ),
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: (
        "the members of the group share out partitions in another way; give this installation a "
        f"group of its own by {SETTING}GROUP_ID, or the others' partition.assignment.strategy by "
        f"{SETTING}CONFIG"
    ),
}
VAGUE = frozenset({KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT})
"""What also follows from a cause that was told before, such as a refused login."""


def explain_kafka_error(error: KafkaError, where: str) -> str:
    """Say it in one line; of an unknown error give only the name: its text is the broker's."""
    words = WORDS.get(error.code()) or (
        f"it cannot be read ({error.name()}); see the brokers' log; it is tried again by itself"
    )
    return f"{where}: {words}"


def explain_refused_properties(reason: str, given: Iterable[str], where: str) -> str:
    """Name the properties that the client refuses, and no values: they may be secret."""
    names = ", ".join(sorted(name for name in given if name in reason)) or "some it does not take"
    return (
        f"{where}: the client cannot begin; expected properties that librdkafka knows and values "
        f"it takes, got {names}; correct {SETTING}CONFIG and the other {SETTING} settings"
    )
