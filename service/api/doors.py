"""Doors: who may bring letters of which source, by the settings."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Literal, cast

from service.incoming.verifiers import (
    Basic,
    Bearer,
    Doorkeeper,
    Hmac,
    Open,
    StandardWebhooks,
    Verifier,
)
from service.settings import Settings

NAMES = {
    Basic: "Basic",
    Hmac: "HMAC",
    StandardWebhooks: "Standard Webhooks",
    Bearer: "bearer token",
}


def doorkeepers(settings: Settings) -> Mapping[str, Doorkeeper]:
    """The ways into each source; one without credentials is closed."""
    ways = _adobe(settings)
    if settings.adobe_allow_unauthenticated:
        ways.append(Open())
    return {"adobe": Doorkeeper(*ways)}


def may_be_tried(settings: Settings) -> bool:
    """Whether Adobe's door may open without credentials: there are none, and only we reach it."""
    return not _adobe(settings) and _is_this_machine(settings.host)


def adobe_in_words(settings: Settings) -> str:
    """How one gets through Adobe's door."""
    if settings.adobe_allow_unauthenticated:
        here = _is_this_machine(settings.host)
        return f"open to {'this machine' if here else 'everyone who reaches this address'}"
    ways = [NAMES[type(way)] for way in _adobe(settings)]
    return " or ".join(ways) or "closed: no credentials configured"


def _adobe(settings: Settings) -> list[Verifier]:
    ways: list[Verifier] = []
    if settings.adobe_username:
        passwords = filter(None, (settings.adobe_password, settings.adobe_password_old))
        ways.append(Basic(*((settings.adobe_username, password) for password in passwords)))
    if settings.adobe_hmac_secret and settings.adobe_hmac_header:
        ways.append(
            Hmac(
                settings.adobe_hmac_header,
                settings.adobe_hmac_secret,
                algorithm=settings.adobe_hmac_algorithm,
                encoding=cast(Literal["hex", "base64"], settings.adobe_hmac_encoding),
                prefix=settings.adobe_hmac_prefix,
            )
        )
    if settings.adobe_webhook_secret:
        ways.append(StandardWebhooks(settings.adobe_webhook_secret))
    if settings.adobe_bearer_token:
        ways.append(Bearer(*settings.adobe_bearer_token))
    return ways


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
