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
from service.incoming.bounces.report import (
    ReportDelayed,
    ReportRefused,
    in_time,
    instant_of,
    json_as,
)
from service.incoming.verifiers import Headers

NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
ENDED = "UnsubscribeConfirmation"
OF_SUBSCRIPTIONS = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: OF_SUBSCRIPTIONS,
    ENDED: OF_SUBSCRIPTIONS,
}
"""What is signed of each type of message, in this order; what is not there is left out."""
AMAZON = re.compile(r"https://sns\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([!-~]{1,2100})")
CERTIFICATE = re.compile(r"SimpleNotificationService-[0-9a-f]{1,64}\.pem")
SUBSCRIPTION = re.compile(r"\?Action=ConfirmSubscription&.+")
HASHES = {"1": SHA1(), "2": SHA256()}  # nosec B303 # version 1 is SNS's default still
SILENT = "Amazon SNS did not hand out its certificate, or confirm; send this again"
MOST_CERTIFICATES = 16
LONGEST_SIGNATURE = 2_000


class SnsMessage(msgspec.Struct, frozen=True, rename="pascal"):
    """Hold a message of SNS."""

    type: str
    topic_arn: str
    message: str = ""
    timestamp: str = ""
    signature: str = ""
    signature_version: str = ""
    signing_cert_url: str = msgspec.field(name="SigningCertURL", default="")
    subscribe_url: str = msgspec.field(name="SubscribeURL", default="")

    def address(self, url: str, kind: re.Pattern[str]) -> str:
        """Give an address of Amazon SNS in the region of the topic; raises ReportRefused.

        No other label will do: `sns.s3.amazonaws.com` is whoever's who has the bucket `sns`.
        """
        found = AMAZON.fullmatch(url)
        if not found or found[1] != self.topic_arn.split(":")[3] or not kind.fullmatch(found[2]):
            raise ReportRefused("expected an address of Amazon SNS, got another")
        return url


def fetched(url: str) -> bytes:
    """Fetch a certificate, or confirm a subscription, from Amazon; raises ReportDelayed.

    SNS sends again what is answered 5xx, and nothing else.
    """
    try:
        answer = exchange(Request("GET", url, {}))
    except ApiTrouble:
        raise ReportDelayed(SILENT) from None
    if answer.status != HTTPStatus.OK:
        raise ReportDelayed(SILENT)
    return answer.body


class SnsVerifier:
    """Ask for messages of certain topics, signed by Amazon; certificates are kept."""

    challenge = ""

    def __init__(self, topics: Collection[str]) -> None:
        """Take the ARNs of the topics: whoever has an account has Amazon sign messages."""
        self._topics = frozenset(topics)
        self._keys: dict[str, Any] = {}

    def verify(self, headers: Headers, body: bytes, now: int) -> bool:
        """Tell whether it is of one of the topics, and Amazon's; raises ReportDelayed."""
        try:
            message = json_as(SnsMessage, body)
            if message.topic_arn not in self._topics or message.type not in SIGNED:
                return False
            fields = json_as(dict[str, object], body)
            given = base64.b64decode(message.signature[:LONGEST_SIGNATURE], validate=True)
            digest = HASHES[message.signature_version]
            key = self._key(message.address(message.signing_cert_url, CERTIFICATE))
            key.verify(
                given, signed_text(fields, message.type), padding=PKCS1v15(), algorithm=digest
            )
        except (ReportRefused, InvalidSignature, binascii.Error, ValueError, KeyError, TypeError):
            return False
        return in_time(instant_of(message.timestamp), now)

    def _key(self, url: str) -> Any:
        """Give the RSA key of a certificate; raises ReportDelayed or ValueError."""
        key = self._keys.get(url)
        if key is None:
            key = load_pem_x509_certificate(fetched(url)).public_key()
            if len(self._keys) >= MOST_CERTIFICATES:
                self._keys.clear()
            self._keys[url] = key
        return key


def signed_text(fields: dict[str, object], kind: str) -> bytes:
    """Put together what is signed of a message: names and values, each on a line."""
    there = [(name, fields[name]) for name in SIGNED[kind] if fields.get(name) is not None]
    return "".join(f"{name}\n{value}\n" for name, value in there).encode()
