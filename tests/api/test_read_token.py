"""The token that reads: lists, metrics and details of readiness, and no command."""

import pytest
from starlette.testclient import TestClient

from service.api import refusal
from service.api.access import api_in_words
from service.api.application import OPERATIONS
from service.api.framework.operations import document
from service.app.app import settings_of
from service.settings import SettingsError
from tests.api.conftest import Client
from tests.installation import ADA, DONE, START, Installation, completed

ADMIN, READ = "the-token-of-the-admin", "the-token-that-reads"
BOTH = {"COURSEBELL_ADMIN_TOKEN": ADMIN, "COURSEBELL_READ_TOKEN": f"{READ},an-older-one"}
ALONE = {"COURSEBELL_READ_TOKEN": READ}
READS = [each.path for each in OPERATIONS if each.method == "GET" and "{" not in each.path]
COMMANDS = [(each.method, each.path) for each in OPERATIONS if each.method != "GET"]


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(params=[BOTH, ALONE], ids=["both", "alone"])
def client(request, tmp_path, open_site):
    with Installation(tmp_path, DONE, **request.param) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick(START)
        yield Client(open_site(office))


@pytest.mark.parametrize("path", [*READS, "/metrics", "/api/v1/openapi.json"])
def test_it_reads_what_there_is(client, path):
    answer = client.get(path, headers=headers(READ))

    # What asks for parameters says so: it is past the access check.
    assert answer.status_code in (200, 409), answer.text
    assert client.head(path, headers=headers(READ)).status_code == answer.status_code
    assert client.get(path).status_code == 401
    assert client.get(path, headers=headers(READ + "x")).status_code == 401


def test_it_reads_the_details_of_readiness_and_one_thing_of_a_list(client):
    assert client.get("/readyz", headers=headers(READ)).json()["ready"]
    assert client.get("/api/v1/letters/1", headers=headers(READ)).status_code == 200


@pytest.mark.parametrize(("method", "path"), COMMANDS)
def test_it_commands_nothing_and_says_which_token_does(client, method, path):
    answer = client.request(method, path, headers=headers(READ))

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "COURSEBELL_READ_TOKEN reads and commands nothing" in answer.json()["detail"]
    assert "COURSEBELL_ADMIN_TOKEN" in answer.json()["detail"]


def test_no_name_or_address_is_read_with_it(client):
    for path in [*READS, "/metrics", "/api/v1/letters/1", "/api/v1/notifications"]:
        said = client.get(path, headers=headers(READ)).text
        assert "Ada" not in said and "ada@" not in said, path


def test_several_are_accepted_while_one_replaces_another(tmp_path, open_site):
    with Installation(tmp_path, DONE, **BOTH) as office:
        client = TestClient(open_site(office))
        for token in (READ, "an-older-one", ADMIN):
            assert client.get("/metrics", headers=headers(token)).status_code == 200
        path = "/api/v1/notifications/n1/redrive"
        assert client.post(path, headers=headers(ADMIN)).status_code == 404
        assert client.post(path, headers=headers("an-older-one")).status_code == 403


def test_it_may_stand_in_a_file(tmp_path):
    (tmp_path / "token").write_text(f"{READ}\n")
    found = settings_of({"COURSEBELL_READ_TOKEN_FILE": str(tmp_path / "token")})

    assert found.read_token == (READ,) and READ not in repr(found)


def test_one_value_for_both_is_refused_without_showing_it():
    told = {"COURSEBELL_ADMIN_TOKEN": ADMIN, "COURSEBELL_READ_TOKEN": f"{READ}, {ADMIN}"}

    with pytest.raises(SettingsError) as refused:
        settings_of(told)

    (line,) = refused.value.mistakes
    assert line.startswith("COURSEBELL_READ_TOKEN: expected another value than that of")
    assert ADMIN not in line


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (BOTH, "for who shows COURSEBELL_ADMIN_TOKEN, or to read COURSEBELL_READ_TOKEN"),
        (ALONE, "to read, for who shows COURSEBELL_READ_TOKEN; commands are off without "
         "COURSEBELL_ADMIN_TOKEN"),
    ],
)  # fmt: skip
def test_the_first_lines_of_run_say_who_may_what(told, words):
    assert api_in_words(settings_of(told)) == words


def test_with_it_alone_the_service_may_be_public():
    assert refusal(settings_of(ALONE | {"COURSEBELL_PUBLIC_URL": "https://bell.example"})) is None


def test_the_description_says_which_token_does_what():
    paths = document(settings_of(BOTH), OPERATIONS)["paths"]

    assert paths["/api/v1/letters"]["get"]["security"] == [{"adminToken": []}, {"readToken": []}]
    redrive = paths["/api/v1/notifications/{id}/redrive"]["post"]
    assert redrive["security"] == [{"adminToken": []}]
