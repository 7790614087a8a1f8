"""Service Bus: a message is completed once it is on disk, and never before."""

import logging
import signal
import sqlite3
import subprocess
import sys

import pytest

from tests.incoming.queues.service_bus_peer import Peer, data
from tests.incoming.queues.service_bus_stage import SOURCE, Stage, hurry
from tests.installation import ROOT
from tests.waiting import until

ADA, GRACE = data(b'{"EventType":"LOGIN","n":1}'), data(b'{"EventType":"LOGIN","n":2}')


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    hurry(monkeypatch)


def test_a_message_is_on_disk_before_it_is_completed(tmp_path):
    with Stage(tmp_path) as stage:
        seen = []
        stage.after = lambda: seen.append((len(stage.kept()), stage.peer.left()))
        stage.peer.put(ADA, GRACE)
        bus = stage.bus()
        assert bus.carry(stage.stopping) == 2
        assert seen == [(2, (0, 2, 0))]
        assert stage.peer.left() == (0, 0, 0)
        assert stage.peer.times("completed") == 2
        letter = stage.kept()[0]
        assert (letter.source, letter.body) == (SOURCE, b'{"EventType":"LOGIN","n":1}')


def test_many_messages_take_few_commits_and_each_is_kept_once(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.put(*[data(b"%d" % n) for n in range(450)])
        bus = stage.bus()
        stage.carry(bus, 450)
        assert stage.bodies() == [b"%d" % n for n in range(450)]
        assert [kept for kept, _ in stage.commits] == [200, 200, 50]
        assert stage.peer.times("completed") == 450


def test_it_is_current_once_a_look_finds_less_than_it_asked_for(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.put(*[data(b"%d" % n) for n in range(250)])
        bus = stage.bus()
        assert not bus.is_current()
        bus.carry(stage.stopping)
        assert not bus.is_current()
        bus.carry(stage.stopping)
        assert bus.is_current()
        bus.close()
        assert not bus.is_current()


def test_messages_nobody_wants_are_counted_and_completed(tmp_path):
    with Stage(tmp_path) as stage:
        stage.wants = lambda body: b"LOGIN" in body
        stage.peer.put(data(b"noise"), ADA, data(b"noise"))
        stage.bus().carry(stage.stopping)
        assert stage.commits == [(1, 2)]
        assert stage.peer.left() == (0, 0, 0)


def test_an_outage_of_the_store_costs_a_message_one_delivery(tmp_path):
    with Stage(tmp_path, max_deliveries=3) as stage:
        numbers = stage.peer.put(ADA, GRACE)
        bus, stage.broken = stage.bus(), True
        for _ in range(5):
            with pytest.raises(sqlite3.OperationalError, match="disk is full"):
                bus.carry(stage.stopping)
            assert not bus.is_current()
        assert [stage.peer.times("abandoned", n) for n in numbers] == [1, 1]
        assert stage.peer.left() == (2, 0, 0)
        stage.broken = False
        stage.carry(bus, 2)
        assert stage.peer.left() == (0, 0, 0)
        assert [stage.peer.times("completed", n) for n in numbers] == [1, 1]


def test_nothing_is_received_until_the_store_has_kept_what_failed(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.put(ADA, GRACE)
        bus, stage.broken = stage.bus(), True
        with pytest.raises(sqlite3.OperationalError):
            bus.carry(stage.stopping)
        before = stage.peer.times("delivered")
        with pytest.raises(sqlite3.OperationalError):
            bus.carry(stage.stopping)
        assert stage.peer.times("delivered") == before
        assert stage.peer.ask(lambda: len(stage.peer.house.conversations)) == 0
        stage.broken = False
        stage.peer.put(data(b"later"))
        stage.carry(bus, 3)
        assert len(stage.bodies()) == 3, "what the store was tried with is not kept twice"
        assert stage.commits == [(2, 0), (1, 0)]


def test_locks_are_renewed_while_a_commit_takes_long(tmp_path):
    with Stage(tmp_path, lock_seconds=2) as stage:
        first, *_, last = stage.peer.put(*[data(b"%d" % n) for n in range(40)])
        stage.before = lambda: until(
            lambda: stage.peer.times("renewed", last) >= 3, "every lock is renewed thrice"
        )
        assert stage.bus().carry(stage.stopping) == 40
        assert stage.peer.times("expired") == 0
        assert stage.peer.times("delivered", first) == 1
        assert stage.peer.times("completed") == 40


def test_a_lock_that_is_lost_brings_the_message_again_and_stops_nothing(tmp_path, caplog):
    with Stage(tmp_path) as stage:
        stage.peer.put(ADA, GRACE)
        stage.after = stage.peer.lose_locks
        bus = stage.bus()
        with caplog.at_level(logging.WARNING):
            assert bus.carry(stage.stopping) == 2
        assert "the locks of 2 kept messages were lost" in caplog.text
        assert stage.peer.times("completed") == 0
        stage.after = lambda: None
        stage.carry(bus, 2)
        assert (
            stage.bodies() == [b'{"EventType":"LOGIN","n":1}', b'{"EventType":"LOGIN","n":2}'] * 2
        )
        assert stage.peer.left() == (0, 0, 0)


def test_a_crash_between_keeping_and_completing_brings_the_messages_again(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.put(ADA, GRACE)
        crash(stage.peer, tmp_path)
        assert len(stage.bodies()) == 2
        assert stage.peer.left() == (0, 2, 0), "locked still, for nobody said goodbye"
        stage.peer.lose_locks()
        stage.carry(stage.bus(), 2)
        assert len(stage.bodies()) == 4
        assert stage.peer.left() == (0, 0, 0)


def crash(peer: Peer, folder) -> None:
    """A process that is killed in the worst moment."""
    words = ["-m", "tests.incoming.queues.service_bus_crash", peer.connection_string]
    with subprocess.Popen(
        [sys.executable, *words, str(folder / "ledger.db")], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"kept\n"
        process.send_signal(signal.SIGKILL)


def test_before_the_first_is_completed_few_are_asked_for(tmp_path):
    """A service that dies at once, again and again, must not make dead letters of hundreds."""
    with Stage(tmp_path) as stage:
        stage.peer.put(*(data(b"%d" % n) for n in range(300)))
        stage.carry(stage.bus(proven=False), 300)
        assert [kept for kept, _ in stage.commits] == [10, 200, 90]
