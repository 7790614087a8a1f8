"""Answer `POST /webhooks/bounces/…`: bounces and complaints, of who may report them."""

import asyncio
import logging
from concurrent.futures import Executor
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.api.framework.problems import ApiError
from service.api.request_context import RequestContext
from service.app.bounce_hearing import BounceHearing
from service.incoming.bounces import dsn
from service.incoming.bounces.mailgun import MailgunVerifier, mailgun_reports
from service.incoming.bounces.postmark import postmark_reports
from service.incoming.bounces.report import BounceDoor, ReportRefused
from service.incoming.bounces.sendgrid import SendGridVerifier, sendgrid_reports
from service.incoming.bounces.ses import ses_reports
from service.incoming.bounces.sns import SnsVerifier
from service.incoming.http_protocol import peer_of, prove
from service.incoming.repeats import Repeats
from service.incoming.verifiers import BasicCredentials, BearerToken, Headers
from service.incoming.webhook import (
    BOUNCES,
    RECEIVE_SECONDS,
    SHARE_BYTES,
    Bodies,
    SenderGone,
    WebhookRefusal,
)
from service.settings.bounce_reports import BounceSettings

LARGEST_REPORT = 2 * 1024 * 1024
"""SendGrid sends many events at once, Postmark the mail that came back."""

log = logging.getLogger(__name__)


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


DOORS = ("dsn", "ses", "sendgrid", "postmark", "mailgun")
CLOSED = BounceDoor(BearerToken(), lambda *_: (), by_head=True)
"""A door without its setting: nobody gets through."""


class BounceEndpoint:
    """Answer reports; those that count are on disk when it does."""

    def __init__(self, context: RequestContext, pool: Executor) -> None:
        """Read and record on a thread of `pool`."""
        self._context = context
        self._hearing = BounceHearing(context.app)
        self._pool = pool
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
        door, headers = self._doors.get(name), dict(request.scope["headers"])
        if door is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"expected one of {', '.join(self._doors)}")
        if door.by_head:
            self._admit(door, request, b"")
            prove(request.scope)
        body = await self._body(request)
        loop = asyncio.get_running_loop()
        if not door.by_head:
            await loop.run_in_executor(self._pool, self._admit, door, request, body)
        heard = await loop.run_in_executor(self._pool, self._heard, door, headers, body)
        return JSONResponse({"heard": heard})

    def _admit(self, door: BounceDoor, request: Request, body: bytes) -> None:
        """Raise ApiError for a stranger."""
        now, headers = self._context.clock(), dict(request.scope["headers"])
        if door.verifier.verify(headers, body, now):
            return
        source, peer = f"bounces/{request.path_params['name']}", peer_of(request.scope)
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

    def _heard(self, door: BounceDoor, headers: Headers, body: bytes) -> int:
        try:
            reports = door.read(headers, body)
        except ReportRefused as refused:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"body: {refused}") from None
        return self._hearing.hear(reports, self._context.clock())
