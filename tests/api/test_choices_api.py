"""Stop and resume over HTTP: what is stopped, and what of it has no effect; each field is told."""

from tests.installation import ADA, DONE, START

WHO = {"who": "77", "rules": ["done"]}


def test_a_stop_of_what_is_required_is_kept_and_named(client, office):
    office.import_people([ADA])
    office.write_rules(DONE + "    required: true\n")
    office.app.reload(START)
    kept = {"stopped": ["done"], "stopped_all": False}
    assert client.post("/api/v1/people/stop", json=WHO).json() == {**kept, "required": ["done"]}

    office.write_rules(DONE)
    office.app.reload(START)
    assert client.post("/api/v1/people/stop", json=WHO).json() == kept
    gone = client.post("/api/v1/people/resume", json=WHO).json()
    assert gone == {"stopped": [], "stopped_all": False}


def test_each_field_is_described(client):
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    for name in ("Reader", "Stopped"):
        fields = schemas[name]["properties"]
        assert [field for field, told in fields.items() if "description" not in told] == []
