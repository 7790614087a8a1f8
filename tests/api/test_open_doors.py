"""A door without credentials is open to senders, and not to pages of other sites."""

import pytest

from service.api.webhooks import opened_to_try
from service.app.app import settings_of
from tests.api.conftest import Client
from tests.installation import DONE, Installation, body, completed

JSON = {"Content-Type": "application/json"}
LETTER = body(completed(1, 77))
OPEN = {"COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true"}


@pytest.fixture
def door(tmp_path, open_site):
    """Makes a door with settings; gives what it answers to headers."""
    offices = []

    def make(**told):
        office = Installation(tmp_path, DONE, **(OPEN | told))
        offices.append(office)
        client = Client(open_site(office))
        return lambda **headers: (
            client.post(
                "/webhooks/adobe",
                content=LETTER,
                headers=JSON | {name.replace("_", "-"): value for name, value in headers.items()},
            ).status_code
        )

    yield make
    for office in offices:
        office.app.close()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_who_sends_letters_to_this_machine_is_let_in(door, host):
    ask = door()

    assert ask(Host=host) == 202
    assert ask(Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin") == 202


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost:1", "http://localhost.evil.example", "null", "",
     "localhost", "file://", "http://[", "chrome-extension://abc"],
)  # fmt: skip
def test_a_page_of_another_site_is_not(door, origin):
    assert door()(Origin=origin) == 403


def test_nor_is_one_whose_browser_says_no_more_than_that(door):
    ask = door()

    assert ask(Sec_Fetch_Site="cross-site") == 403
    assert ask(Sec_Fetch_Site="same-site") == 403
    assert ask(Sec_Fetch_Site="none") == 202


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "localhost@evil.example",
     "192.0.2.7", "[::1", "", "localhost:x"],
)  # fmt: skip
def test_a_page_whose_name_leads_here_is_not(door, host):
    """DNS rebinding: such a page is of one origin with what it asks."""
    ask = door()

    assert ask(Host=host) == 403
    assert ask(Host=host, Origin=f"http://{host}") == 403


@pytest.mark.parametrize("host", ["192.0.2.7:8000", "[2001:db8::7]", "coursebell:8000"])
def test_an_address_that_others_reach_goes_by_numbers_and_names_of_its_network(door, host):
    ask = door(COURSEBELL_HOST="0.0.0.0")

    assert ask(Host=host) == 202
    assert ask(Host=host, Origin="https://evil.example") == 403
    assert ask(Host="evil.example") == 403


def test_the_public_address_is_a_name_of_ours(door):
    ask = door(COURSEBELL_PUBLIC_URL="https://bell.example.org/x", COURSEBELL_ADMIN_TOKEN="t")

    assert ask(Host="bell.example.org", X_Forwarded_For="192.0.2.7") == 202
    assert ask(Host="example.org") == 403


def test_a_trial_refuses_pages_at_every_door(tmp_path, open_site):
    with Installation(tmp_path, DONE) as office:
        office.app.settings = opened_to_try(settings_of(office.environ))
        client = Client(open_site(office))

        for source in ("adobe", "sunbird", "community-training"):
            sent = {"content": LETTER, "headers": JSON}
            assert client.post(f"/webhooks/{source}", **sent).status_code == 202
            sent["headers"] = JSON | {"Origin": "https://evil.example"}
            answer = client.post(f"/webhooks/{source}", **sent)
            assert answer.status_code == 403
            assert "pages of other sites" in answer.json()["detail"]


def test_who_has_credentials_is_asked_for_nothing_else(door):
    ask = door(
        COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED="false", COURSEBELL_ADOBE_BEARER_TOKEN="token"
    )

    assert ask(Host="evil.example", Authorization="Bearer token") == 202
