"""Kafka: what is read is on disk before it is committed, and nothing is lost or left out."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from tests.incoming.queues.kafka_mock import MockKafka
from tests.incoming.queues.kafka_stage import SOURCE, Stage, hurry, numbered
from tests.waiting import until

POISON = [b"\xff\xfe{", b"", b"x" * 900_000, b"not json", b"[]"]


@pytest.fixture(scope="module")
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as running:
        yield running


@pytest.fixture
def stage(kafka: MockKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    hurry(monkeypatch)
    with Stage(kafka, tmp_path) as built:
        yield built


def test_records_are_kept_with_where_they_were_and_then_committed(stage: Stage) -> None:
    def look(arrivals: Sequence[Arrival]) -> None:
        too_early.append(stage.committed() > int(arrivals[0].headers["kafka-offset"]))

    too_early: list[bool] = []
    stage.before = look
    stage.send(numbered(20))
    queue = stage.queue()
    begun = time.time_ns() // 1_000_000
    stage.carry(queue, lambda: stage.committed() == 20, "all is committed")
    assert too_early and not any(too_early)
    assert stage.bodies() == numbered(20)
    shown = stage.letters.show(7)
    assert shown is not None
    assert shown["source"] == SOURCE
    assert begun <= shown["received_at"] <= time.time_ns() // 1_000_000
    assert shown["headers"] == {
        "kafka-topic": stage.topic,
        "kafka-partition": "0",
        "kafka-offset": "6",
    }


def test_the_next_member_of_the_group_goes_on_where_the_last_one_ended(stage: Stage) -> None:
    stage.send(numbered(10))
    stage.send(numbered(10, first=10), partition=1)
    first = stage.queue()
    stage.carry(first, lambda: len(stage.bodies()) == 20, "20 letters")
    first.close()
    stage.send(numbered(5, first=20))
    second = stage.queue()
    stage.carry(second, second.is_current, "the end is reached")
    assert sorted(stage.places()) == [(0, n) for n in range(15)] + [(1, n) for n in range(10)]


def test_a_store_that_fails_has_everything_again_and_nothing_is_committed_before(
    stage: Stage,
) -> None:
    stage.send(numbered(30))
    stage.send(numbered(30, first=30), partition=1)
    queue = stage.queue(enable_auto_commit="true", auto_commit_interval_ms="10")
    stage.broken = True
    tried: list[int] = []
    stage.before = lambda arrivals: tried.append(len(arrivals))
    while len(tried) < 4:
        with suppress(sqlite3.OperationalError):
            queue.carry(stage.stopping)
        assert not queue.is_current()
    assert tried[0] > 0
    assert tried[1:] == [0, 0, 0]
    assert (stage.committed(0), stage.committed(1)) == (-1001, -1001)
    assert stage.bodies() == []
    stage.broken = False
    stage.carry(queue, queue.is_current, "the end is reached")
    assert sorted(stage.places()) == [(p, n) for p in (0, 1) for n in range(30)]
    stage.carry(queue, lambda: stage.committed(0) == stage.committed(1) == 30, "all is committed")


def test_a_store_that_fails_once_in_the_middle_costs_nothing(stage: Stage) -> None:
    def fail_once(arrivals: Sequence[Arrival]) -> None:
        if len(stage.commits) == 1 and not failed:
            failed.append(len(arrivals))
            raise sqlite3.OperationalError("database is locked")

    failed: list[int] = []
    stage.before = fail_once
    stage.send(numbered(1_200))
    queue = stage.queue()
    with pytest.raises(sqlite3.OperationalError):
        stage.carry(queue, queue.is_current, "the store fails")
    stage.carry(queue, queue.is_current, "the end is reached")
    assert failed
    assert stage.bodies() == numbered(1_200)
    stage.carry(queue, lambda: stage.committed() == 1_200, "all is committed")


def test_a_store_that_fails_hides_no_end_of_another_partition(stage: Stage) -> None:
    stage.send(numbered(3))
    queue = stage.queue()
    stage.broken = True
    with pytest.raises(sqlite3.OperationalError):
        stage.carry(queue, lambda: False, "the store fails")
    stage.broken = False
    stage.carry(queue, queue.is_current, "the end of both is reached")
    assert stage.bodies() == numbered(3)


def test_poison_is_a_letter_like_any_other_and_a_null_is_none(stage: Stage) -> None:
    stage.send([*POISON, None, b"last"])
    queue = stage.queue()
    stage.carry(queue, lambda: stage.committed() == 7, "all is committed")
    assert stage.bodies() == [*POISON, b"last"]
    assert stage.skipped() == 1


def test_what_is_not_wanted_is_counted_and_committed_but_not_kept(stage: Stage) -> None:
    stage.send([b"IMPRESSION"] * 8 + [b"AUDIT"] + [b"LOG"] * 3)
    queue = stage.queue(wants=lambda body: body == b"AUDIT")
    stage.carry(queue, lambda: stage.committed() == 12, "all is committed")
    assert stage.bodies() == [b"AUDIT"]
    assert stage.skipped() == 11


def test_a_round_of_nothing_wanted_is_counted_and_committed_too(stage: Stage) -> None:
    stage.send([b"LOG"] * 9)
    queue = stage.queue(wants=lambda _: False)
    stage.carry(queue, lambda: stage.committed() == 9, "all is committed")
    assert stage.commits == [(0, 9)]
    assert stage.skipped() == 9


def test_records_read_in_one_round_share_one_commit_of_at_most_500(stage: Stage) -> None:
    stage.send(numbered(1_100))
    queue = stage.queue()
    stage.carry(queue, lambda: stage.committed() == 1_100, "all is committed")
    sizes = [kept for kept, _ in stage.commits]
    assert sum(sizes) == 1_100
    assert max(sizes) == 500
    assert len(sizes) <= 4


def test_large_records_share_a_commit_with_few_others(stage: Stage) -> None:
    stage.send([b"a" * 900_000])
    queue = stage.queue()
    stage.carry(queue, lambda: len(stage.bodies()) == 1, "the first is kept")
    for partition in (0, 1):
        stage.send([b"b" * 300_000] * 12, partition)
    stage.carry(queue, lambda: len(stage.bodies()) == 25, "all are kept")
    assert max(kept for kept, _ in stage.commits[:2]) <= 9


def test_a_round_counts_what_it_carried_and_an_idle_one_waits_about_a_second(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    stage.send([b"LOG", b"AUDIT", b"LOG"])
    queue = stage.queue(wants=lambda body: body == b"AUDIT")
    counts = [0]
    until(lambda: counts.append(queue.carry(stage.stopping)) or counts[-1], "something came")
    assert counts[-1] == 3
    stage.carry(queue, queue.is_current, "the end is reached")
    begun = time.monotonic()
    assert queue.carry(stage.stopping) == 0
    assert 0.9 < time.monotonic() - begun < 2.0


def test_being_told_to_stop_ends_a_round_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    threading.Timer(0.1, stage.stopping.set).start()
    begun = time.monotonic()
    assert queue.carry(stage.stopping) == 0
    assert time.monotonic() - begun < 0.6
    assert queue.carry(stage.stopping) == 0


def test_closing_twice_is_harmless_and_the_queue_can_be_read_again(stage: Stage) -> None:
    stage.send(numbered(3))
    queue = stage.queue()
    queue.close()
    stage.carry(queue, lambda: stage.bodies() == numbered(3), "3 letters")
    queue.close()
    assert not queue.is_current()
    queue.close()
    stage.send(numbered(1, first=3))
    stage.carry(queue, lambda: stage.bodies() == numbered(4), "4 letters, none twice")


def test_the_brokers_may_share_out_the_partitions_themselves(stage: Stage) -> None:
    stage.send(numbered(5))
    queue = stage.queue(group_protocol="consumer")
    stage.carry(queue, lambda: stage.committed() == 5, "all is committed")
    assert stage.bodies() == numbered(5)
