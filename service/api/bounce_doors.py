"""Answer `POST /webhooks/bounces/…`: bounces and complaints, of who may report them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.framework.problems import ApiError, described_problem
from service.api.framework.request import JSON
from service.api.request_context import RequestContext
from service.incoming.bounces import dsn
from service.incoming.bounces.mailgun import MailgunVerifier, mailgun_reports
from service.incoming.bounces.postmark import postmark_reports
from service.incoming.bounces.report import BounceDoor, ReportDelayed, ReportRefused
from service.incoming.bounces.sendgrid import SIGNATURE, SendGridVerifier, sendgrid_reports
from service.incoming.bounces.ses import ses_reports
from service.incoming.bounces.sns import SnsVerifier
from service.incoming.http_protocol import peer_of, prove
from service.incoming.repeats import Repeats
from service.incoming.verifiers import BasicCredentials, BearerToken
from service.incoming.webhook import (
    BOUNCES,
    RECEIVE_SECONDS,
    SHARE_BYTES,
    Bodies,
    SenderGone,
    WebhookRefusal,
)
from service.ledger.sql import STORE_ERRORS
from service.ledger.store import LedgerError
from service.settings.bounce_reports import BounceSettings

LARGEST_REPORT = 2 * 1024 * 1024
"""SendGrid sends many events at once, Postmark the mail that came back."""
RETRY_SECONDS = "60"

log = logging.getLogger(__name__)


def source_of(name: str) -> str:
    """Give what a door is called beside those of sources."""
    return f"bounces/{name}"


def open_doors(chosen: BounceSettings) -> dict[str, BounceDoor]:
    """Make the doors that have a setting, by their names."""
    found = {}
    if chosen.dsn_token:
        found["dsn"] = BounceDoor(BearerToken(*chosen.dsn_token), dsn.posted, by_head=True)
    if chosen.ses_topic:
        found["ses"] = BounceDoor(SnsVerifier(chosen.ses_topic), ses_reports)
    if chosen.sendgrid_key:
        found["sendgrid"] = BounceDoor(SendGridVerifier(chosen.sendgrid_key), sendgrid_reports)
    if chosen.postmark_login:
        basic = BasicCredentials(chosen.postmark_login)
        found["postmark"] = BounceDoor(basic, postmark_reports, by_head=True)
    if chosen.mailgun_key:
        found["mailgun"] = BounceDoor(MailgunVerifier(chosen.mailgun_key), mailgun_reports)
    return found


CLOSED = BounceDoor(BearerToken(), lambda *_: (), by_head=True)
"""A door without its setting: nobody gets through."""


class DoorShown(NamedTuple):
    """Describe a door for OpenAPI; without a `scheme` the body itself is signed."""

    media: str
    body: str
    scheme: Mapping[str, str] | None = None


DOORS = {
    "dsn": DoorShown(
        "message/rfc822",
        "A mail that says of another that it did not arrive (RFC 3464), or is spam (RFC 5965).",
        {"type": "http", "scheme": "bearer"},
    ),
    "ses": DoorShown("text/plain", "A message of Amazon SNS about what SES sent."),
    "sendgrid": DoorShown(
        JSON,
        "A list of events, as SendGrid's Event Webhook sends them.",
        {"type": "apiKey", "in": "header", "name": SIGNATURE.decode()},
    ),
    "postmark": DoorShown(
        JSON, "A bounce or spam complaint of Postmark's.", {"type": "http", "scheme": "basic"}
    ),
    "mailgun": DoorShown(JSON, "An event of Mailgun's."),
}
SCHEMES = {f"bounces-{name}": dict(each.scheme) for name, each in DOORS.items() if each.scheme}
REFUSALS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class Heard(msgspec.Struct, frozen=True):
    """So many bounces and complaints counted: their addresses are written to no more."""

    heard: int


def described(heard: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the doors for OpenAPI; `heard` is the schema of Heard."""
    return {f"{BOUNCES}{name}": {"post": _operation(name, heard)} for name in DOORS}


def _operation(name: str, heard: Mapping[str, Any]) -> dict[str, Any]:
    shown = DOORS[name]
    ok = {"description": Heard.__doc__, "content": {JSON: {"schema": heard}}}
    return {
        "operationId": f"post_webhook_bounces_{name}",
        "summary": "Take in bounces and complaints; those that count are on disk when it answers.",
        "description": f"At most {LARGEST_REPORT} bytes. Closed without its setting: 401.",
        "requestBody": {
            "description": shown.body,
            "required": True,
            "content": {shown.media: {"schema": {}}},
        },
        "security": [{f"bounces-{name}": []} if shown.scheme else {}],
        "responses": {
            "200": ok,
            **{str(status.value): described_problem(status) for status in REFUSALS},
        },
    }


class BounceEndpoint:
    """Answer reports; those that count are on disk when it does."""

    def __init__(
        self, context: RequestContext, pool: Executor, answers: Counter[tuple[str, int]]
    ) -> None:
        """Read and record on a thread of `pool`; count `answers` by door and status code."""
        self._context = context
        self._pool = pool
        self._answers = answers
        self._doors = dict.fromkeys(DOORS, CLOSED) | open_doors(context.app.settings.bounces)
        self._bodies = Bodies(LARGEST_REPORT, SHARE_BYTES, RECEIVE_SECONDS)
        self._refused = Repeats()

    @property
    def route(self) -> Route:
        """Give where it answers."""
        return Route(f"{BOUNCES}{{name}}", self.answer, methods=["POST"])

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        name = request.path_params["name"]
        source = source_of(name) if name in self._doors else ""
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        try:
            heard = await self._taken(request, name)
            status = HTTPStatus.OK
        except ApiError as error:
            status = error.status
            raise
        finally:
            self._answers[source, status] += 1
        return Response(msgspec.json.encode(Heard(heard)), media_type=JSON)

    async def _taken(self, request: Request, name: str) -> int:
        door = self._doors.get(name)
        if door is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"expected one of {', '.join(self._doors)}")
        if door.by_head:
            self._admit(door, request, b"")
            prove(request.scope)
        body = await self._body(request)
        loop = asyncio.get_running_loop()
        if not door.by_head:
            await loop.run_in_executor(self._pool, self._admit, door, request, body)
        return await loop.run_in_executor(self._pool, self._heard, door, request, body)

    def _admit(self, door: BounceDoor, request: Request, body: bytes) -> None:
        """Raise ApiError for a stranger."""
        now, headers = self._context.clock(), dict(request.scope["headers"])
        try:
            if door.verifier.verify(headers, body, now):
                return
        except ReportDelayed as delayed:
            raise not_now(str(delayed)) from None
        source, peer = source_of(request.path_params["name"]), peer_of(request.scope)
        if count := self._refused.count((source, peer), now):
            about = {"event": "door.refused", "source": source, "peer": peer, "count": count}
            log.warning("wrong credentials, or none; is the sender's password right?", extra=about)
        challenge = door.verifier.challenge
        raise ApiError(
            HTTPStatus.UNAUTHORIZED,
            "expected what COURSEBELL_BOUNCES_… says of this door, got none or another",
            **({"WWW_Authenticate": challenge} if challenge else {}),
        )

    async def _body(self, request: Request) -> bytes:
        try:
            return await self._bodies.receive(request.receive)
        except WebhookRefusal as refused:
            raise ApiError(refused.status, refused.detail, Connection="close") from None
        except SenderGone:
            raise ApiError(HTTPStatus.BAD_REQUEST, "expected the whole body, got a part") from None

    def _heard(self, door: BounceDoor, request: Request, body: bytes) -> int:
        name, now = request.path_params["name"], self._context.clock()
        try:
            reports = door.read(dict(request.scope["headers"]), body)
            return self._context.app.bounce_hearing.hear(reports, now, name)
        except ReportRefused as refused:
            about = {"event": "bounces.unread", "source": source_of(name)}
            log.warning("what was sent is no report: %s", refused, extra=about)
            raise ApiError(HTTPStatus.BAD_REQUEST, f"body: {refused}") from None
        except (ReportDelayed, LedgerError) as error:
            raise not_now(str(error)) from error
        except STORE_ERRORS as error:
            raise self._context.unreadable() from error


def not_now(why: str) -> ApiError:
    """Say that what was sent is to be sent again; whoever reports does so after 5xx."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE, f"send it again: {why}", Retry_After=RETRY_SECONDS
    )
