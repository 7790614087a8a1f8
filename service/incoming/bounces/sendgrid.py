"""Read SendGrid's Event Webhook, signed with ECDSA over its time and its body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from service.incoming.bounces.report import BounceReport, in_time, json_as, message_id_of
from service.incoming.verifiers import Headers

SIGNATURE = b"x-twilio-email-event-webhook-signature"
TIMESTAMP = b"x-twilio-email-event-webhook-timestamp"
LONGEST_SIGNATURE = 200


class SendGridEvent(msgspec.Struct, frozen=True):
    """Hold what happened to one message.

    `type` of a bounce is `bounce`, or `blocked` where it is not the address's fault. `reason` of
    what was dropped says why nothing was even tried.
    """

    event: str
    email: str = ""
    type: str = ""
    status: str = ""
    reason: str = ""
    smtp_id: str = msgspec.field(name="smtp-id", default="")

    @property
    def told(self) -> Literal["bounced", "complained"] | None:
        """Say what it says of the address; None where that is nothing."""
        if self.event == "spamreport":
            return "complained"
        bounced = self.event == "bounce" and self.type != "blocked"
        dropped = self.event == "dropped" and self.reason == "Bounced Address"
        return "bounced" if bounced or dropped else None


class SendGridVerifier:
    """Ask for a signature by the key that SendGrid shows beside the webhook."""

    challenge = ""

    def __init__(self, key: str) -> None:
        """Take the key as SendGrid shows it, DER in base64; raises ValueError for another."""
        self._key = public_key(key)

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether time and body are signed, and not too long ago."""
        given, at = headers.get(SIGNATURE, b""), headers.get(TIMESTAMP, b"")
        try:
            signature = base64.b64decode(given[:LONGEST_SIGNATURE], validate=True)
            self._key.verify(signature, at + body, ECDSA(SHA256()))
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return in_time(at.decode("latin-1"), now)


def public_key(text: str) -> EllipticCurvePublicKey:
    """Read a key of an elliptic curve, DER in base64; raises ValueError."""
    expected = "the verification key as SendGrid shows it, base64 without blanks"
    try:
        found: Any = load_der_public_key(base64.b64decode(text, validate=True))
        found.curve.name  # noqa: B018 # an RSA key has none
    except (binascii.Error, ValueError, AttributeError):
        raise ValueError(expected) from None
    return cast(EllipticCurvePublicKey, found)


def sendgrid_reports(headers: Headers, body: bytes) -> Sequence[BounceReport]:
    """Read what a request says of addresses; raises ReportRefused."""
    return [
        BounceReport(each.email, each.told, each.status, message_id=message_id_of(each.smtp_id))
        for each in json_as(list[SendGridEvent], body)
        if each.told
    ]
