"""Verify messages of Amazon SNS: signed by a key whose certificate Amazon hands out.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from service.incoming.adobe_api.http_exchange import ApiTrouble, Request, exchange
from service.incoming.bounces.report import ReportRefused, json_as
from service.incoming.verifiers import Headers

NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
"""What is signed of each type of message, in this order; what is not there is left out."""
AMAZON = r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?/"
CERTIFICATE = re.compile(AMAZON + r"SimpleNotificationService-[0-9a-f]{1,64}\.pem")
SUBSCRIPTION = re.compile(AMAZON + r"\?Action=ConfirmSubscription&[!-~]{1,2000}")
HASHES = {"1": SHA1(), "2": SHA256()}  # nosec B303 # version 1 is SNS's default still
SILENT = "Amazon SNS did not answer as it should; it sends this again"
MOST_CERTIFICATES = 16
LONGEST_SIGNATURE = 2_000


class SnsMessage(msgspec.Struct, frozen=True, rename="pascal"):
    """Hold a message of SNS."""

    type: str
    topic_arn: str
    message: str = ""
    signature: str = ""
    signature_version: str = ""
    signing_cert_url: str = msgspec.field(name="SigningCertURL", default="")
    subscribe_url: str = msgspec.field(name="SubscribeURL", default="")


def fetched(url: str) -> bytes:
    """Fetch a certificate, or confirm a subscription, from Amazon; raises ReportRefused."""
    if not (CERTIFICATE.fullmatch(url) or SUBSCRIPTION.fullmatch(url)):
        raise ReportRefused("expected an address of Amazon SNS, got another")
    try:
        answer = exchange(Request("GET", url, {}))
    except ApiTrouble:
        raise ReportRefused(SILENT) from None
    if answer.status != HTTPStatus.OK:
        raise ReportRefused(SILENT)
    return answer.body


class SnsVerifier:
    """Ask for messages of certain topics, signed by Amazon; certificates are kept."""

    challenge = ""

    def __init__(self, topics: Collection[str]) -> None:
        """Take the ARNs of the topics: whoever has an account has Amazon sign messages."""
        self._topics = frozenset(topics)
        self._keys: dict[str, Any] = {}

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether it is of one of the topics, and Amazon's."""
        try:
            message, fields = json_as(SnsMessage, body), json_as(dict[str, object], body)
            if message.topic_arn not in self._topics or message.type not in SIGNED:
                return False
            given = base64.b64decode(message.signature[:LONGEST_SIGNATURE], validate=True)
            digest = HASHES[message.signature_version]
            key = self._key(message.signing_cert_url)
            key.verify(
                given, signed_text(fields, message.type), padding=PKCS1v15(), algorithm=digest
            )
        except (ReportRefused, InvalidSignature, binascii.Error, ValueError, KeyError, TypeError):
            return False
        return True

    def _key(self, url: str) -> Any:
        """Give the RSA key of a certificate; raises ReportRefused or ValueError."""
        if url not in self._keys:
            if not CERTIFICATE.fullmatch(url) or len(self._keys) >= MOST_CERTIFICATES:
                raise ReportRefused("expected a certificate of Amazon SNS, got another")
            self._keys[url] = load_pem_x509_certificate(fetched(url)).public_key()
        return self._keys[url]


def signed_text(fields: dict[str, object], kind: str) -> bytes:
    """Put together what is signed of a message: names and values, each on a line."""
    there = [(name, fields[name]) for name in SIGNED[kind] if fields.get(name) is not None]
    return "".join(f"{name}\n{value}\n" for name, value in there).encode()
