"""Who has left, by a report or a letter, in the running service: what it sends, says and keeps."""

import json
import time
from collections.abc import Iterator
from email import message_from_string
from email.utils import parseaddr
from pathlib import Path

import pytest

from tests.installation import completed
from tests.real_service import RealService
from tests.waiting import until

pytestmark = pytest.mark.both_engines

REPORT = """internalUserID,userEmail,name,managerEmail,state,group
11,ann@example.org,Ann,bo@example.org,ACTIVE,Sales
20,bo@example.org,Bo Boss,cy@example.org,DELETED,Sales
21,cy@example.org,Cy Chief,,ACTIVE,Sales
31,hr1@example.org,Hr One,,ACTIVE,HR team
33,hr3@example.org,Hr Three,,SUSPENDED,HR team
"""
RULES = """
  - id: boss
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completion}
      - {to: "group:HR team", via: email, template: team_completion}
      - {to: learner, via: email, template: completed}
  - id: gone
    trigger: {event: learner.left}
    notify:
      - {to: "group:HR team", via: email, template: team_completion}
"""
OPEN = {"COURSEBELL_SUNBIRD_ALLOW_UNAUTHENTICATED": "true"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RealService]:
    with RealService(tmp_path, RULES, **OPEN) as running:
        yield running


def mailed(service: RealService) -> list[str]:
    mails = (path.read_text() for path in (service.data / "drawer").glob("*.eml"))
    return sorted(parseaddr(message_from_string(mail)["To"])[1] for mail in mails)


def now() -> int:
    return int(time.time() * 1000)


def sunbird(type: str, **more: object) -> dict[str, object]:
    person = {"id": "u-1", "type": "User"}
    related = [{"type": "CourseBatch", "id": "b-1"}, {"type": "Course", "id": "do_7"}]
    told: dict[str, object] = {
        "eid": "AUDIT", "ets": now(), "mid": f"LP.{type}", "actor": person, "object": person,
        "context": {"channel": "academy", "cdata": related}, "edata": {"type": type},
    }  # fmt: skip
    return told | more


def test_a_report_says_who_left_and_their_manager_is_told_instead(service: RealService) -> None:
    service.import_people(REPORT)
    service.post(completed(now(), 11))
    sent = ["ann@example.org", "cy@example.org", "hr1@example.org"]
    until(lambda: mailed(service) == sent, "three mails")
    until(service.is_settled, "nothing is owed")
    assert mailed(service) == sent

    found = service.get("/api/v1/notifications")["items"]
    (manager,) = [each["id"] for each in found if each["to"] == "manager"]
    passed = "Bo Boss (20) has left; told instead: Cy Chief (21)"
    assert passed in service.command("explain", manager).stdout
    assert passed in service.command("notifications", "show", manager).stdout
    shown = service.command("people", "show", "20").stdout
    assert "deleted, as was said of 20" in shown
    listed = service.command("people", "list").stdout
    assert [word for word in ("deleted", "suspended") if word not in listed] == []
    assert service.command("fsck").returncode == 0


def test_a_letter_says_who_left_and_nobody_writes_to_them(service: RealService) -> None:
    service.import_people("id,name,email,groups\nu-1,Ada,ada@example.org,HR team\n"
                          "hr,Hr,hr@example.org,HR team\n", "--source", "sunbird")  # fmt: skip
    edata = {"action": "delete-user", "userId": "u-1", "userName": "ada_1x2y"}
    gone = sunbird("", eid="BE_JOB_REQUEST", edata=edata, object={"id": "u-1", "type": "User"})
    for letter in (gone, sunbird("DeleteUserStatus"), sunbird("enrol-complete")):
        answer = service.call("POST", "/webhooks/sunbird", json.dumps(letter).encode())
        assert answer.status == 202
        service.letter(answer.json["receipt"])
    until(lambda: len(mailed(service)) >= 2, "two mails")
    until(service.is_settled, "nothing is owed")

    assert mailed(service) == ["hr@example.org"] * 2
    found = service.get("/api/v1/notifications")["items"]
    ended = [(each["to"], each["state"], each["reason"]) for each in found]
    assert ("learner", "suppressed", "left") in ended
    assert 'notifications{state="suppressed"}' in str(service.numbers())
    assert "deleted" in service.command("people", "show", "u-1").stdout

    service.import_people("id,state\nu-1,active\n", "--source", "sunbird")
    related = [{"type": "CourseBatch", "id": "b-2"}, {"type": "Course", "id": "do_8"}]
    again = sunbird("course-complete", context={"cdata": related})
    service.call("POST", "/webhooks/sunbird", json.dumps(again).encode())
    until(lambda: "ada@example.org" in mailed(service), "who is back is written to")
