"""Say who may bring letters of which source: to the door, to people, and in OpenAPI."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Literal, cast

import msgspec

from service.api.access import is_in_use
from service.api.framework.problems import described_problem
from service.incoming.verifiers import (
    Authenticator,
    BasicCredentials,
    BearerToken,
    HmacSignature,
    SenderVerifier,
    StandardWebhooks,
    is_loopback,
)
from service.incoming.webhook import PREFIX
from service.settings import Settings, SourceSettings

REFUSALS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class Receipt(msgspec.Struct, frozen=True):
    """The letter is on disk; `status` is where to ask what became of it."""

    receipt: int
    status: str


class Credential(msgspec.Struct, frozen=True):
    """Describe one way to prove who sends, as people, OpenAPI and the door know it."""

    words: str
    name: str
    scheme: Mapping[str, str]
    verifier: SenderVerifier


def authenticators(settings: Settings) -> Mapping[str, Authenticator]:
    """Make the ways into each source; one without credentials is closed."""
    return {name: _authenticator(source) for name, source in settings.sources.items()}


def _authenticator(source: SourceSettings) -> Authenticator:
    ways = [each.verifier for each in _credentials(source)]
    return Authenticator(*ways, is_open=source.allow_unauthenticated)


def opened_to_try(settings: Settings) -> Settings:
    """Open every door, as long as this is a trial: only this machine reaches it.

    Credentials of any source, or a queue, are the end of the trial: a proxy may stand in front,
    and whoever reaches that would reach the other doors too.
    """
    if is_in_use(settings) or not is_loopback(settings.host):
        return settings
    sources = {
        name: replace(source, allow_unauthenticated=True)
        for name, source in settings.sources.items()
    }
    return replace(settings, sources=sources)


def door_in_words(source: SourceSettings, host: str) -> str:
    """Say how one gets through a source's door."""
    if source.allow_unauthenticated:
        return f"open to {'this machine' if is_loopback(host) else 'all who reach it'}"
    ways = [each.words for each in _credentials(source)]
    return " or ".join(ways) or "closed: no credentials configured"


def _credentials(source: SourceSettings) -> Iterator[Credential]:
    if source.username:
        passwords = filter(None, (source.password, source.password_old))
        basic = BasicCredentials(*((source.username, password) for password in passwords))
        scheme = {"type": "http", "scheme": "basic"}
        yield Credential(words="Basic", name="basic", scheme=scheme, verifier=basic)
    if source.hmac_secret and source.hmac_header:
        yield _hmac(source, source.hmac_header)
    if source.bearer_token:
        bearer = BearerToken(*source.bearer_token)
        scheme = {"type": "http", "scheme": "bearer"}
        yield Credential(words="bearer token", name="bearer", scheme=scheme, verifier=bearer)
    if source.webhook_secret:
        scheme = {
            "type": "apiKey",
            "in": "header",
            "name": "webhook-signature",
            "description": "Standard Webhooks 1.0, version 1 signatures",
        }
        yield Credential(
            words="Standard Webhooks",
            name="standard-webhooks",
            scheme=scheme,
            verifier=StandardWebhooks(source.webhook_secret),
        )


def _hmac(source: SourceSettings, header: str) -> Credential:
    scheme = {
        "type": "apiKey",
        "in": "header",
        "name": header,
        "description": f"HMAC of the body, {source.hmac_algorithm}, in {source.hmac_encoding}",
    }
    verifier = HmacSignature(
        header,
        source.hmac_secret,
        algorithm=source.hmac_algorithm,
        encoding=cast(Literal["hex", "base64"], source.hmac_encoding),
        prefix=source.hmac_prefix,
    )
    return Credential(words="HMAC", name="signature", scheme=scheme, verifier=verifier)


def schemes(settings: Settings) -> dict[str, Any]:
    """Describe for OpenAPI how each LMS may prove who it is."""
    return {
        f"{name}-{each.name}": each.scheme
        for name, source in settings.sources.items()
        for each in _credentials(source)
    }


def described(settings: Settings, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the webhook of each source for OpenAPI; `receipt` is the schema of a Receipt."""
    return {
        f"{PREFIX}{name}": {
            "post": _operation(name, source, limit=settings.letter_limit, receipt=receipt)
        }
        for name, source in settings.sources.items()
    }


def _operation(
    name: str, source: SourceSettings, limit: int, receipt: Mapping[str, Any]
) -> dict[str, Any]:
    ways: list[dict[str, list[str]]] = [
        {f"{name}-{each.name}": []} for each in _credentials(source)
    ]
    return {
        "operationId": f"post_webhook_{name.replace('-', '_')}",
        "summary": "Take in a delivery of an LMS; it is on disk when this answers.",
        "description": f"At most {limit} bytes. The content is never refused.",
        "requestBody": {
            "description": "Any JSON at all. What cannot be used is set aside, and listed.",
            "required": False,
            "content": {"application/json": {"schema": {}}},
        },
        "security": [{}] if source.allow_unauthenticated else ways,
        "responses": {
            "202": {
                "description": Receipt.__doc__,
                "content": {"application/json": {"schema": receipt}},
            },
            **{str(status.value): described_problem(status) for status in REFUSALS},
        },
    }
