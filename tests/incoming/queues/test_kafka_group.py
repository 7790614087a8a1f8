"""Kafka with a real broker: members come, go, hang and are killed, and no record is lost."""

import logging
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.incoming.queues.kafka_broker import Broker
from tests.incoming.queues.kafka_client import kafka
from tests.incoming.queues.kafka_mock import ROOT
from tests.incoming.queues.kafka_stage import Stage, hurry, numbered
from tests.waiting import until

PARTITIONS = 4


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@pytest.fixture
def stage(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    hurry(monkeypatch)
    with Stage(broker, tmp_path, PARTITIONS) as built:
        yield built


def spread(stage: Stage, count: int, first: int = 0) -> None:
    """As many records for each partition."""
    for partition in range(PARTITIONS):
        stage.send(numbered(count, first), partition)


def all_there(stage: Stage, count: int) -> bool:
    """Whether so many records of every partition are on disk, and no others."""
    return set(stage.places()) == {(p, n) for p in range(PARTITIONS) for n in range(count)}


@contextmanager
def traffic(stage: Stage) -> Iterator[list[int]]:
    """Records for every partition again and again; what is yielded tells how many each got."""

    def go_on() -> None:
        while not enough.is_set():
            spread(stage, 5)
            sent.append(5)

    enough, sent = threading.Event(), list[int]()
    sender = threading.Thread(target=go_on)
    sender.start()
    try:
        yield sent
    finally:
        enough.set()
        sender.join()


def test_members_come_and_go_and_every_record_is_kept(stage: Stage) -> None:
    first, second = stage.queue(), stage.queue()
    with stage.carrying(first):
        until(first.is_current, "the first has all partitions")
        with stage.carrying(second):
            with traffic(stage) as sent:
                until(lambda: second.is_current() and first.is_current(), "both have a share")
            until(lambda: all_there(stage, sum(sent)), "all is kept")
        before = len(stage.places())
        spread(stage, 100)
        until(lambda: all_there(stage, sum(sent) + 100), "the first has all partitions again")
    after = Counter(stage.places()[before:])
    assert set(after.values()) == {1}
    assert len(after) == 100 * PARTITIONS
    assert [stage.committed(p) for p in range(PARTITIONS)] == [sum(sent) + 100] * PARTITIONS


def test_a_member_killed_between_keeping_and_committing_costs_only_repeats(
    broker: Broker, stage: Stage
) -> None:
    spread(stage, 600)
    command = [
        sys.executable, "-m", "tests.incoming.queues.kafka_crash", broker.servers, stage.group,
        stage.topic, str(PARTITIONS), str(stage.ledger.path), "3",
    ]  # fmt: skip
    killed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    in_flight = set(stage.places()[-int(killed.stdout) :])
    assert 0 < len(stage.places()) < PARTITIONS * 600
    queue = stage.queue()
    stage.carry(queue, lambda: all_there(stage, 600), "all is kept")
    repeated = {place for place, times in Counter(stage.places()).items() if times > 1}
    assert repeated <= in_flight


def test_a_member_whose_store_fails_for_too_long_comes_back_and_loses_nothing(
    stage: Stage,
) -> None:
    failing, well = stage.queue(max_poll_interval_ms="1500"), stage.queue()
    stage.carry(failing, failing.is_current, "it has all partitions")
    spread(stage, 10)
    stage.broken = True
    with pytest.raises(sqlite3.OperationalError):
        stage.carry(failing, lambda: False, "the store fails")
    stage.broken = False
    stage.carry(well, lambda: all_there(stage, 10), "the group has gone on without it")
    well.close()
    spread(stage, 10, 10)
    until(lambda: stage.well_again(failing) or all_there(stage, 20), "it is back")
    assert max(Counter(stage.places()).values()) == 1


def test_a_broker_that_hangs_holds_up_neither_a_round_nor_the_end(
    broker: Broker, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.send(numbered(3))
    stage.before = lambda _: broker.hang()
    queue = stage.queue()
    try:
        until(lambda: queue.carry(stage.stopping), "the broker hangs before the commit")
        assert stage.bodies() == numbered(3)
        assert seconds_of(lambda: queue.carry(stage.stopping)) < 2.0
        with caplog.at_level(logging.WARNING):
            assert seconds_of(queue.close) < kafka.CLOSE_SECONDS + 1.0
        assert "left the group without an answer" in caplog.text
    finally:
        broker.go_on()
    until(lambda: "kafka: leaving" not in names_of_threads(), "the client has ended")


def seconds_of(step: Callable[[], object]) -> float:
    begun = time.monotonic()
    step()
    return time.monotonic() - begun


def names_of_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}
