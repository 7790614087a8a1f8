"""The webhooks as the description of the API tells about them; the door is what answers them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from service.api.problems import PROBLEM_JSON, Problem
from service.incoming.door import PREFIX
from service.settings import Settings

PATH = f"{PREFIX}{{source}}"
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
    """How an LMS may prove who it is, by the settings."""
    found: dict[str, Any] = {}
    if settings.adobe_username:
        found["adobeBasic"] = {"type": "http", "scheme": "basic"}
    if settings.adobe_hmac_header:
        found["adobeSignature"] = {
            "type": "apiKey", "in": "header", "name": settings.adobe_hmac_header,
            "description": f"HMAC of the body, {settings.adobe_hmac_algorithm}, "
            f"in {settings.adobe_hmac_encoding}",
        }  # fmt: skip
    if settings.adobe_bearer_token:
        found["adobeBearer"] = {"type": "http", "scheme": "bearer"}
    if settings.adobe_webhook_secret:
        found["adobeStandardWebhooks"] = {
            "type": "apiKey", "in": "header", "name": "webhook-signature",
            "description": "Standard Webhooks 1.0, version 1 signatures",
        }  # fmt: skip
    return found


def described(settings: Settings, sources: Sequence[str], ref: Mapping[str, Any]) -> dict[str, Any]:
    """The path item of the webhooks; `ref` is the schema of a receipt."""
    ways: list[dict[str, list[str]]] = [{name: []} for name in schemes(settings)]
    body = {
        "description": "Any JSON at all. What cannot be used is set aside, and listed.",
        "required": False,
        "content": {"application/json": {"schema": {}}},
    }
    return {
        "post": {
            "operationId": "post_webhook",
            "summary": "Take in a delivery of an LMS; it is on disk when this answers.",
            "description": f"At most {settings.letter_limit} bytes. The content is never refused.",
            "parameters": [source_parameter(sources)],
            "requestBody": body,
            "security": [{}] if settings.adobe_allow_unauthenticated else ways,
            "responses": {
                "202": {
                    "description": Receipt.__doc__,
                    "content": {"application/json": {"schema": ref}},
                },
                **{str(status.value): refusal(status) for status in REFUSALS},
            },
        }
    }


def source_parameter(sources: Sequence[str]) -> dict[str, Any]:
    """The name of the LMS in the path."""
    schema = {"type": "string", "enum": list(sources)}
    return {"name": "source", "in": "path", "required": True, "schema": schema}


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
