"""Read Mailgun's webhooks, signed in their own body.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhooks
"""

import hmac
from collections.abc import Sequence
from typing import Literal

import msgspec

from service.incoming.bounces.report import (
    BounceReport,
    ReportRefused,
    in_time,
    json_as,
    json_said,
    message_id_of,
    seconds,
)
from service.incoming.verifiers import Headers

PERMANENT = "permanent"


class MailgunSignature(msgspec.Struct, frozen=True):
    """Hold what proves that a body is Mailgun's: an HMAC-SHA256 of `timestamp` and `token`.

    It signs nothing else, so whoever has seen one can send another event with it.
    """

    timestamp: str
    token: str
    signature: str


class _Headers(msgspec.Struct, frozen=True):
    message_id: str = msgspec.field(name="message-id", default="")


class _Message(msgspec.Struct, frozen=True):
    headers: _Headers = _Headers()


class _DeliveryStatus(msgspec.Struct, frozen=True):
    enhanced_code: str = msgspec.field(name="enhanced-code", default="")


class MailgunEvent(msgspec.Struct, frozen=True):
    """Hold what happened to one message; of a failure `severity` says whether it is final.

    `reason` is `bounce` or `suppress-bounce` where the address is at fault.
    """

    event: str
    recipient: str = ""
    severity: str = ""
    reason: str = ""
    message: _Message = _Message()
    delivery_status: _DeliveryStatus = msgspec.field(
        name="delivery-status", default=_DeliveryStatus()
    )

    @property
    def told(self) -> Literal["bounced", "complained"] | None:
        """Say what it says of the address; None where that is nothing."""
        if self.event == "complained":
            return "complained"
        final = self.event == "failed" and self.severity == PERMANENT
        return "bounced" if final and self.reason in ("bounce", "suppress-bounce") else None


class _Signed(msgspec.Struct, frozen=True):
    signature: MailgunSignature


class MailgunBody(msgspec.Struct, frozen=True):
    """Hold a request of Mailgun's."""

    event_data: MailgunEvent = msgspec.field(name="event-data")


class MailgunVerifier:
    """Ask for a signature by one of the keys that are Mailgun's for signing webhooks."""

    challenge = ""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether the body is signed, and not too long ago."""
        try:
            found = json_as(_Signed, body).signature
        except ReportRefused:
            return False
        signed, given = f"{found.timestamp}{found.token}".encode(), found.signature.encode()
        fits = [
            hmac.compare_digest(hmac.digest(key, signed, "sha256").hex().encode(), given)
            for key in self._keys
        ]
        return any(fits) and in_time(seconds(found.timestamp), now)


def mailgun_reports(headers: Headers, body: bytes) -> list[BounceReport]:
    """Read what a request says of an address; raises ReportRefused.

    What names no message counts for nothing: the event is not signed.
    """
    found = json_said(MailgunBody, body).event_data
    message_id = message_id_of(found.message.headers.message_id)
    if found.told is None or message_id is None:
        return []
    status = found.delivery_status.enhanced_code
    return [BounceReport(found.recipient, found.told, status, message_id=message_id)]
