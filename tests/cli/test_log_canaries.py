"""What a running service logs at debug, in both forms: events throughout, and nobody's name."""

import json
import re
import signal
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest

from tests.chat_room import Room
from tests.installation import DONE, START, completed, event, seats
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

NAME, ADDRESS = "Zanzibar Quokka", "zquokka@canary.example"
PASSWORD, TOKEN, GUESS = "pa55-kestrel-w0rd", "t0ken-of-the-kestrel", "gue55-of-a-magpie"
CANARIES = ("zanzibar", "quokka", "kestrel", "magpie", "s3cret")
SEATS = """
  - id: seat
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {post: room, template: seat_free}
"""
TEXT = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* (debug|info|warning|error) (library|[a-z]+\.[a-z_]+) .*"
)


@pytest.fixture(params=["text", "json"])
def service(request, tmp_path):
    with (
        SmtpSink(users={"zquokka": PASSWORD}) as sink,
        Room() as room,
        RealService(
            tmp_path,
            DONE + SEATS,
            COURSEBELL_LOG_FORMAT=request.param,
            COURSEBELL_LOG_LEVEL="debug",
            COURSEBELL_EMAIL_URL=sink.url,
            COURSEBELL_CHAT_URL=room.url,
            COURSEBELL_ADMIN_TOKEN=TOKEN,
            COURSEBELL_SUNBIRD_USERNAME="quokka",
            COURSEBELL_SUNBIRD_PASSWORD=PASSWORD,
        ) as service,
    ):
        service.import_people(f"id,name,email\n77,{NAME},{ADDRESS}\n")
        service.sink, service.room = sink, room
        yield service


def seen(service: RealService, word: str) -> None:
    until(lambda: word in service.logged(), f"{word} is logged")


def mails_are_refused(service: RealService) -> None:
    service.sink.on("RCPT", f"550 5.1.1 <{ADDRESS}>: no {NAME} here")
    service.sink.on("AUTH", f"535 5.7.8 {PASSWORD} of quokka is wrong", times=1)
    service.post(completed(START, 77))
    service.notifications(lambda items: items and items[0]["attempts"], "it was tried")


def chat_answers_oddly(service: RealService) -> None:
    service.room.status = 404
    service.room.headers = {f"X bad: {NAME}": ADDRESS}
    service.post(seats(START, 10), seats(START + 1, 9))
    until(lambda: service.room.posts, "it was posted")


def letters_are_odd(service: RealService) -> None:
    odd = event(NAME, START, userId=ADDRESS)
    unfit = {**completed(START, 78), "data": {"userId": {"name": NAME}, "loId": ADDRESS}}
    service.post(odd, unfit)
    service.call("POST", "/webhooks/adobe", f"{{{NAME}".encode())
    seen(service, "letters.set_aside")


def strangers_come(service: RealService) -> None:
    basic = b64encode(f"{ADDRESS}:{GUESS}".encode()).decode()
    for path in ("/webhooks/sunbird", f"/webhooks/{ADDRESS}", f"/api/v1/{ADDRESS}"):
        service.call("POST", path, NAME.encode(), Authorization=f"Basic {basic}")
    service.call("GET", f"/watch/{GUESS}")
    for word in ("door.refused", "api.refused"):
        seen(service, word)


def rules_are_mistaken(service: RealService) -> None:
    service.write_rules(DONE.replace("to: learner", f'to: "{ADDRESS}", wordz: {NAME}'))
    seen(service, "rules.refused")
    service.write_rules(DONE)
    seen(service, "rules.mended")


JOURNEYS = (
    mails_are_refused,
    chat_answers_oddly,
    letters_are_odd,
    strangers_come,
    rules_are_mistaken,
)


def test_no_line_holds_a_name_an_address_or_a_secret(service):
    for journey in JOURNEYS:
        journey(service)
    service.process.send_signal(signal.SIGTERM)
    first_lines = service.process.stdout.read()
    service.process.wait(20)

    lines = service.logged().splitlines()
    for canary in CANARIES:
        found = [line for line in [*lines, first_lines] if canary in line.lower()]
        assert not found, (canary, found)
    events = check_form(service, lines, first_lines.splitlines())
    assert {"letters.set_aside", "door.refused", "rules.refused", "library"} <= events


def check_form(service: RealService, lines: list[str], first_lines: list[str]) -> set[str]:
    """Hold each line to its form; give the events."""
    if service.environ["COURSEBELL_LOG_FORMAT"] == "json":
        found = [json.loads(line) for line in [*first_lines, *lines]]
        assert all({"at", "level", "event", "message"} <= line.keys() for line in found)
        assert {line["event"] for line in found[: len(first_lines)]} == {"service.setup"}
        return {line["event"] for line in found}
    wrong = [line for line in lines if not TEXT.fullmatch(line)]
    assert not wrong
    return {line.split()[3] for line in lines}


def test_a_refused_file_is_told_with_its_place_and_counted(tmp_path: Path) -> None:
    with RealService(tmp_path, DONE) as service:
        service.write_rules(DONE.replace("notify:", "notfy:"))
        seen(service, "error rules.refused mistakes=rules.yaml:9:5")
        assert service.numbers()["coursebell_rules_refused"] == 1
        service.write_rules(DONE)
        seen(service, "info rules.mended")
        assert service.numbers()["coursebell_rules_refused"] == 0


def guessed(service: RealService, source: str, times: int) -> None:
    for _ in range(times):
        request = urllib.request.Request(f"{service.address}/webhooks/{source}", b"{}")
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {GUESS}")
        request.add_header("X-Forwarded-For", "203.0.113.9")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        refused.value.close()


def test_wrong_passwords_are_told_by_source_and_peer_and_counted(tmp_path: Path) -> None:
    told = {"COURSEBELL_SUNBIRD_BEARER_TOKEN": TOKEN}
    with RealService(tmp_path, DONE, **told) as service:
        guessed(service, "sunbird", 25)
        guessed(service, "nobody", 3)

        lines = [line for line in service.logged().splitlines() if "door.refused" in line]
        found = service.numbers()

    fields = [re.search(r"door\.refused (.*?)  ", line)[1] for line in lines]
    assert fields == [f"source=sunbird peer=127.0.0.1 count={n}" for n in (1, 10)]
    assert found['coursebell_door_requests_total{code="401",source="sunbird"}'] == 25
    assert found['coursebell_door_requests_total{code="404",source=""}'] == 3
    assert not any("nobody" in name for name in found)
