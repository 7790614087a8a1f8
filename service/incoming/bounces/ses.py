"""Read what Amazon SES says of bounces and complaints, inside notifications of Amazon SNS.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

import logging
from collections.abc import Sequence
from functools import partial

import msgspec

from service.incoming.bounces.report import (
    BounceReport,
    bare,
    instant_of,
    json_as,
    json_said,
    message_id_of,
)
from service.incoming.bounces.sns import (
    CONFIRMATION,
    ENDED,
    NOTIFICATION,
    SUBSCRIPTION,
    SnsMessage,
    fetched,
)
from service.incoming.verifiers import Headers

BOUNCE, COMPLAINT = "Bounce", "Complaint"
NO_COMPLAINT = "not-spam"
"""A reader took it out of the spam (RFC 6430)."""
SETTING_UP = "Successfully validated SNS topic"
"""So begins what SES publishes, which is no JSON, once it may publish events."""

log = logging.getLogger(__name__)


class _Reader(msgspec.Struct, frozen=True, rename="camel"):
    email_address: str = ""
    status: str = ""


class _Bounce(msgspec.Struct, frozen=True, rename="camel"):
    bounce_type: str = ""
    bounced_recipients: list[_Reader] = []
    timestamp: str = ""


class _Complaint(msgspec.Struct, frozen=True, rename="camel"):
    complained_recipients: list[_Reader] = []
    complaint_feedback_type: str = ""
    timestamp: str = ""


class _Header(msgspec.Struct, frozen=True):
    name: str = ""
    value: str = ""


class _CommonHeaders(msgspec.Struct, frozen=True, rename="camel"):
    message_id: str = ""


class _Mail(msgspec.Struct, frozen=True, rename="camel"):
    message_id: str = ""
    headers: list[_Header] = []
    common_headers: _CommonHeaders = _CommonHeaders()

    @property
    def own_id(self) -> str | None:
        """Give the id that the message came with; published events put SES's in its place."""
        named = [each.value for each in self.headers if each.name.lower() == "message-id"]
        found = next(filter(None, named), self.common_headers.message_id)
        return None if found == self.message_id else message_id_of(found)


class SesEvent(msgspec.Struct, frozen=True, rename="camel"):
    """Hold what happened to one message, as a notification or as a published event calls it.

    Its own `Message-ID` is there if SES publishes events, or is told to include the headers.
    """

    notification_type: str = ""
    event_type: str = ""
    bounce: _Bounce = _Bounce()
    complaint: _Complaint = _Complaint()
    mail: _Mail = _Mail()

    def reports(self) -> list[BounceReport]:
        """List what it says of addresses."""
        said = partial(BounceReport, message_id=self.mail.own_id)
        kind, complaint, bounce = (
            self.notification_type or self.event_type,
            self.complaint,
            self.bounce,
        )
        if kind == COMPLAINT and complaint.complaint_feedback_type != NO_COMPLAINT:
            at = instant_of(complaint.timestamp)
            readers = complaint.complained_recipients
            return [said(bare(each.email_address), "complained", at=at) for each in readers]
        if kind == BOUNCE and bounce.bounce_type == "Permanent":
            at = instant_of(bounce.timestamp)
            return [
                said(bare(each.email_address), "bounced", each.status, at=at)
                for each in bounce.bounced_recipients
            ]
        return []


def ses_reports(headers: Headers, body: bytes) -> Sequence[BounceReport]:
    """Read what a message of SNS says of addresses; raises ReportRefused.

    The first one asks whether we want the others: it is answered at once.
    """
    message = json_as(SnsMessage, body)
    if message.type == CONFIRMATION:
        fetched(message.address(message.subscribe_url, SUBSCRIPTION))
    if message.type == ENDED:
        about = {"event": "bounces.unsubscribed", "source": "bounces/ses"}
        log.warning("Amazon SNS brings no more bounces: the subscription was ended", extra=about)
    if message.type != NOTIFICATION or message.message.startswith(SETTING_UP):
        return []
    return json_said(SesEvent, message.message).reports()
