"""Who may use the API: who has the token, or without one who sits at this machine."""

import os

import pytest
from starlette.testclient import TestClient

from service.api import refusal
from service.app.app import settings_of
from tests import forks
from tests.installation import DONE, ROOT, Installation

HERE = ("127.0.0.1", 50_000)
TOKEN = "a-long-token"


def status(client: TestClient, path: str = "/api/v1/letters", **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=sent).status_code


@pytest.fixture
def site(office, open_site):
    return open_site(office)


@pytest.fixture
def guarded(tmp_path, open_site):
    with Installation(tmp_path, DONE, COURSEBELL_ADMIN_TOKEN=TOKEN) as office:
        yield TestClient(open_site(office), base_url="https://coursebell.example.org")


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"]
)
def test_without_a_token_somebody_at_this_machine_is_answered(site, peer, host):
    assert status(TestClient(site, client=(peer, 1)), Host=host) == 200


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "::2", "::ffff:192.0.2.7", "testclient"])
def test_without_a_token_nobody_from_elsewhere_is_answered(site, peer):
    client = TestClient(site, client=(peer, 1), base_url="http://localhost")

    assert status(client) == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "localhost@evil.example", "127.0.0.2", "", "[::1",
     "localhost:x", "evil.example#localhost", "localhost/", "0.0.0.0"],
)  # fmt: skip
def test_a_name_that_only_leads_here_is_not_this_machine(site, host):
    assert status(TestClient(site, client=HERE), Host=host) == 403


@pytest.mark.parametrize(
    "header", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-anything"]
)
def test_what_a_proxy_passes_on_does_not_count_as_local(client, header):
    assert client.get("/api/v1/letters", headers={header: "for=127.0.0.1"}).status_code == 403


def test_a_page_of_another_site_cannot_make_a_browser_redrive(client):
    path = "/api/v1/notifications/n1/redrive"

    assert client.post(path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post(path, headers={"Origin": "null"}).status_code == 403
    assert client.post(path, headers={"Origin": "http://localhost"}).status_code == 404
    assert client.post(path).status_code == 404


CREDENTIALS = {"COURSEBELL_ADOBE_USERNAME": "ada", "COURSEBELL_ADOBE_PASSWORD": "secret"}


@pytest.mark.parametrize(
    "told",
    [
        CREDENTIALS,
        {"COURSEBELL_SUNBIRD_BEARER_TOKEN": "t"},
        {"COURSEBELL_ADOBE_HMAC_SECRET": "s", "COURSEBELL_ADOBE_HMAC_HEADER": "X-S"},
        {"COURSEBELL_COMMUNITY_TRAINING_WEBHOOK_SECRET": "whsec_AAAA"},
        {"COURSEBELL_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "COURSEBELL_KAFKA_TOPIC": "audit"},
        {"COURSEBELL_SERVICEBUS_CONNECTION_STRING": "Endpoint=sb://x"},
    ],
)
def test_without_a_token_nobody_is_answered_once_letters_come_from_elsewhere(
    tmp_path, open_site, told
):
    """What nginx's proxy_pass passes on looks as if somebody at this machine had asked."""
    with Installation(tmp_path, DONE, **told) as office:
        client = TestClient(open_site(office), base_url="http://127.0.0.1:8000", client=HERE)

        for path in ("/api/v1/letters", "/metrics", "/api/v1/openapi.json", "/nope"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "the API is off" in answer.json()["detail"]
            assert "COURSEBELL_ADMIN_TOKEN" in answer.json()["detail"]
        assert client.post("/api/v1/notifications/n1/redrive").status_code == 403
        assert client.get("/healthz").status_code == 200
        assert all("detail" not in check for check in client.get("/readyz").json()["checks"])


def test_with_a_token_the_api_is_on_whatever_sources_have(tmp_path, open_site):
    with Installation(tmp_path, DONE, COURSEBELL_ADMIN_TOKEN=TOKEN, **CREDENTIALS) as office:
        assert status(TestClient(open_site(office)), Authorization=f"Bearer {TOKEN}") == 200


def test_with_a_token_only_who_shows_it_is_answered(guarded):
    assert status(guarded, Authorization=f"Bearer {TOKEN}") == 200
    assert status(guarded, Authorization=f"bearer {TOKEN}", X_Forwarded_For="192.0.2.7") == 200
    for wrong in ("", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN):
        assert status(guarded, Authorization=wrong) == 401


def test_with_a_token_being_at_this_machine_is_not_enough(tmp_path, open_site):
    with Installation(tmp_path, DONE, COURSEBELL_ADMIN_TOKEN=TOKEN) as office:
        client = TestClient(open_site(office), base_url="http://localhost", client=HERE)

        answer = client.get("/metrics")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_for_everybody(guarded, path):
    assert status(guarded, path) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/api/v1/openapi.json",
        "/api/v1/letters/1",
        "/nope",
        "/",
        "/healthz/",
        "/webhooks",
    ],
)
def test_everything_else_is_not(guarded, path):
    assert status(guarded, path) == 401


def test_the_webhooks_need_the_credentials_of_their_source_and_not_the_token(guarded):
    letter = {"content": b"{}", "headers": {"Content-Type": "application/json"}}

    answer = guarded.post("/webhooks/adobe", **letter)

    assert answer.status_code == 401
    assert "credentials configured for this source" in answer.json()["detail"]


def test_an_open_address_needs_a_token_before_the_service_starts():
    told = {"COURSEBELL_PUBLIC_URL": "https://coursebell.example.org"}

    assert refusal(settings_of({})) is None
    assert refusal(settings_of(told | {"COURSEBELL_ADMIN_TOKEN": TOKEN})) is None
    assert str(refusal(settings_of(told))).startswith("COURSEBELL_ADMIN_TOKEN: expected a token")


def test_run_says_so_in_one_line_and_ends(tmp_path):
    told = {"COURSEBELL_PUBLIC_URL": "https://example.org", "COURSEBELL_DATA": str(tmp_path / "d")}

    ended = forks.run(["run", "--port", "0"], ROOT, os.environ | told)

    said = ended.stderr.decode()
    assert ended.returncode == 2
    assert said.startswith("coursebell: COURSEBELL_ADMIN_TOKEN: expected a token")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "d").exists()
