"""Community Training's letters all the way: from the door's bytes to the words that leave."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from service.incoming.letter import Arrival
from tests.installation import DAY, DONE, MINUTE, START, STILL, Installation

pytestmark = pytest.mark.both_engines

SEEN = """
  - id: welcome
    trigger: {event: learner.seen}
    conditions:
      - event.source: community-training
      - learner.fields.phone: {empty: true}
    notify:
      - {to: learner, via: email, template: completed}
"""
COURSE = {"CourseName": "Logic for Everyone", "CourseId": 2475}
EMAIL = {"Contact": "ada@example.org", "ContactType": "Email"}
PHONE = {"Contact": "+44 20 7946", "ContactType": "Phone"}


def told(kind: str, date: str, at: int, contact: dict[str, str], **more: Any) -> dict[str, Any]:
    """One event of Ada's, in the shape of Community Training."""
    moment = datetime.fromtimestamp(at / 1000, UTC).isoformat().replace("+00:00", "Z")
    ada = {"FirstName": "Ada", "LastName": "Lovelace", "UserId": 13273}
    return {"EventType": kind, "MessageBody": {**ada, **contact, date: moment, **more}}


def login(at: int, contact: dict[str, str] = EMAIL) -> dict[str, Any]:
    return told("LOGIN", "LoginTime", at, contact)


def start(at: int, course: int) -> dict[str, Any]:
    return told("COURSE_START", "StartDate", at, EMAIL, **COURSE | {"CourseId": course})


def exam(at: int, contact: dict[str, str]) -> dict[str, Any]:
    more = {**COURSE, "CourseItemId": 8976, "ModuleType": "Exam", "ExamPercentage": "50"}
    return told("MODULE_COMPLETION", "CompletionDate", at, contact, **more)


def completion(at: int, contact: dict[str, str]) -> dict[str, Any]:
    more = {**COURSE, "ExamPercentage": "Not Applicable"}
    return told("COURSE_COMPLETION", "CompletionDate", at, contact, **more)


def post(office: Installation, *events: dict[str, Any], at: int, imported: bool = False) -> None:
    letter = Arrival("community-training", at, {}, json.dumps(events).encode())
    office.app.letters.keep([letter], imported=imported)


def test_a_sign_in_is_answered_at_the_address_it_brings(tmp_path):
    with Installation(tmp_path, SEEN) as office:
        post(office, login(START), login(START - MINUTE), at=START)
        post(office, login(START), at=START)
        office.tick()

        assert office.states() == ["sent"]
        (mail,) = office.drawer()
        assert "ada@example.org" in mail


def test_a_completion_without_an_address_waits_for_the_letter_that_brings_one(tmp_path):
    with Installation(tmp_path, DONE) as office:
        post(office, exam(START, PHONE), completion(START, PHONE), at=START)
        office.tick()
        assert office.states() == ["waiting_address"]

        post(office, login(START + DAY), at=START + DAY)
        office.tick(START + DAY)

        assert office.states() == ["sent"]
        (mail,) = office.drawer()
        for words in ("Hello Ada Lovelace", "Logic for Everyone", "Score: 50%"):
            assert words in mail
        log = b"".join(state for *_, state in office.app.ledger.log(0, 999))
        for text in (b"Lovelace", b"ada@", b"7946", b"Everyone", b"13273"):
            assert text not in log


def test_an_archive_tells_nobody_and_its_last_silence_is_reminded_of_in_time(tmp_path):
    with Installation(tmp_path, DONE + STILL + SEEN) as office:
        begun = [start(START - 9 * DAY, 2474), start(START - 2 * DAY, 2476)]
        archive = [login(START - 40 * DAY), completion(START - 30 * DAY, EMAIL), *begun]
        post(office, *archive, at=START, imported=True)
        for days in range(5):
            office.tick(START + days * DAY)
        assert office.states() == []

        office.tick(START + 6 * DAY)

        assert [(row["rule"], row["course"]) for row in office.notifications()] == [
            ("still", "2476")
        ]


def test_a_yearly_course_is_told_each_year_and_looking_at_it_again_tells_nobody(tmp_path):
    with Installation(tmp_path, DONE) as office:
        year = 365 * DAY
        for at, event in (
            (START, completion(START, EMAIL)),
            (START + MINUTE, completion(START + MINUTE, EMAIL)),
            (START + 9 * DAY, start(START + 9 * DAY, 2475)),
            (START + year, completion(START + year, EMAIL)),
        ):
            post(office, event, at=at)
            office.tick(at)

        assert office.states() == ["sent", "sent"]


def test_how_far_apart_completions_are_is_a_setting_of_the_source(tmp_path):
    setting = {"COURSEBELL_COMMUNITY_TRAINING_AGAIN_AFTER": "30d"}
    for folder, days, mails in (("near", 29, 1), ("far", 31, 2)):
        (tmp_path / folder).mkdir()
        with Installation(tmp_path / folder, DONE, **setting) as office:
            for at in (START, START + days * DAY):
                post(office, completion(at, EMAIL), at=at)
                office.tick(at)

            assert len(office.states()) == mails
