"""Kafka: whether everything in it is on disk, which decides whether silence means something."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.incoming.queues.kafka_client import Producer
from tests.incoming.queues.kafka_mock import MockKafka
from tests.incoming.queues.kafka_stage import SECONDS, Stage, at_once, hurry, numbered

LARGE = b"x" * 900_000


@pytest.fixture(scope="module")
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as running:
        yield running


@pytest.fixture
def stage(kafka: MockKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    hurry(monkeypatch)
    with Stage(kafka, tmp_path, partitions=1) as built:
        yield built


def test_it_is_current_once_the_end_was_reached_and_not_before(stage: Stage) -> None:
    stage.send(numbered(1_200))
    queue = stage.queue()
    assert not queue.is_current()
    currents: list[tuple[int, bool]] = []
    stage.before = lambda _: currents.append((len(stage.bodies()), queue.is_current()))
    stage.carry(queue, queue.is_current, "the end is reached")
    assert len(stage.bodies()) == 1_200
    assert len(currents) >= 3
    assert not any(current for _, current in currents)


def test_an_empty_topic_is_current(stage: Stage) -> None:
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    assert queue.carry(stage.stopping) == 0
    assert queue.is_current()
    queue.close()
    assert not queue.is_current()


def test_a_trickle_is_no_backlog_for_a_minute(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    for n in range(3):
        stage.send(numbered(1, first=n))
        stage.carry(queue, lambda n=n: len(stage.bodies()) == n + 1, "it is kept")
        assert queue.is_current()
    stage.send(numbered(1_500, first=3))
    at_once(monkeypatch)
    stage.carry(queue, lambda: len(stage.bodies()) > 3, "some are kept")
    assert len(stage.bodies()) < 1_503
    assert not queue.is_current()
    stage.carry(queue, queue.is_current, "the end is reached")
    assert len(stage.bodies()) == 1_503


def test_what_the_store_refuses_is_a_backlog(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    stage.broken = True
    stage.send(numbered(2))
    with pytest.raises(sqlite3.OperationalError):
        stage.carry(queue, lambda: False, "the store refuses")
    assert not queue.is_current()
    stage.broken = False
    stage.carry(queue, queue.is_current, "the end is reached")
    assert stage.bodies() == numbered(2)


def test_one_partition_that_is_behind_is_enough(
    kafka: MockKafka, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch)
    other = f"{stage.topic}-other"
    kafka.add(other, 1)
    stage.send(numbered(1_500), topic=other)
    queue = stage.queue(other)
    stage.carry(queue, stage.bodies, "some are kept")
    assert len(stage.bodies()) < 1_500
    assert not queue.is_current()
    stage.carry(queue, queue.is_current, "the end is reached")
    assert len(stage.bodies()) == 1_500


def test_a_member_without_a_partition_knows_nothing_but_whether_a_broker_is_there(
    kafka: MockKafka, stage: Stage
) -> None:
    first, second = stage.queue(), stage.queue()
    stage.carry(first, first.is_current, "the end is reached")
    with stage.carrying(first):
        for _ in range(6):
            second.carry(stage.stopping)
            assert not second.is_current()
        kafka.down()
        assert "no broker answers" in stage.trouble(second)
        kafka.up()
        stage.well_again(second)
    stage.carry(second, second.is_current, "the partition is its own")


def test_what_the_broker_deleted_unread_is_told_with_what_to_do(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.send(numbered(5))
    queue = stage.queue()
    stage.carry(queue, lambda: stage.committed() == 5, "all is committed")
    queue.close()
    stage.send([LARGE] * 20)
    stage.carry(queue, queue.is_current, "the end is reached")
    first = stage.places()[5][1]
    assert first > 5
    assert f"topic {stage.topic}, partition 0: up to {first - 5} records" in caplog.text
    assert "coursebell letters import --source sunbird" in caplog.text
    assert stage.places()[5:] == [(0, n) for n in range(first, 25)]


def test_what_is_deleted_while_the_store_refuses_is_told_too(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch)
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    stage.broken = True
    stage.send(numbered(5))
    with pytest.raises(sqlite3.OperationalError):
        stage.carry(queue, lambda: False, "the store refuses")
    stage.send([LARGE] * 20)
    stage.broken = False
    stage.carry(queue, lambda: (0, 24) in stage.places()[-1:], "the last one is kept")
    kept = {offset for _, offset in stage.places()}
    told = sum(map(int, re.findall(r"up to (\d+) records", caplog.text)))
    assert told == 25 - len(kept) > 0
    assert "coursebell letters import --source sunbird" in caplog.text


def test_offsets_that_transactions_take_are_no_loss(
    kafka: MockKafka, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    producer = Producer(
        {"bootstrap.servers": kafka.servers, "transactional.id": stage.topic, "log_level": 0}
    )
    producer.init_transactions(SECONDS)
    for value in numbered(2):
        producer.begin_transaction()
        producer.produce(stage.topic, value, partition=0)
        producer.commit_transaction(SECONDS)
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    assert stage.places() == [(0, 0), (0, 2)]
    assert "deleted" not in caplog.text


def test_who_begins_later_than_the_topic_has_lost_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.send([LARGE] * 20)
    queue = stage.queue()
    with caplog.at_level(logging.ERROR):
        stage.carry(queue, queue.is_current, "the end is reached")
    assert stage.places()[0][1] > 0
    assert caplog.text == ""
