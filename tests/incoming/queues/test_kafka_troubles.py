"""Kafka in trouble: each is told in one line without a secret, and reading goes on after it."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service.incoming.queues.consumer import QueueError
from tests.incoming.queues.kafka_client import kafka as module
from tests.incoming.queues.kafka_mock import HEARTBEAT, JOIN_GROUP, OFFSET_COMMIT, MockKafka
from tests.incoming.queues.kafka_stage import Stage, hurry, numbered
from tests.waiting import until

TOPIC_FORBIDDEN, GROUP_FORBIDDEN, FENCED = 29, 30, 82
ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS = 22, 27
SOON = {"topic_metadata_refresh_interval_ms": "300"}
SECRET = "correct-horse"


@pytest.fixture(scope="module")
def kafka() -> Iterator[MockKafka]:
    with MockKafka() as running:
        yield running


@pytest.fixture
def stage(kafka: MockKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    hurry(monkeypatch)
    with Stage(kafka, tmp_path) as built:
        yield built


@pytest.mark.parametrize("session", ["10000", "1000"])
def test_a_broker_that_is_gone_for_a_while_costs_no_record(
    kafka: MockKafka, stage: Stage, caplog: pytest.LogCaptureFixture, session: str
) -> None:
    stage.send(numbered(5))
    queue = stage.queue(session_timeout_ms=session)
    stage.carry(queue, queue.is_current, "the end is reached")
    kafka.down()
    with caplog.at_level(logging.INFO):
        said = stage.trouble(queue)
        for _ in range(2):
            assert stage.trouble(queue) == said
    assert not queue.is_current()
    assert said.startswith(f"{kafka.servers}: no broker answers; ")
    assert "FAIL" not in caplog.text
    kafka.up()
    stage.well_again(queue)
    stage.send(numbered(5, first=5))
    stage.carry(queue, lambda: stage.committed() == 10, "all is committed")
    assert stage.bodies() == numbered(10)
    stage.carry(queue, queue.is_current, "the end is reached")


def test_brokers_that_are_gone_are_not_hammered(stage: Stage) -> None:
    def turn_away() -> None:
        with suppress(OSError):
            while True:
                door.accept()[0].close()
                tries.append(time.monotonic())

    tries: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=turn_away)
        thread.start()
        queue = stage.queue(
            bootstrap_servers=f"127.0.0.1:{door.getsockname()[1]}",
            reconnect_backoff_max_ms="10000",
        )
        stage.trouble(queue)
        until(lambda: stage.trouble(queue) and time.monotonic() > tries[0] + 1.5, "it is tried on")
        door.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert 1 < len(tries) < 12


def test_a_broker_that_is_not_there_yet_is_waited_for(kafka: MockKafka, stage: Stage) -> None:
    stage.send(numbered(3))
    kafka.down()
    queue = stage.queue()
    assert "no broker answers" in stage.trouble(queue)
    kafka.up()
    stage.well_again(queue)
    stage.carry(queue, queue.is_current, "the end is reached")
    assert stage.bodies() == numbered(3)


def test_an_unknown_topic_is_named_and_the_others_are_read_meanwhile(
    kafka: MockKafka, stage: Stage
) -> None:
    missing = f"{stage.topic}-missing"
    queue = stage.queue(missing, **SOON)
    said = stage.trouble(queue)
    assert said.startswith(f"topic {missing} at {kafka.servers}: there is no such topic; create it")
    stage.send(numbered(3))
    while len(stage.bodies()) < 3:
        with pytest.raises(QueueError, match=missing):
            queue.carry(stage.stopping)
    assert stage.bodies() == numbered(3)
    assert not queue.is_current()
    kafka.add(missing, 1)
    stage.send(numbered(2, first=3), topic=missing)
    stage.well_again(queue)
    stage.carry(queue, queue.is_current, "the end is reached")
    assert sorted(stage.bodies()) == numbered(5)


def test_a_topic_that_may_not_be_read_is_told_and_read_when_it_may(
    kafka: MockKafka, stage: Stage
) -> None:
    stage.send(numbered(3))
    kafka.forbid(stage.topic, TOPIC_FORBIDDEN)
    queue = stage.queue(**SOON)
    said = stage.trouble(queue)
    assert f"topic {stage.topic} at" in said
    assert "allow our user to Read" in said
    kafka.forbid(stage.topic, 0)
    stage.well_again(queue)
    stage.carry(queue, lambda: stage.bodies() == numbered(3), "all is kept")


def test_a_group_that_may_not_be_used_is_told_and_joined_when_it_may(
    kafka: MockKafka, stage: Stage
) -> None:
    stage.send(numbered(3))
    kafka.refuse(JOIN_GROUP, GROUP_FORBIDDEN, GROUP_FORBIDDEN)
    queue = stage.queue()
    assert f"group {stage.group} at" in stage.trouble(queue)
    stage.well_again(queue)
    stage.carry(queue, lambda: stage.bodies() == numbered(3), "all is kept")


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"security_protocol": "ssl"}, "SECURITY_PROTOCOL"),
        (
            {
                "security_protocol": "sasl_plaintext", "sasl_mechanism": "PLAIN",
                "sasl_username": "ada-l", "sasl_password": SECRET,
            },
            "the login is refused",
        ),
        ({"bootstrap_servers": "no-such-host.invalid:9092"}, "there is no such host"),
        ({"security_protocol": SECRET}, "got security.protocol"),
        ({"sasl_pasword": SECRET}, "got sasl.pasword"),
        ({"sasl_mechanism": "PLAIN", "security_protocol": "sasl_ssl"}, "some it does not take"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_told_without_their_values(
    stage: Stage, caplog: pytest.LogCaptureFixture, properties: dict[str, str], words: str
) -> None:
    queue = stage.queue(**properties)
    said = stage.trouble(queue)
    assert words in said
    assert "COURSEBELL_KAFKA_" in said
    assert "\n" not in said
    for secret in (SECRET, "ada-l"):
        assert secret not in said + caplog.text
    assert not queue.is_current()


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"security.protocol": "SASL_SSL"}, "some it does not take"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}, "some it does not take"),
        (
            {"sasl.username": "ada-l", "sasl.password": SECRET},
            "expected SASL_PLAINTEXT or SASL_SSL",
        ),
        ({"security.protocol": "SSL", "ssl.ca.location": __file__}, "got ssl.ca.location"),
        ({"sasl.pasword": SECRET}, "got sasl.pasword"),
    ],
)
def test_what_can_only_fail_is_known_before_anything_is_connected_to(
    properties: dict[str, str], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    servers = {"bootstrap.servers": "kafka:9092", "group.id": "coursebell"}
    module.try_properties(servers)
    with pytest.raises(QueueError, match=words) as refused:
        module.try_properties({**servers, **properties})
    assert SECRET not in str(refused.value) + caplog.text


@pytest.mark.parametrize("missing", ["bootstrap_servers", "group_id"])
def test_without_servers_or_a_group_nothing_begins(stage: Stage, missing: str) -> None:
    with pytest.raises(QueueError, match=missing.replace("_", ".")):
        stage.queue(**{missing: ""})


def test_a_client_that_is_finished_is_replaced_after_a_pause(
    kafka: MockKafka, stage: Stage
) -> None:
    stage.send(numbered(3))
    queue = stage.queue(group_instance_id="the-only-one")
    stage.carry(queue, queue.is_current, "the end is reached")
    kafka.refuse(HEARTBEAT, FENCED)
    assert "begun anew by itself" in stage.trouble(queue)
    assert not queue.is_current()
    stage.send(numbered(3, first=3))
    stage.carry(queue, queue.is_current, "the end is reached")
    assert stage.bodies() == numbered(6)


def test_pauses_grow_while_nothing_succeeds_and_end_when_told_to_stop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", (0.2, 0.5))
    queue = stage.queue(no_such_property="x")
    waits = []
    for _ in range(5):
        begun = time.monotonic()
        with pytest.raises(QueueError):
            queue.carry(stage.stopping)
        waits.append(time.monotonic() - begun)
    assert waits == pytest.approx([0.0, 0.2, 0.4, 0.5, 0.5], abs=0.1)
    stage.stopping.set()
    begun = time.monotonic()
    assert queue.carry(stage.stopping) == 0
    assert time.monotonic() - begun < 0.3


@pytest.mark.parametrize("error", [REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION])
def test_a_refused_commit_is_logged_once_and_made_up_for(
    kafka: MockKafka, stage: Stage, caplog: pytest.LogCaptureFixture, error: int
) -> None:
    queue = stage.queue()
    stage.carry(queue, queue.is_current, "the end is reached")
    kafka.refuse(OFFSET_COMMIT, error, error)
    stage.send(numbered(4))
    stage.carry(queue, lambda: stage.committed() == 4, "all is committed")
    assert set(stage.bodies()) == set(numbered(4))
    assert caplog.text.count("offsets are not committed") == 1
