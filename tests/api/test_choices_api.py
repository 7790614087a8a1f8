"""Stopping and resuming messages to a reader over HTTP."""

import pytest

from service.learners.directory.people import PersonRow
from tests.api.conftest import Client
from tests.installation import ADA, DONE, START, Installation

TOKEN = "a-long-token"
ELSEWHERE = PersonRow(ADA.lms_id, "sunbird", "a", name="Else", email="else@example.org")


@pytest.fixture
def office(tmp_path):
    with Installation(tmp_path, DONE, COURSEBELL_ADMIN_TOKEN=TOKEN) as office:
        office.import_people([ADA])
        yield office


@pytest.fixture
def client(office, open_site):
    return Client(open_site(office), headers={"Authorization": f"Bearer {TOKEN}"})


def call(client, verb, status=200, **body):
    answer = client.post(f"/api/v1/people/{verb}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_reader_is_stopped_and_resumed(client):
    assert call(client, "stop", who="77", rules=["done"]) == {
        "stopped": ["done"],
        "stopped_all": False,
    }
    assert call(client, "stop", who=(ADA.email or "").upper())["stopped_all"]
    assert call(client, "resume", who="77", rules=["done"]) == {"stopped": [], "stopped_all": True}
    assert call(client, "resume", who="77") == {"stopped": [], "stopped_all": False}


def test_what_cannot_be_is_refused_in_words(client, office):
    assert "did you mean 'done'?" in call(client, "stop", 409, who="77", rules=["dome"])["detail"]
    assert "Nobody" in call(client, "stop", 404, who="78")["detail"]
    office.import_people([ELSEWHERE])
    assert "say which" in call(client, "stop", 409, who="77")["detail"]
    assert call(client, "stop", who="77", source="sunbird")["stopped_all"]


def test_a_stop_of_what_is_required_is_kept_and_named(client, office):
    office.write_rules(DONE + "    required: true\n")
    office.app.reload(START)
    kept = {"stopped": ["done"], "stopped_all": False}
    assert call(client, "stop", who="77", rules=["done"]) == {**kept, "required": ["done"]}

    office.write_rules(DONE)
    office.app.reload(START)
    assert call(client, "stop", who="77", rules=["done"]) == kept


def test_each_field_is_described(client):
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    for name in ("Reader", "Stopped"):
        fields = schemas[name]["properties"]
        assert [field for field, told in fields.items() if "description" not in told] == []
