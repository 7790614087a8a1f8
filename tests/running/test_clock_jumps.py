"""A wall clock that jumps under the real service costs nothing that waits, and nothing new."""

import hmac
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.running import wall_clock
from tests.installation import DAY, HOUR, MINUTE, completed, enrolled
from tests.real_service import Answer
from tests.running.moved_clock import MovedService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
  - id: begun
    trigger: {event: enrollment.enrolled}
    collapse: 5m
    notify:
      - {to: learner, via: email, template: completed}
"""
NAMES = {70: "ada", 71: "grace", 72: "mary", 73: "emmy", 74: "lise"}
WITHOUT_ADDRESS = 73
KEY = b"a key of thirty-two random bytes"
JUMPS = {"a month ahead": 31 * DAY // 1000, "two days behind": -2 * DAY // 1000}
DOUBTED_SECONDS = 4.0


@contextmanager
def waiting(folder: Path) -> Iterator[tuple[MovedService, SmtpSink]]:
    """A service by which one is to be tried again, one waits for company, one for an address."""
    secret = "whsec_" + b64encode(KEY).decode()
    with SmtpSink() as sink:
        sink.on("RCPT", "451 4.7.1 come again", local="ada", times=1)
        environ = {"COURSEBELL_EMAIL_URL": sink.url, "COURSEBELL_SUNBIRD_WEBHOOK_SECRET": secret}
        with MovedService(folder, RULES, **environ) as service:
            people(service, *(NAMES.keys() - {WITHOUT_ADDRESS}))
            service.post(
                completed(wall_clock(), 70), enrolled(wall_clock(), 71), completed(wall_clock(), 73)
            )
            states = [("owed", 1), ("scheduled", 0), ("waiting_address", 0)]
            service.notifications(
                lambda items: sorted((n["state"], n["attempts"]) for n in items) == states,
                "one is refused for now, one waits for company and one for an address",
            )
            yield service, sink


def people(service: MovedService, *known: int) -> None:
    rows = [f"{n},{NAMES[n]},{NAMES[n]}@example.org" for n in known]
    service.import_people("\n".join(["id,name,email", *rows]), "--source", "adobe")


def facts(service: MovedService) -> list[tuple[object, ...]]:
    names = ("id", "state", "reason", "decided_at", "due_at", "attempts")
    items = service.get("/api/v1/notifications?limit=500")["items"]
    return sorted(tuple(each.get(name) for name in names) for each in items)


def signed(service: MovedService) -> Answer:
    """A letter from a relay whose clock is right."""
    stamp = str(int(time.time()))
    made = hmac.digest(KEY, f"msg_1.{stamp}.[]".encode(), "sha256")
    return service.call(
        "POST", "/webhooks/sunbird", b"[]", webhook_id="msg_1", webhook_timestamp=stamp,
        webhook_signature=f"v1,{b64encode(made).decode()}",
    )  # fmt: skip


@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_jumps_and_comes_back_costs_nothing(tmp_path: Path, jump: str) -> None:
    with waiting(tmp_path) as (service, sink):
        before = facts(service)
        service.move(JUMPS[jump])
        until(service.doubt, "the clock is doubted")
        begun = time.monotonic()
        posted = service.post(completed(wall_clock(), 72), enrolled(wall_clock(), 74))
        assert (posted.status, signed(service).status) == (202, 202)
        until(lambda: time.monotonic() - begun > DOUBTED_SECONDS, "some seconds are over")

        assert "coursebell clock accept" in (service.doubt() or "")
        assert facts(service) == before and sink.mails == []
        assert service.get("/readyz")["ready"]

        service.move(0)
        until(service.is_sure, "the clock is right again")
        outcomes = {event["state"] for event in service.letter(2)["events"]}
        assert outcomes == {"recorded"}
        came_at = service.get("/api/v1/letters/2")["received_at"]
        service.notifications(lambda all: len(all) == 5, "what came meanwhile is decided")
        assert {*before} <= {*facts(service)}, "nothing that waited has moved"

        service.move(7 * MINUTE // 1000)
        people(service, WITHOUT_ADDRESS)
        found = service.notifications(
            lambda items: {n["state"] for n in items} == {"sent"}, "all of it leaves"
        )
        begun_at = min(n["decided_at"] for n in found)

    told = sorted(mail.recipients[0].partition("@")[0] for mail in sink.mails)
    assert told == sorted(NAMES.values()), "each once"
    assert came_at >= begun_at and came_at[:8] == begun_at[:8], "it came when it came"


def test_a_service_that_starts_while_the_clock_is_wrong_doubts_it(tmp_path: Path) -> None:
    with waiting(tmp_path) as (service, sink):
        before = facts(service)
        service.kill()
        service.move(31 * DAY // 1000)
        service.start()
        until(service.doubt, "the clock is doubted")
        held = service.command("mute", "--all")
        assert held.returncode == 0
        service.command("unmute", "--all")
        assert facts(service) == before and sink.mails == []
        service.move(0)
        until(service.is_sure, "the clock is right again")
        assert facts(service) == before


def test_a_person_says_that_the_clock_is_right(tmp_path: Path) -> None:
    with MovedService(tmp_path, RULES) as service:
        service.move(3 * HOUR // 1000)
        until(service.doubt, "the clock is doubted")
        service.post(completed(wall_clock(), 70))
        said = service.command("clock", "accept")

        assert said.returncode == 0 and "is taken as right" in said.stdout
        until(service.is_sure, "the clock is believed")
        assert service.letter(1)["state"] == "taken"


def test_what_senders_say_of_the_time_ends_a_doubt(tmp_path: Path) -> None:
    """As when a machine was paused: its clock is put right, hours ahead of where it was."""
    with MovedService(tmp_path, RULES) as service:
        service.move(3 * HOUR // 1000)
        until(service.doubt, "the clock is doubted")
        service.post(completed(wall_clock(), 70))
        assert service.post(completed(wall_clock() + 3 * HOUR, 71)).status == 202

        assert service.letter(2)["state"] == "taken"
        until(service.is_sure, "the clock is believed")
