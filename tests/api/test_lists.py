"""Letters, enrolments and instances as the API tells them."""

import json
import threading

import pytest

from service.api import request_context
from tests.installation import ADA, DAY, MINUTE, START, body, completed, enrolled, event, seats

HEADERS = {"Content-Type": "application/json"}


def items(client, path, **query):
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def all_pages(client, path, limit):
    """Every item, page by page, and how long the pages were."""
    found, lengths, query = [], [], {"limit": limit}
    while True:
        page = client.get(path, params=query).json()
        found += page["items"]
        lengths.append(len(page["items"]))
        if page["next"] is None:
            return found, lengths
        query["after"] = page["next"]


def test_a_webhook_answers_with_the_place_that_tells_what_became_of_it(client, office):
    letter = body(
        completed(START, 77), completed(START, 77), seats(START, 3), event("BOGUS", START)
    )

    receipt = client.post("/webhooks/adobe", content=letter, headers=HEADERS).json()
    waiting = client.get(receipt["status"]).json()
    office.tick(START + 1500)
    taken = client.get(receipt["status"]).json()

    assert waiting == {
        "n": 1, "source": "adobe", "received_at": "2026-11-16T09:00:00Z", "state": "waiting",
        "taken_at": None, "imported": False, "events": [],
    }  # fmt: skip
    first, second, third, fourth = taken.pop("events")
    assert taken == {
        "n": 1, "source": "adobe", "received_at": "2026-11-16T09:00:00Z", "state": "set_aside",
        "taken_at": "2026-11-16T09:00:01.500000Z", "imported": False,
    }  # fmt: skip
    (enrollment,) = items(client, "/api/v1/enrollments")
    (instance,) = items(client, "/api/v1/instances")
    told = {"name": "COURSE_COMPLETED", "enrollment": enrollment["id"]}
    assert first == {"state": "recorded", **told}
    assert second == {"state": "duplicate", **told}
    assert third == {"name": "CI_STATS", "state": "recorded", "instance": instance["id"]}
    assert fourth["state"] == "set_aside"
    assert fourth["reason"].startswith("eventName: expected an event name we know")


def test_letters_are_listed_newest_first_and_by_state(client, office):
    office.post(completed(START, 77))
    office.post(event("BOGUS", START))
    office.tick()
    office.post(completed(START + 1, 78))

    assert [(each["n"], each["state"]) for each in items(client, "/api/v1/letters")] == [
        (3, "waiting"), (2, "set_aside"), (1, "taken"),
    ]  # fmt: skip
    for state, n in (("taken", 1), ("set_aside", 2), ("waiting", 3)):
        assert [each["n"] for each in items(client, "/api/v1/letters", state=state)] == [n]


@pytest.mark.parametrize("n", ["99", "0", "-1", "01", "x", "1.0", "1" + "0" * 30, "\u0661"])
def test_a_receipt_that_was_never_given_is_not_found(client, n):
    answer = client.get(f"/api/v1/letters/{n}")

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("no such letter")


def test_an_enrolment_is_told_in_the_words_and_ids_of_the_lms(client, office):
    office.import_people([ADA])
    office.post(enrolled(START, 77), completed(START + MINUTE, 77))
    office.tick(START + MINUTE)

    (found,) = items(client, "/api/v1/enrollments")

    assert found.pop("id").startswith("e")
    assert found == {
        "source": "adobe", "account": "1234", "learner": "77", "course": "course:7",
        "kind": "course", "instance": "course:7_1", "status": "completed", "progress": 100.0,
        "passed": True, "score": None, "enrollment_source": "SELF_ENROLL",
        "enrolled_at": "2026-11-16T09:00:00Z", "started_at": None,
        "completed_at": "2026-11-16T09:01:00Z", "silent_since": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "learners"),
    [
        ({"learner": "77"}, ["77", "77"]),
        ({"learner": "77", "account": "9"}, ["77"]),
        ({"learner": "nobody"}, []),
        ({"status": "completed"}, ["78"]),
        ({"course": "course:7", "instance": "course:7_2"}, ["78"]),
        ({"course": "course:7"}, ["77", "77", "78"]),
        ({"course": "COURSE: 7", "instance": "Course:7_2\u200b"}, ["78"]),
        ({"learner": "\u00a078\u200b"}, ["78"]),
        ({"source": "adobe", "status": "enrolled"}, ["77", "77"]),
        ({"source": "sunbird"}, []),
    ],
)
def test_enrolments_are_found_by_what_the_lms_calls_things(client, office, query, learners):
    office.post(enrolled(START, 77), completed(START, 78, session="course:7_2"))
    letter = json.loads(body(enrolled(START, 77), account=9))
    client.post("/webhooks/adobe", json=letter)
    office.tick()

    found = items(client, "/api/v1/enrollments", **query)

    assert sorted(each["learner"] for each in found) == learners


def test_who_was_forgotten_has_no_id_any_more(client, office):
    office.post(enrolled(START, 77))
    office.tick()
    with office.app.ledger.transaction() as cursor:
        cursor.execute("DELETE FROM people")

    (found,) = items(client, "/api/v1/enrollments")

    assert found["learner"] is None
    assert items(client, "/api/v1/enrollments", learner="77") == []


def test_an_instance_is_shown_by_its_id_and_by_that_of_the_lms(client, office):
    office.post(seats(START, 9, waiting=2))
    office.tick()

    (found,) = items(client, "/api/v1/instances", course="course:7")

    assert client.get(f"/api/v1/instances/{found['id']}").json() == found
    assert client.get("/api/v1/instances/course:7_1").json() == found
    assert client.get("/api/v1/instances/Course:7_1").json() == found
    assert found.pop("id").startswith("i")
    assert found == {
        "source": "adobe", "account": "1234", "course": "course:7", "kind": "course",
        "instance": "course:7_1", "enrollment_count": 9, "waitlist_count": 2, "seat_limit": 10,
        "seats_available": 1, "reported_at": "2026-11-16T09:00:00Z", "deleted_at": None,
    }  # fmt: skip


def test_an_id_that_two_accounts_use_is_not_guessed(client, office):
    for account in (1, 2):
        client.post("/webhooks/adobe", json=json.loads(body(seats(START, 9), account=account)))
    office.tick()

    assert client.get("/api/v1/instances/course:7_1").status_code == 409
    assert client.get("/api/v1/instances/course:7_9").status_code == 404


@pytest.mark.parametrize("noun", ["letters", "enrollments", "notifications"])
@pytest.mark.parametrize(("limit", "lengths"), [(3, [3, 3, 1]), (7, [7]), (6, [6, 1])])
def test_pages_hold_every_item_once(client, office, noun, limit, lengths):
    for user in range(7):
        office.post(completed(START + user * DAY, user))
    office.tick(START + 7 * DAY)

    found, seen = all_pages(client, f"/api/v1/{noun}", limit)

    assert seen == lengths
    assert len({json.dumps(each) for each in found}) == 7


def test_a_list_waits_for_the_views_to_show_what_is_on_disk(client, office, monkeypatch):
    office.post(completed(START, 77))
    office.app.take(START)
    views = office.app.views
    wait_for, following = views.wait_for, threading.Thread(target=views.catch_up)

    def waits(position, seconds):
        following.start()
        return wait_for(position, seconds)

    monkeypatch.setattr(views, "wait_for", waits)

    assert len(items(client, "/api/v1/enrollments")) == 1
    following.join()


@pytest.mark.parametrize(
    "path", ["enrollments", "instances", "instances/course:7_1", "notifications"]
)
def test_a_list_that_would_be_old_is_not_told(client, office, monkeypatch, path):
    office.post(completed(START, 77))
    office.app.take(START)
    monkeypatch.setattr(request_context, "VIEWS_SECONDS", 0.01)

    answer = client.get(f"/api/v1/{path}")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["detail"].endswith("ask again in a moment")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("stat=waiting", "unknown parameter 'stat'; did you mean 'state'?"),
        ("q=1", "unknown parameter 'q'; expected state, limit, after"),
        ("state=wating",
         "state: expected one of waiting, taken, set_aside; did you mean 'waiting'?"),
        ("state=", "state: expected one of waiting, taken, set_aside"),
        ("state=taken&state=taken", "state: expected it once, got it several times"),
        ("limit=0", "limit: expected a number from 1 to 500"),
        ("limit=501", "limit: expected a number from 1 to 500"),
        ("limit=ten", "limit: expected a number from 1 to 500"),
        ("after=x", "after: expected the `next` of the page before"),
        ("limit=0&after=x",
         "limit: expected a number from 1 to 500; after: expected the `next` of the page before"),
    ],
)  # fmt: skip
def test_a_query_with_a_mistake_is_told_every_one_of_them(client, query, detail):
    answer = client.get(f"/api/v1/letters?{query}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail,
    }  # fmt: skip
