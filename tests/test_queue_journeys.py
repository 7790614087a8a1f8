"""From a queue to a message: the real service, real clients, a broker on this machine."""

from operator import itemgetter
from pathlib import Path

import pytest

from tests.incoming.queues.kafka_mock import MockKafka
from tests.incoming.queues.kafka_stage import QUICK, Stage
from tests.incoming.queues.service_bus_peer import Peer
from tests.incoming.queues.service_bus_requests import data
from tests.incoming.sources import community_training_payloads as community
from tests.incoming.sources import sunbird_payloads as sunbird
from tests.real_service import FreshService, RealService
from tests.waiting import until

pytestmark = pytest.mark.both_engines

pytest.importorskip("confluent_kafka", reason="needs the test tools: pip install -e '.[dev]'")
pytest.importorskip("azure.servicebus", reason="needs the test tools: pip install -e '.[dev]'")
pytest.importorskip("proton", reason="needs gcc and: pip install -r .ci/requirements.lock")


FINISHED = """
  - id: finished
    trigger: {event: enrollment.completed}
    notify:
      - {post: room, template: seat_free}
"""
TOLD = """
  - id: told
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
"""


def reading(stage: Stage, folder: Path) -> RealService:
    """The service, reading the stage's topic."""
    return RealService(
        folder, FINISHED,
        COURSEBELL_KAFKA_BOOTSTRAP_SERVERS=stage.broker.servers,
        COURSEBELL_KAFKA_TOPIC=stage.topic,
        COURSEBELL_KAFKA_GROUP_ID=stage.group,
        COURSEBELL_KAFKA_CONFIG="\n".join(f"{k}={v}" for k, v in QUICK.items()),
    )  # fmt: skip


def drawer(service: RealService) -> list[str]:
    return [path.read_text() for path in sorted((service.data / "drawer").glob("[!.]*"))]


def troubles(service: RealService) -> set[str]:
    checks = service.call("GET", "/readyz").json["checks"]
    return {check["name"] for check in checks if check["state"] == "warning"}


def completions(*learners: str) -> list[bytes]:
    return [sunbird.letter(sunbird.event(learner=learner)) for learner in learners]


def test_what_sunbird_says_on_kafka_is_told_once_whatever_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    with MockKafka() as kafka, Stage(kafka, tmp_path / "stage") as stage:
        service = reading(stage, tmp_path)
        other = sunbird.letter({"eid": "IMPRESSION", "ets": sunbird.ELEVEN})
        stage.send([*completions("ada"), other, b"no JSON"])
        with service:
            service.notifications(len, "the first one is decided")
            service.kill()
            stage.send([*completions("ada", "grace"), other])
            service.start()
            both = service.notifications(lambda items: len(items) == 2, "the second one too")
            until(lambda: stage.committed() == 6, "everything is committed")

            assert {each["rule"] for each in both} == {"finished"}
            feed = service.get("/api/v1/feeds")["items"][2]
            assert (feed["source"], feed["skipped"], feed["set_aside"]) == ("sunbird", 2, 1)
            until(lambda: len(drawer(service)) == 2, "each was told once")
            assert service.stop() == 0


def test_reminders_wait_while_the_broker_is_away(tmp_path: Path) -> None:
    (tmp_path / "stage").mkdir()
    with (
        MockKafka() as kafka,
        Stage(kafka, tmp_path / "stage") as stage,
        reading(stage, tmp_path) as service,
    ):
        until(lambda: not troubles(service), "the topic was read to its end")
        kafka.down()
        until(lambda: {"kafka", "queues"} <= troubles(service), "its absence is noticed")
        assert service.call("GET", "/readyz").status == 200
        kafka.up()
        until(lambda: not troubles(service), "it is well again")
        assert service.stop() == 0


def test_what_community_training_says_reaches_the_address_it_came_with(tmp_path: Path) -> None:
    with Peer() as peer:
        service = RealService(
            tmp_path, TOLD,
            COURSEBELL_SERVICEBUS_CONNECTION_STRING=peer.connection_string,
        )  # fmt: skip
        peer.put(data(community.letter(community.event())), data(b"no JSON"))
        with service:
            until(lambda: drawer(service), "the mail is in the drawer")
            peer.put(data(community.letter(community.event())))
            until(lambda: peer.left() == (0, 0, 0), "everything is completed, nothing is dead")

            service.notifications(lambda items: items[0]["state"] == "sent", "it is sent")
            counted = itemgetter("recorded", "duplicate", "set_aside")
            until(
                lambda: counted(service.get("/api/v1/feeds")["items"][1]) == (1, 1, 1),
                "all three are taken: each is completed before that",
            )
            until(lambda: not troubles(service), "the subscription was read to its end")
            assert service.stop() == 0
        assert len([text for text in drawer(service) if "To: " in text]) == 1


def test_a_queue_whose_client_is_missing_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "confluent_kafka.py").write_text("raise ImportError('not installed')\n")
    service = FreshService(
        tmp_path, FINISHED,
        COURSEBELL_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        COURSEBELL_KAFKA_TOPIC="audit",
    )  # fmt: skip
    service.environ["PYTHONPATH"] = f"{tmp_path}:{service.environ['PYTHONPATH']}"

    said, checked = service.command("run", "--port", "0"), service.command("check")

    reason = (
        "kafka: its client library cannot be loaded (not installed); expected the extra, "
        "pip install 'coursebell[kafka]'\n"
    )
    assert (said.returncode, said.stderr) == (2, f"coursebell: {reason}")
    assert (checked.returncode, checked.stdout.splitlines()[-1:]) == (1, [f"error {reason[:-1]}"])
