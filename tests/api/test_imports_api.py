"""POST /api/v1/people/import and /courses/import: the same as the commands, over HTTP."""

import json
import threading
from typing import Any

import pytest

from service.learners.directory.people import Person
from tests.api.conftest import Client
from tests.installation import DONE, START, Installation, completed
from tests.real_service import RealService
from tests.waiting import until

PEOPLE, COURSES = "/api/v1/people/import", "/api/v1/courses/import"
CSV = {"content-type": "text/csv"}
JSON = {"content-type": "application/json"}


def imported(client: Client, content: str | bytes, query: str = "", path: str = PEOPLE) -> Any:
    answer = client.post(f"{path}{query}", content=content, headers=CSV)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sent(client: Client, value: object, query: str = "", path: str = PEOPLE) -> Any:
    answer = client.post(f"{path}{query}", content=json.dumps(value), headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json()


def person(office: Installation, lms_id: str, source: str = "", account: str = "") -> Person:
    found = office.app.people.find((source, account, lms_id))
    assert found is not None
    return found


def test_a_file_goes_in_and_the_second_time_changes_nothing(office, client):
    content = "id,name,email,Cost Center\n7,Ada,ada@example.org,4711\n"
    first, second = (imported(client, content, "?source=adobe&account=1") for _ in range(2))
    assert (first["ok"], first["added"], first["unchanged"]) == (True, 1, 0)
    assert (second["added"], second["unchanged"], second["problems"]) == (0, 1, [])
    ada = person(office, "7", "adobe", "1")
    assert (ada.name, ada.email, ada.fields) == ("Ada", "ada@example.org", {"Cost Center": "4711"})


@pytest.mark.parametrize(
    ("content", "called"),
    [
        ("\ufeffid;name\r\n7;Zoë\r\n".encode(), "text/csv"),
        ("id,name\n7,Zoë\n".encode("windows-1252"), "text/csv; charset=windows-1252"),
        ("id,name\n7,Zoë\n".encode("utf-16"), "Text/CSV; charset=utf-16; header=present"),
        (b'[{"id": 7, "name": "Zo\\u00eb"}]', "application/json"),
        ('\ufeff{"items": [{"id": "7", "name": "Zoë"}]}\n'.encode(), "application/json"),
    ],
)
def test_bytes_as_people_have_them_are_read(office, client, content, called):
    answer = client.post(PEOPLE, content=content, headers={"content-type": called})
    assert answer.status_code == 200, answer.text
    assert person(office, "7").name == "Zoë"


def test_of_json_a_key_that_is_not_there_says_nothing_and_null_that_there_is_none(office, client):
    sent(client, [{"id": 7, "name": "Ada", "email": "ada@example.org", "unit": "north"}])
    sent(client, [{"id": 7, "email": None}, {"id": 8, "name": "Grace", "unit": 1.50, "on": True}])
    assert (person(office, "7").name, person(office, "7").email) == ("Ada", None)
    assert person(office, "7").fields == {"unit": "north"}
    assert person(office, "8").fields == {"unit": "1.5", "on": "true"}


def test_groups_may_be_a_list_of_names(office, client):
    sent(client, {"items": [{"id": "7", "groups": ["Sales, EMEA", "Ops"]}]})
    assert person(office, "7").groups == ("Sales, EMEA", "Ops")
    told = sent(client, [{"id": "7", "groups": ["a;b"], "name": {"first": "Ada"}}])
    assert [(each["line"], each["column"]) for each in told["problems"]] == [
        (1, "groups"), (1, "name"),
    ]  # fmt: skip
    assert person(office, "7").groups == ("Sales, EMEA", "Ops")


def test_courses_go_in_the_same_way(office, client):
    told = sent(client, [{"id": "course:1", "title": "Logic", "tags": ["a", "b"]}], path=COURSES)
    assert told["added"] == 1
    found = office.app.courses.get("", "", "course:1")
    assert found is not None and (found.title, found.tags) == ("Logic", ("a", "b"))


def test_a_full_one_and_a_list_mean_what_they_mean_to_the_command(office, client):
    imported(client, "id\n7\n8\n")
    imported(client, "id\n7\n8\n", "?list=Pilot")
    assert imported(client, "id\n7\n", "?list=Pilot&full=true")["missing"] == 1
    assert (person(office, "8").groups, person(office, "8").left_as) == ((), None)
    assert imported(client, "id\n7\n", "?full=true")["missing"] == 1
    assert person(office, "8").left_as == "missing"
    assert sent(client, [{"id": 8}])["returned"] == 1

    many = "id\n" + "".join(f"{n}\n" for n in range(100, 200))
    imported(client, many, "?source=adobe")
    refused = client.post(f"{PEOPLE}?source=adobe&full=true", content="id\n100\n", headers=CSV)
    assert refused.status_code == 422 and "99 of 100 people" in refused.json()["detail"]
    allowed = "?source=adobe&full=true&allow_missing=99"
    assert imported(client, "id\n100\n", allowed)["missing"] == 99


def test_rows_that_are_left_out_are_named(client):
    told = imported(client, "id,name\n7,Ada\n,X\n")
    assert (told["ok"], told["added"], told["unusable"]) == (False, 1, 1)
    assert told["problems"][0]["expected"] == "expected the LMS's id of the person"
    assert imported(client, "id,name\n7,Ada\n,X\n", "?lenient=true")["ok"]


@pytest.mark.parametrize(
    ("content", "called", "status", "words"),
    [
        ("id,name\n,X\n", "text/csv", 422, "no row of it could be used"),
        ("id,name\n", "text/csv", 422, "no row of it could be used"),
        ("", "text/csv", 422, "no header"),
        ("name\nAda\n", "text/csv", 422, "expected a column id"),
        ("[]", "application/json", 422, "expected a column id"),
        ("{}", "application/json", 422, "expected a JSON list of objects"),
        ('[{"id": 1}, {"id": 2', "application/json", 422, "body:2: no whole JSON object"),
        ('[{"id": 1}, 7]', "application/json", 422, "body:"),
        ('[{"id": NaN}]', "application/json", 422, "body:1: no whole JSON object"),
        ('[{"id": 1}] []', "application/json", 422, "expected the end behind the list"),
        ("[" * 100_000, "application/json", 422, "body:1: no whole JSON object"),
        ('[{"id": "\\ud800"}]', "application/json", 422, "no row of it could be used"),
        (b'[{"id": 1, "name": "\xff"}]', "application/json", 422, "no row of it could be used"),
        ('[{"id": 1}]', "application/json; charset=utf-16", 422, "body: not text in UTF-16"),
        ("id\n7\n", "application/xml", 415, "text/csv or application/json"),
        ("id\n7\n", "text/csv; charset=klingon", 415, "an encoding of text"),
        ("id\n7\n", "text/csv; charset=hex", 415, "an encoding of text"),
        ("id\n7\n", "text/csv; charset=undefined", 415, "an encoding of text"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_a_reason(client, content, called, status, words):
    answer = client.post(PEOPLE, content=content, headers={"content-type": called})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert client.numbers()  # and it goes on


def test_json_that_is_broken_at_its_end_brings_nothing(office, client):
    rows = ", ".join(f'{{"id": {n}}}' for n in range(3_000))
    assert client.post(PEOPLE, content=f"[{rows}, {{", headers=JSON).status_code == 422
    assert office.app.people.page(limit=1) == []


@pytest.mark.parametrize(
    "query", ["source=moodle", "full=yes", "allow_missing=101", "lists=x", "list=%20"]
)
def test_a_query_is_checked(client, query):
    answer = client.post(f"{PEOPLE}?{query}", content="id\n7\n", headers=CSV)
    assert answer.status_code == 400, answer.text
    assert query.partition("=")[0] in answer.json()["detail"]


def test_a_body_of_more_than_may_be_is_413(tmp_path, open_site):
    with Installation(tmp_path, DONE, COURSEBELL_IMPORT_LIMIT="2048") as small:
        client = Client(open_site(small))
        answer = client.post(PEOPLE, content="id\n" + "7\n" * 2_000, headers=CSV)
        assert answer.status_code == 413
        assert "COURSEBELL_IMPORT_LIMIT" in answer.json()["detail"]
        assert not [path for path in (tmp_path / "data").iterdir() if "tmp" in path.name]


def test_a_second_one_at_the_same_time_is_409(office, open_site):
    client, answers = Client(open_site(office)), []

    def send():
        answers.append(client.post(PEOPLE, content="id\n7\n8\n", headers=CSV))

    both = [threading.Thread(target=send) for _ in range(2)]
    with office.app.ledger.transaction():  # one of them waits for it
        for each in both:
            each.start()
        until(lambda: answers, "the other one is refused")
    for each in both:
        each.join()
    assert [answer.status_code for answer in answers] == [409, 200]
    assert answers[1].json()["added"] == 2


def test_a_long_one_takes_no_memory_and_does_not_hold_up_the_door(tmp_path):
    rows = "".join(f"{n},Name {n},n{n}@example.org,Group {n % 9}\n" for n in range(30_000))
    with RealService(tmp_path, DONE) as service:
        answers = []
        body = f"id,name,email,groups\n{rows}".encode()

        def send():
            answers.append(service.call("POST", PEOPLE, body, Content_Type="text/csv"))

        sending = threading.Thread(target=send)
        before = service.numbers()["process_resident_memory_bytes"]
        sending.start()
        posted = 0
        while sending.is_alive():
            assert service.post().status == 202
            posted += 1
        assert answers[0].json["added"] == 30_000
        assert posted > 10
        grown = service.numbers()["process_resident_memory_bytes"] - before
        assert grown < 120 * 2**20


def test_the_service_that_imports_notices_it_itself(tmp_path):
    with RealService(tmp_path, DONE) as service:
        service.post(completed(START, 77))
        service.notifications(
            lambda items: items and items[0]["state"] == "waiting_address", "nobody knows where to"
        )
        body = b"id,name,email\n77,Ada,ada@example.org\n"
        assert service.call("POST", PEOPLE, body, Content_Type="text/csv").status == 200
        service.notifications(lambda items: items[0]["state"] == "sent", "it is sent")
