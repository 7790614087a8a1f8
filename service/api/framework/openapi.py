"""The description of the API: an OpenAPI 3.1 document made from what serves it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from service import __version__
from service.api import webhooks
from service.api.framework.operations import Operation
from service.api.framework.problems import Problem
from service.api.framework.request import JSON, Parameter
from service.api.webhooks import Receipt, refusal
from service.settings import Settings

TOKEN = "adminToken"
ABOUT = (
    "What came in, how enrolments and seats stand, and who was told what. Times are UTC, ids are "
    "the LMS's own. Without COURSEBELL_ADMIN_TOKEN it answers on the service's own machine only."
)
ALWAYS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
UNFIT_BODIES = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
STRANGERS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def document(settings: Settings, operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document; it names no secret."""
    told = (type for each in operations for type in (each.returns, each.body))
    types = [Problem, Receipt, *(type for type in told if type is not None)]
    refs, schemas = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    bodies = dict(zip(map(repr, types), refs, strict=True))
    paths = webhooks.described(settings, bodies[repr(Receipt)])
    for operation in operations:
        described = _operation(operation, bodies, bool(settings.admin_token))
        paths.setdefault(operation.path, {}).update(described)
    scheme = {"type": "http", "scheme": "bearer", "description": "COURSEBELL_ADMIN_TOKEN"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Coursebell", "version": __version__, "description": ABOUT},
        "servers": [{"url": settings.public_url or "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {TOKEN: scheme, **webhooks.schemes(settings)},
        },
    }


def _operation(operation: Operation, bodies: Mapping[str, Any], has_token: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "security": _security(operation, has_token),
        "responses": _responses(operation, bodies),
    }
    if operation.parameters:
        described["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.body is not None:
        content = {JSON: {"schema": bodies[repr(operation.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    found = {operation.method.lower(): described}
    if operation.method == "GET":
        found["head"] = described | {
            "operationId": described["operationId"].replace("get_", "head_", 1),
            "summary": "The same without the body.",
        }
    return found


def _name(operation: Operation) -> str:
    words = operation.path.removeprefix("/api/v1").strip("/").replace("/", "_")
    return f"{operation.method.lower()}_{words.replace('{', 'by_').replace('}', '').split('.')[0]}"


def _security(operation: Operation, has_token: bool) -> list[dict[str, list[str]]]:
    if operation.free or not has_token:
        return [{}]
    return [{TOKEN: []}]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation, bodies: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "string"} if operation.returns is None else bodies[repr(operation.returns)]
    content = {operation.media: {"schema": schema}}
    found = {"200": {"description": "The answer.", "content": content}}
    for status, about in operation.also.items():
        found[str(status)] = {"description": about, "content": content}
    strangers = () if operation.free else STRANGERS
    unfit = UNFIT_BODIES if operation.body is not None else ()
    for refused in (*ALWAYS, *strangers, *unfit, *operation.refusals):
        found.setdefault(str(refused.value), refusal(refused))
    return found
