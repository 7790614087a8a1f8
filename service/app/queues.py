"""Open the queues that bring letters, each of one source, by the settings."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from service.incoming.queues.consumer import Keep, QueueConsumer, QueueError
from service.incoming.sources.source import Source
from service.settings import Settings

SUNBIRD = "sunbird"
COMMUNITY_TRAINING = "community-training"


def fed_by_queues(settings: Settings) -> frozenset[str]:
    """Name the sources that a configured queue brings."""
    found = set()
    if settings.kafka_bootstrap_servers:
        found.add(SUNBIRD)
    if settings.servicebus_connection_string:
        found.add(COMMUNITY_TRAINING)
    return frozenset(found)


def open_queues(
    settings: Settings,
    sources: Mapping[str, Source],
    keep: Callable[[str], Keep],
    clock: Callable[[], int],
) -> list[QueueConsumer]:
    """Open the configured queues, none connected yet; `keep` is asked for by a source's name.

    Raises QueueError, also when a queue's client library is not installed.
    """
    found: list[QueueConsumer] = []
    if settings.kafka_bootstrap_servers:
        found.append(
            _module("kafka", "kafka").KafkaConsumer(
                source=SUNBIRD,
                properties=properties(settings),
                topics=settings.kafka_topic,
                wants=sources[SUNBIRD].wants,
                keep=keep(SUNBIRD),
                clock=clock,
            )
        )
    if settings.servicebus_connection_string:
        found.append(
            _module("service_bus", "servicebus").ServiceBusConsumer(
                source=COMMUNITY_TRAINING,
                connection_string=settings.servicebus_connection_string,
                topic=settings.servicebus_topic,
                subscription=settings.servicebus_subscription,
                wants=sources[COMMUNITY_TRAINING].wants,
                keep=keep(COMMUNITY_TRAINING),
                clock=clock,
            )
        )
    return found


def try_queues(settings: Settings) -> None:
    """Let the clients of the configured queues read what they are given; raises QueueError.

    Opening one says less: librdkafka reads its properties when the first round begins.
    """
    if settings.kafka_bootstrap_servers:
        _module("kafka", "kafka").try_properties(properties(settings))


def properties(settings: Settings) -> dict[str, str]:
    """Give what the settings say about Kafka, as librdkafka names it."""
    named = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "group.id": settings.kafka_group_id,
        "security.protocol": settings.kafka_security_protocol,
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password,
        "ssl.ca.location": settings.kafka_ssl_ca_location,
    }
    return {**settings.kafka_config, **{k: v for k, v in named.items() if v}}


def _module(name: str, extra: str) -> Any:
    """Import a queue's module: who has no such queue need not install or load its library."""
    try:
        return import_module(f"service.incoming.queues.{name}")
    except ImportError as error:
        raise QueueError(
            f"{name.replace('_', '-')}: its client library cannot be loaded ({error}); "
            f"expected the extra, pip install 'coursebell[{extra}]'"
        ) from error
