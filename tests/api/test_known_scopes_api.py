"""`source` and `account` of a query name what there is."""

import pytest

from tests.installation import START, body, enrolled, seats

ASKED = {
    "/api/v1/enrollments": {},
    "/api/v1/instances": {},
    "/api/v1/explain": {"rule": "done", "learner": "77"},
}


@pytest.fixture(autouse=True)
def heard(office):
    office.post(enrolled(START, 77))
    office.tick()


def ask(client, path, **query):
    answer = client.get(path, params=ASKED[path] | query)
    return answer.status_code, answer.json().get("detail")


@pytest.mark.parametrize("path", ASKED)
def test_a_source_that_there_is_not_is_refused(client, path):
    for source, hint in (
        ("Adobe", "adobe"),
        ("ADOBE", "adobe"),
        ("comunity-training", "community-training"),
    ):
        status, detail = ask(client, path, source=source)
        assert status == 400
        assert detail == (
            f"source: expected one of adobe, community-training, sunbird; did you mean '{hint}'?"
        )
    assert ask(client, path, source="moodle")[0] == 400


@pytest.mark.parametrize("path", ASKED)
def test_an_account_that_nothing_has_named_is_refused(client, path):
    assert ask(client, path, account="1243") == (
        404,
        "account: expected an account that a letter or an import has named, got another; "
        "did you mean '1234'?",
    )
    assert ask(client, path, account="1234")[0] == 200


def test_an_account_known_by_its_seats_or_of_no_source_asked_is_known(client, office):
    letter = body(seats(START, 3), account=77021)
    client.post("/webhooks/adobe", content=letter, headers={"Content-Type": "application/json"})
    office.tick()
    assert ask(client, "/api/v1/instances", account="77021")[0] == 200
    assert ask(client, "/api/v1/enrollments", account="77021") == (200, None)
    assert ask(client, "/api/v1/enrollments", account="77021", source="sunbird") == (200, None)


def test_every_source_is_described(client):
    document = client.get("/api/v1/openapi.json").json()
    for path in ASKED:
        parameters = document["paths"][path]["get"]["parameters"]
        (source,) = (each for each in parameters if each["name"] == "source")
        assert source["schema"]["enum"] == ["adobe", "community-training", "sunbird"]
