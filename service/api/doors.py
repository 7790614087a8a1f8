"""Doors: who may bring letters of which source, by the settings."""

from collections.abc import Mapping
from typing import Literal, cast

from service.incoming.verifiers import Basic, Doorkeeper, Hmac, Open, Verifier
from service.settings import Settings


def doorkeepers(settings: Settings) -> Mapping[str, Doorkeeper]:
    """The ways into each source; one without credentials is closed."""
    return {"adobe": Doorkeeper(*_adobe(settings))}


def _adobe(settings: Settings) -> list[Verifier]:
    ways: list[Verifier] = []
    if settings.adobe_username and settings.adobe_password:
        ways.append(Basic((settings.adobe_username, settings.adobe_password)))
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
    if settings.adobe_allow_unauthenticated:
        ways.append(Open())
    return ways
