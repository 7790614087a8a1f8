"""Kafka's client library and what is built on it; without it, the reason why tests are skipped."""

import pytest

try:
    from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic

    from service.incoming.queues import kafka, kafka_group
except ImportError as error:
    pytest.skip(
        f"no client for Kafka ({error}); to have one: .venv/bin/pip install -e '.[kafka]'",
        allow_module_level=True,
    )

__all__ = [
    "AdminClient",
    "Consumer",
    "KafkaError",
    "KafkaException",
    "NewTopic",
    "Producer",
    "TopicPartition",
    "kafka",
    "kafka_group",
]
