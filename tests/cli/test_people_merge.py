"""`coursebell people merge`, beside the service, and the letters that say the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import DONE, START, completed, enrolled
from tests.merged_people import merge_letter
from tests.real_service import RealService
from tests.waiting import until

OPEN = {"COURSEBELL_SUNBIRD_ALLOW_UNAUTHENTICATED": "true"}
PEOPLE = "id,name,email\n77,Ada Byron,old@example.org\n78,Ada Lovelace,new@example.org\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RealService]:
    with RealService(tmp_path, DONE, **OPEN) as found:
        found.import_people(PEOPLE, "--source", "adobe")
        yield found


def told(service: RealService, count: int) -> list[Any]:
    settled = service.notifications(
        lambda items: [i["state"] in ("cancelled", "sent") for i in items] == [True] * count,
        f"{count} notifications have ended",
    )  # fmt: skip
    return sorted(each["state"] for each in settled)


def test_what_both_are_owed_is_told_once_and_the_service_notices(service: RealService) -> None:
    service.command("mute", "--all")
    service.post(completed(START, 77), completed(START + 1, 78))
    service.letter(1)
    merged = service.command("people", "merge", "77", "78", "--source", "adobe")
    assert (merged.returncode, merged.stderr) == (0, "")
    assert merged.stdout == (
        "77 counts as 78 from now on: 1 enrollment, 0 watches and 1 open notification\n"
    )
    service.command("unmute", "--all")
    assert told(service, 2) == ["cancelled", "sent"]
    (mail,) = (service.data / "drawer").glob("*.eml")
    assert "new@example.org" in mail.read_text()
    shown = json.loads(service.command("people", "show", "77", "--json").stdout)
    assert [each["records"] for each in shown["items"]] == [["78", "77"]] * 2
    for learner in ("77", "78"):
        found = service.get(f"/api/v1/enrollments?learner={learner}")["items"]
        assert sorted(each["learner"] for each in found) == ["77", "78"]
    why = service.command("explain", "--rule", "done", "--learner", "78")
    assert why.returncode == 0 and "another record of the same person" in why.stdout
    service.stop()
    assert service.command("fsck").returncode == 0
    assert service.command("backtest", "--verify").returncode == 0


def test_nothing_is_merged_that_is_not_just_one(service: RealService) -> None:
    service.post(enrolled(START, 77))
    service.letter(1)

    def said(*words: str) -> tuple[int, str]:
        done = service.command("people", "merge", *words)
        return done.returncode, done.stderr or done.stdout

    assert said("77", "99") == (
        1, "coursebell: 99: nobody has this LMS id; `coursebell people list` shows who is known\n",
    )  # fmt: skip
    assert said("77", "77")[0] == 2
    assert said("77")[0] == 2
    service.import_people("id\n77\n", "--source", "sunbird")
    code, words = said("77", "78")
    assert code == 2 and "say which with --source and --account" in words
    code, words = said("77", "78", "--source", "adobe", "--dry-run")
    assert code == 0 and words.startswith("Would do: 77 counts as 78")
    assert said("77", "78", "--source", "adobe")[1].startswith("77 counts as 78")
    code, words = said("77", "78", "--source", "adobe")
    assert (code, words) == (0, "77 counts as 78 already; nothing was changed\n")
    assert said("77", "78", "--source", "adobe", "--dry-run") == (code, words)
    code, words = said("78", "77", "--source", "adobe")
    assert (code, words) == (
        1, "coursebell: 77 was merged into 78 of adobe 1234 before; "
        "`coursebell people merge 77 --undo` ends that\n",
    )  # fmt: skip
    assert said("78", "77", "--source", "adobe", "--dry-run") == (code, words)
    assert said("77", "--undo", "--source", "adobe")[1].startswith("77 counts for itself")
    done = service.command("people", "merge", "78", "77", "--source", "adobe", "--json")
    assert json.loads(done.stdout)["done"] is True


def test_an_id_known_by_a_general_import_alone_needs_its_source(service: RealService) -> None:
    service.import_people("id,name\nu-1,Ada\nu-2,Ada\n")
    done = service.command("people", "merge", "u-1", "u-2")
    assert done.returncode == 2 and "with --source" in done.stderr
    done = service.command("people", "merge", "u-1", "u-2", "--source", "sunbird")
    assert done.returncode == 0


def test_one_human_in_two_systems(service: RealService) -> None:
    service.post(enrolled(START, 77))
    service.letter(1)
    service.import_people("id,name,email\nu-9,Ada,nine@example.org\n", "--source", "sunbird")
    words = ("people", "merge", "77", "u-9", "--source", "adobe", "--into-source", "sunbird")
    assert service.command(*words).returncode == 0
    service.post(completed(START + 1, 77))
    assert told(service, 1) == ["sent"]
    (mail,) = (service.data / "drawer").glob("*.eml")
    assert "nine@example.org" in mail.read_text()
    refused = service.command("people", "merge", "77", "78", "--source", "adobe")
    assert "77 was merged into u-9 of sunbird before" in refused.stderr
    (found,) = service.get("/api/v1/enrollments")["items"]
    assert (found["learner"], found["source"], found["status"]) == ("77", "adobe", "completed")


def post(service: RealService, letter: Any) -> dict[str, Any]:
    answer = service.call("POST", "/webhooks/sunbird", json.dumps(letter).encode())
    return service.letter(answer.json["receipt"])


def test_letters_of_sunbird_merge_people_whom_nobody_has_met(service: RealService) -> None:
    taken = post(service, merge_letter("u-1", "f:provider:u-2", START))
    assert [each["state"] for each in taken["events"]] == ["recorded"]
    again = post(
        service, [merge_letter("u-1", "u-2", START), merge_letter("u-1", "u-2", START, "2")]
    )
    assert [each["state"] for each in again["events"]] == ["duplicate", "superseded"]
    circle = post(service, merge_letter("u-2", "u-1", START + 1))
    assert circle["state"] == "set_aside"
    assert "was merged into this one before" in circle["events"][0]["reason"]
    service.import_people("id,name,email\nu-2,Ada,two@example.org\n", "--source", "sunbird")
    post(service, {
        "eid": "AUDIT", "ets": START + 2, "mid": "LP.AUDIT.1",
        "object": {"type": "User", "id": "u-1"}, "actor": {"type": "User", "id": "u-1"},
        "context": {"cdata": [{"type": "CourseBatch", "id": "b"}, {"type": "Course", "id": "d"}]},
        "edata": {"type": "enrol-complete"},
    })  # fmt: skip
    assert told(service, 1) == ["sent"]
    assert until(lambda: list((service.data / "drawer").glob("*.eml")), "mail")


@pytest.fixture
def unheard(tmp_path: Path) -> Iterator[RealService]:
    with RealService(tmp_path, DONE) as found:
        found.import_people(
            "id,name,email,state\n77,Ada,old@example.org,active\n78,Ada,new@example.org,deleted\n",
            "--source", "adobe",
        )  # fmt: skip
        yield found


def test_a_merge_before_the_first_letter_holds(unheard: RealService) -> None:
    words = ("people", "merge", "77", "78", "--source", "adobe")
    assert unheard.command(*words).returncode == 0
    unheard.post(completed(START, 77))
    (ended,) = unheard.notifications(lambda i: i and i[0]["state"] == "suppressed", "it has ended")
    assert ended["reason"] == "left"
    assert unheard.command(*words).stdout == "77 counts as 78 already; nothing was changed\n"
    undone = unheard.command("people", "merge", "77", "--undo", "--source", "adobe").stdout
    assert undone.startswith("77 counts for itself from now on")
    unheard.post(completed(START + 1, 77, course="course:8"))
    unheard.notifications(lambda items: "sent" in [each["state"] for each in items], "it is sent")
    assert unheard.stop() == 0
    assert unheard.command("fsck").returncode == 0
    assert unheard.command("backtest", "--verify").returncode == 0


def test_one_whose_account_is_known_takes_the_other_along(unheard: RealService) -> None:
    unheard.post(enrolled(START, 78))
    unheard.letter(1)
    assert unheard.command("people", "merge", "77", "78").returncode == 0
    unheard.post(completed(START + 1, 77))
    (ended,) = unheard.notifications(lambda i: i and i[0]["state"] == "suppressed", "it has ended")
    assert ended["reason"] == "left"


def test_nobody_is_merged_into_a_number_of_another_system(service: RealService) -> None:
    service.post(enrolled(START, 77))
    service.letter(1)
    done = service.command("people", "merge", "77", "78", "--source", "adobe",
                           "--into-source", "sunbird")  # fmt: skip
    assert done.returncode == 1 and "78: nobody has this LMS id" in done.stderr
    assert service.command("people", "show", "78", "--source", "sunbird").returncode != 0
