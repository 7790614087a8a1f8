"""Read SendGrid's Event Webhook, signed with ECDSA over its time and its body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

import base64
import binascii
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from service.incoming.bounces.report import (
    BounceReport,
    ReportRefused,
    in_time,
    json_said,
    message_id_of,
    read_as,
    seconds,
)
from service.incoming.verifiers import Headers

SIGNATURE = b"x-twilio-email-event-webhook-signature"
TIMESTAMP = b"x-twilio-email-event-webhook-timestamp"
LONGEST_SIGNATURE = 200
OWN_ID = ".sendgrid.net>"
"""So ends what stands in place of a Message-ID where the domain of `From` is not the account's."""
DROPPED: dict[str, Literal["bounced", "complained"]] = {
    "Bounced Address": "bounced",
    "Spam Reporting Address": "complained",
}
"""Why nothing was even tried: what the address came to before."""
OF_THE_ADDRESS = frozenset({"", "Invalid Address", "Unclassified"})
"""What a bounce is classified as, where it may be of the address."""

log = logging.getLogger(__name__)


class SendGridEvent(msgspec.Struct, frozen=True):
    """Hold what happened to one message.

    `type` of a bounce is `bounce`, or `blocked` where it is not the address's fault. There is no
    `smtp-id` of a bounce that came later.
    """

    event: str
    email: str = ""
    type: str = ""
    status: str = ""
    reason: str = ""
    timestamp: int = 0
    bounce_classification: str = ""
    smtp_id: str = msgspec.field(name="smtp-id", default="")

    @property
    def told(self) -> Literal["bounced", "complained"] | None:
        """Say what it says of the address; None where that is nothing."""
        if self.event == "spamreport":
            return "complained"
        if self.event == "dropped":
            return DROPPED.get(self.reason)
        final = self.event == "bounce" and self.type != "blocked"
        return "bounced" if final and self.bounce_classification in OF_THE_ADDRESS else None

    @property
    def message_id(self) -> str | None:
        """Give the message's own id; None where SendGrid gives none, or one of its own."""
        found = message_id_of(self.smtp_id)
        return None if found and found.endswith(OWN_ID) else found


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
        return in_time(seconds(at.decode("latin-1")), now)


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
    """Read what a request says of addresses; raises ReportRefused.

    What is no event is left out, and told of: the others would be lost with it.
    """
    return [
        BounceReport(
            each.email,
            each.told,
            each.status,
            message_id=each.message_id,
            at=each.timestamp * 1000 or None,
        )
        for each in _events(json_said(list[Any], body))
        if each.told
    ]


def _events(found: Sequence[Any]) -> Iterator[SendGridEvent]:
    for each in found:
        try:
            yield read_as(SendGridEvent, each)
        except ReportRefused as refused:
            about = {"event": "bounces.unread", "source": "bounces/sendgrid"}
            log.warning("one event among others is no event: %s", refused, extra=about)
