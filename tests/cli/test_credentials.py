"""Each way through Adobe's door, with the settings and over HTTP as a sender uses them."""

import hmac
import time
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.installation import DONE, START, body, completed
from tests.real_service import RealService

KEY = b"thirty-two bytes of a webhook key"
SETTINGS = {
    "ALLOW_UNAUTHENTICATED": "false",
    "USERNAME": "ada",
    "PASSWORD": "new",
    "PASSWORD_OLD": "old",
    "HMAC_HEADER": "X-Signature",
    "HMAC_SECRET": "first,second",
    "BEARER_TOKEN": "one, two",
    "WEBHOOK_SECRET": f"whsec_{b64encode(KEY).decode()}",
}
LETTER = body(completed(START, 77))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealService]:
    named = {f"COURSEBELL_ADOBE_{name}": text for name, text in SETTINGS.items()}
    with RealService(tmp_path_factory.mktemp("service"), DONE, **named) as service:
        yield service


def basic(pair: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signature(secret: bytes) -> dict[str, str]:
    return {"X_Signature": hmac.digest(secret, LETTER, "sha256").hex()}


def standard(key: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    signed = hmac.digest(key, f"msg_1.{stamp}.".encode() + LETTER, "sha256")
    made = f"v1,{b64encode(signed).decode()}"
    return {"webhook_id": "msg_1", "webhook_timestamp": stamp, "webhook_signature": made}


@pytest.mark.parametrize(
    "headers",
    [
        basic("ada:new"),
        basic("ada:old"),
        bearer("one"),
        bearer("two"),
        signature(b"first"),
        signature(b"second"),
    ],
)
def test_who_shows_any_of_them_comes_in(service: RealService, headers: dict[str, str]) -> None:
    assert service.call("POST", "/webhooks/adobe", LETTER, **headers).status == 202


def test_standard_webhooks_come_in(service: RealService) -> None:
    assert service.call("POST", "/webhooks/adobe", LETTER, **standard(KEY)).status == 202


@pytest.mark.parametrize(
    "headers",
    [{}, basic("ada:older"), basic("grace:old"), bearer("three"), bearer("one, two"),
     signature(b"first,second"), standard(b"another key")],
)  # fmt: skip
def test_nobody_else_does(service: RealService, headers: dict[str, str]) -> None:
    assert service.call("POST", "/webhooks/adobe", LETTER, **headers).status == 401
