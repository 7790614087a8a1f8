"""Stand in for providers that report bounces: their bodies, in their words, signed as they do."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

Headers = Mapping[str, str]
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c3d.pem"
SUBSCRIBE = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y"
SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn",
          "Type")  # fmt: skip
SES_ID = "0102018b3a5c6d7e-00000000"
POSTMARK = ("postmark", "s3cret:word")
MAILGUN = "key-of-mailgun"


class Amazon:
    """SES that reports by SNS, and the server of its certificates."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        """What is there under an address."""
        self.asked.append(url)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        made = made.public_key(self._key.public_key()).not_valid_before(now)
        made = made.not_valid_after(now + timedelta(days=1))
        return made.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def says(self, message: Any, version: str = "1", **more: str) -> bytes:
        """One message of the topic."""
        fields = {
            "Type": "Notification", "MessageId": "22b80b92", "TopicArn": TOPIC,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": "2026-11-16T09:00:00.000Z",
            "SignatureVersion": version, "SigningCertURL": CERTIFICATE, **more,
        }  # fmt: skip
        text = "".join(f"{name}\n{fields[name]}\n" for name in SIGNED if name in fields)
        digest = SHA1() if version == "1" else SHA256()
        signature = self._key.sign(text.encode(), PKCS1v15(), digest)
        return json.dumps(fields | {"Signature": base64.b64encode(signature).decode()}).encode()


def ses_bounce(
    id: str, address: str = "ada@example.org", kind: str = "Permanent", status: str = "5.1.1",
    called: str = "notificationType",
) -> dict[str, Any]:  # fmt: skip
    reader = {"emailAddress": address, "action": "failed", "status": status}
    return {
        called: "Bounce",
        "bounce": {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [reader],
                   "timestamp": "2026-11-16T09:00:00.000Z"},
        "mail": ses_mail(id, called),
    }  # fmt: skip


def ses_mail(id: str, called: str = "notificationType") -> dict[str, Any]:
    """Both forms have the message's own headers; a published event puts SES's id beside them."""
    beside = id if called == "notificationType" else SES_ID
    headers = [{"name": "Subject", "value": "Completed"}, {"name": "Message-ID", "value": id}]
    return {"messageId": SES_ID, "headers": headers, "commonHeaders": {"messageId": beside}}


def ses_complaint(id: str, address: str = "ada@example.org", **more: Any) -> dict[str, Any]:
    found = {"complainedRecipients": [{"emailAddress": address}], "complaintSubType": None}
    return {"notificationType": "Complaint", "complaint": {**found, **more}, "mail": ses_mail(id)}


class SendGrid:
    """SendGrid with a signed Event Webhook."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self.key = base64.b64encode(public).decode()

    def says(self, events: Any, at: int) -> tuple[bytes, Headers]:
        """One request, at seconds since 1970."""
        body = json.dumps(events).encode()
        signature = self._key.sign(str(at).encode() + body, ec.ECDSA(SHA256()))
        return body, {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": str(at),
        }


def sendgrid_event(id: str, event: str = "bounce", **more: Any) -> dict[str, Any]:
    said = {"type": "bounce", "status": "5.1.1"} if event == "bounce" else {}
    known = {"email": "ada@example.org", "timestamp": 1, "smtp-id": id, "event": event}
    return {**known, **said, **more}


def mailgun_says(data: Any, at: int, key: str = MAILGUN) -> bytes:
    signed = hmac.digest(key.encode(), f"{at}t0ken".encode(), "sha256").hex()
    signature = {"timestamp": str(at), "token": "t0ken", "signature": signed}
    return json.dumps({"signature": signature, "event-data": data}).encode()


def mailgun_event(id: str, event: str = "failed", **more: Any) -> dict[str, Any]:
    said = {"severity": "permanent", "reason": "bounce"} if event == "failed" else {}
    return {
        "event": event, "id": "czsjqFATSlC3QtAK-C80nw", "recipient": "ada@example.org",
        "message": {"headers": {"message-id": id.strip("<>"), "to": "Ada"}},
        "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no"}, **said, **more,
    }  # fmt: skip
