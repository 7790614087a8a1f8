"""Read what Amazon SES says of bounces and complaints, inside notifications of Amazon SNS.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from service.incoming.bounces.report import BounceReport, json_as, message_id_of
from service.incoming.bounces.sns import CONFIRMATION, NOTIFICATION, SnsMessage, fetched
from service.incoming.verifiers import Headers

BOUNCE, COMPLAINT = "Bounce", "Complaint"


class _Reader(msgspec.Struct, frozen=True, rename="camel"):
    email_address: str = ""
    status: str = ""


class _Bounce(msgspec.Struct, frozen=True, rename="camel"):
    bounce_type: str = ""
    bounced_recipients: list[_Reader] = []


class _Complaint(msgspec.Struct, frozen=True, rename="camel"):
    complained_recipients: list[_Reader] = []


class _CommonHeaders(msgspec.Struct, frozen=True, rename="camel"):
    message_id: str = ""


class _Mail(msgspec.Struct, frozen=True, rename="camel"):
    common_headers: _CommonHeaders = _CommonHeaders()


class SesEvent(msgspec.Struct, frozen=True, rename="camel"):
    """Hold what happened to one message, as a notification or as a published event calls it.

    Its own `Message-ID` is there if SES is told to include the original headers.
    """

    notification_type: str = ""
    event_type: str = ""
    bounce: _Bounce = _Bounce()
    complaint: _Complaint = _Complaint()
    mail: _Mail = _Mail()

    def reports(self) -> list[BounceReport]:
        """List what it says of addresses."""
        said = partial(BounceReport, message_id=message_id_of(self.mail.common_headers.message_id))
        kind = self.notification_type or self.event_type
        if kind == COMPLAINT:
            readers = self.complaint.complained_recipients
            return [said(each.email_address, "complained") for each in readers]
        if kind != BOUNCE or self.bounce.bounce_type != "Permanent":
            return []
        return [
            said(bare(each.email_address), "bounced", each.status)
            for each in self.bounce.bounced_recipients
        ]


def bare(address: str) -> str:
    """Give an address without the name that SES may leave before it."""
    return address.rpartition("<")[2].rstrip("> ")


def ses_reports(headers: Headers, body: bytes) -> Sequence[BounceReport]:
    """Read what a message of SNS says of addresses; raises ReportRefused.

    The first one asks whether we want the others: it is answered at once.
    """
    message = json_as(SnsMessage, body)
    if message.type == CONFIRMATION:
        fetched(message.subscribe_url)
    return json_as(SesEvent, message.message).reports() if message.type == NOTIFICATION else []
