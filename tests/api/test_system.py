"""Health, numbers, the description, and what every answer has in common."""

import re
import shutil
import sys

import pytest

from service.api.system import endpoints
from service.running import Service
from tests.api.conftest import Client
from tests.installation import ADA, START, completed, event

ANSWERS = [
    "/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/letters",
    "/api/v1/letters/1", "/api/v1/enrollments", "/api/v1/instances", "/api/v1/notifications",
]  # fmt: skip


class Stopped(Service):
    """A service one loop of which has ended."""

    alive = False


def states(answer):
    return {check["name"]: check["state"] for check in answer.json()["checks"]}


def test_a_service_without_trouble_is_alive_and_ready(client):
    assert client.get("/healthz").json() == {"alive": True}
    assert client.get("/readyz").json() == {
        "ready": True,
        "checks": [{"name": "store", "state": "ok"}, {"name": "loops", "state": "ok"}],
    }


def test_a_loop_that_ended_is_neither(office, open_site):
    client = Client(open_site(office, Stopped(office.app)))

    assert client.get("/healthz").status_code == 503
    assert client.get("/readyz").status_code == 503
    assert states(client.get("/readyz"))["loops"] == "failed"


def test_a_clock_in_doubt_is_said_and_letters_still_come_in(office, open_site):
    service = Service(office.app)
    service.troubles["clock"] = "the clock jumped by 3600 seconds"
    client = Client(open_site(office, service))

    answer = client.get("/readyz")

    assert client.get("/healthz").status_code == 200
    assert answer.status_code == 200
    assert answer.json()["checks"][-1] == {
        "name": "clock", "state": "warning",
        "detail": "the clock jumped by 3600 seconds",
    }  # fmt: skip


def test_a_writer_in_trouble_is_not_ready(office, open_site):
    service = Service(office.app)
    service.troubles["writer"] = "OperationalError: database or disk is full"

    assert Client(open_site(office, service)).get("/readyz").status_code == 503


def test_refused_rules_are_a_warning_as_the_old_ones_stay(office, open_site):
    service = Service(office.app)
    service.troubles["rules"] = "rules.yaml:3:1: unknown key 'chanels'"
    client = Client(open_site(office, service))

    assert client.get("/readyz").status_code == 200
    assert states(client.get("/readyz"))["rules"] == "warning"
    found = client.numbers()
    assert found["coursebell_rules_last_reload_successful"] == 0
    assert found['coursebell_trouble{part="rules"}'] == 1


def test_a_stranger_is_told_what_is_wrong_but_not_how(office, open_site):
    service = Service(office.app)
    service.troubles["writer"] = "OSError: /srv/secret/path"
    client = Client(open_site(office, service), client=("192.0.2.7", 1))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"][-1] == {"name": "writer", "state": "failed"}


def test_a_folder_that_is_gone_is_not_ready(client, office):
    shutil.rmtree(office.folder / "data")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert states(answer)["store"] == "failed"


def test_a_disk_that_does_not_answer_is_not_ready(client, office, monkeypatch):
    monkeypatch.setattr(endpoints, "CHECK_SECONDS", 0.01)

    with office.app.ledger.transaction():
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert states(answer)["store"] == "failed"


def test_every_letter_and_every_match_is_accounted_for(client, office):
    office.import_people([ADA])
    client.post("/webhooks/adobe", content=b"[", headers={"Content-Type": "application/json"})
    client.post("/webhooks/adobe", content=b"{}", headers={"Content-Type": "text/plain"})
    office.post(completed(START, 77), completed(START, 78))
    office.tick(START)
    office.post(event("BOGUS", START - 4000))

    found = client.numbers()

    assert found["coursebell_letters_accepted_total"] == 3
    assert found['coursebell_letters{state="waiting"}'] == 1
    assert found['coursebell_letters{state="taken"}'] == 1
    assert found['coursebell_letters{state="set_aside"}'] == 1
    assert found["coursebell_letters_unaccounted"] == 0
    assert found["coursebell_letters_waiting_oldest_seconds"] == 4
    assert found["coursebell_notifications_matched_total"] == 2
    assert found['coursebell_notifications{state="sent"}'] == 1
    assert found['coursebell_notifications{state="waiting_address"}'] == 1
    assert found["coursebell_notifications_unaccounted"] == 0
    assert found['coursebell_door_requests_total{code="202",source="adobe"}'] == 1
    assert found['coursebell_door_requests_total{code="415",source="adobe"}'] == 1
    assert found["coursebell_rules_last_reload_successful"] == 1
    assert found["coursebell_views_lag_events"] == 0


def test_what_is_lost_shows_in_the_numbers(client, office):
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.post(completed(START, 78))
    office.tick(START)
    assert client.numbers()["coursebell_notifications_unaccounted"] == 0

    with office.app.ledger.transaction() as cursor:
        cursor.execute("DELETE FROM taken WHERE n = 1")
    office.app.views.reader().execute("DELETE FROM notifications WHERE state = 'sent'")

    assert client.numbers()["coursebell_letters_unaccounted"] == 1
    assert client.numbers()["coursebell_notifications_unaccounted"] == 1


def test_matches_are_counted_on_between_two_looks(client, office):
    for user in (77, 78, 79):
        office.post(completed(START, user))
        office.tick(START)
        found = client.numbers()
        assert found["coursebell_notifications_matched_total"] == user - 76
        assert found["coursebell_notifications_unaccounted"] == 0


def test_the_numbers_name_nobody(client, office):
    office.import_people([ADA])
    office.post(completed(START, 77))
    office.tick(START)

    lines = client.get("/metrics").text.splitlines()
    ours = [line for line in lines if "process_" not in line and "disk_free" not in line]

    assert len(ours) > 50 and not re.search(r"77|[Aa]da|@", "\n".join(ours))


@pytest.mark.skipif(sys.platform != "linux", reason="the numbers of a process are Linux's")
def test_the_process_and_its_disk_are_counted(client):
    found = client.numbers()

    assert found["process_resident_memory_bytes"] > 2**20
    assert 0 < found["process_open_fds"] < found["process_max_fds"]
    assert found["coursebell_disk_free_bytes"] > 0


@pytest.mark.parametrize("path", ANSWERS)
def test_head_works_where_get_does_and_nothing_is_kept_on_the_way(client, office, path):
    office.post(completed(START, 77))
    office.tick(START)

    got, head = client.get(path), client.head(path)

    assert (got.status_code, head.status_code) == (200, 200)
    assert head.headers["content-type"] == got.headers["content-type"]
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v1/letters/", 404),
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/letters", 405),
        ("GET", "/api/v1/notifications/n1/redrive", 405),
        ("POST", "/metrics", 405),
        ("GET", "/healthz?verbose=1", 400),
        ("GET", "/webhooks/adobe", 405),
        ("POST", "/webhooks/moodle", 404),
    ],
)
def test_every_refusal_is_a_problem_with_a_next_step(client, method, path, status):
    answer = client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert re.search("expected|/api/v1/openapi.json", answer.json()["detail"])
    if status == 405:
        assert answer.headers["allow"]


def test_a_mistake_of_ours_is_logged_and_not_told(client, office, monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("the secret is in here")

    monkeypatch.setattr(office.app.letters, "listing", fails)
    answer = client.get("/api/v1/letters")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text
    assert "RuntimeError: the secret is in here" in caplog.text


def test_what_failed_is_logged_without_the_ids_in_its_path(client, office, monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr(office.app.letters, "show", fails)
    assert client.get("/api/v1/letters/1").status_code == 500

    (line,) = [record for record in caplog.records if record.name.endswith("problems")]
    assert (line.method, line.path) == ("GET", "/api/v1/letters/{n}")
