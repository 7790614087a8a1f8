"""The webhooks as the description of the API tells about them; the door is what answers them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from service.api.framework.problems import PROBLEM_JSON, Problem
from service.incoming.webhook import PREFIX
from service.settings import Settings, SourceSettings

REFUSALS = (
    HTTPStatus.UNAUTHORIZED,
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


def schemes(settings: Settings) -> dict[str, Any]:
    """How each LMS may prove who it is, by the settings."""
    found: dict[str, Any] = {}
    for name, source in settings.sources.items():
        found |= {f"{name}-{way}": scheme for way, scheme in _ways(source).items()}
    return found


def _ways(source: SourceSettings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if source.username:
        found["basic"] = {"type": "http", "scheme": "basic"}
    if source.hmac_header:
        found["signature"] = {
            "type": "apiKey", "in": "header", "name": source.hmac_header,
            "description": f"HMAC of the body, {source.hmac_algorithm}, "
            f"in {source.hmac_encoding}",
        }  # fmt: skip
    if source.bearer_token:
        found["bearer"] = {"type": "http", "scheme": "bearer"}
    if source.webhook_secret:
        found["standard-webhooks"] = {
            "type": "apiKey", "in": "header", "name": "webhook-signature",
            "description": "Standard Webhooks 1.0, version 1 signatures",
        }  # fmt: skip
    return found


def described(settings: Settings, ref: Mapping[str, Any]) -> dict[str, Any]:
    """The path items of the webhooks, one for each source; `ref` is the schema of a receipt."""
    return {
        f"{PREFIX}{name}": {"post": _operation(name, source, settings.letter_limit, ref)}
        for name, source in settings.sources.items()
    }


def _operation(
    name: str, source: SourceSettings, limit: int, ref: Mapping[str, Any]
) -> dict[str, Any]:
    ways: list[dict[str, list[str]]] = [{f"{name}-{way}": []} for way in _ways(source)]
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
                "content": {"application/json": {"schema": ref}},
            },
            **{str(status.value): refusal(status) for status in REFUSALS},
        },
    }


def refusal(status: HTTPStatus) -> dict[str, Any]:
    """A response with problem details."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    found: dict[str, Any] = {
        "description": status.phrase,
        "content": {PROBLEM_JSON: {"schema": schema}},
    }
    if status in HEADERS:
        name, about = HEADERS[status]
        found["headers"] = {name: {"description": about, "schema": {"type": "string"}}}
    return found


HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "How to show who you are, where there is a way."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "Seconds after which to ask again."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow", "The methods that work."),
}
