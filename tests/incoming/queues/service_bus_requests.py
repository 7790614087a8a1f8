"""What Service Bus answers to requests: tokens at $cbs; peeks and renewals at $management."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from proton import UNDESCRIBED, Array, Data, Message, int32, symbol, timestamp

from tests.incoming.queues.service_bus_subscription import Entry, Subscription

HEAD = len(Message().encode())
LOST = "com.microsoft:message-lock-lost"


class Answer(NamedTuple):
    """The status of a request, its condition when it failed, and what it gives."""

    status: int
    condition: str = ""
    body: object = None


def path_of(address: str) -> str:
    """Where an address leads, without its host, in the one spelling."""
    return (urlsplit(address).path if "://" in address else address).strip("/").lower()


def check_token(token: str, key: str, topics: set[str]) -> Answer:
    """As the real one: 401 for a signature made with another key, 404 for an unknown topic."""
    said = {name: values[0] for name, values in parse_qs(token.partition(" ")[2]).items()}
    raw = token.partition("sr=")[2].partition("&")[0]
    signed = f"{raw}\n{said['se']}".encode()
    wanted = base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(wanted, said["sig"]):
        return Answer(401, "InvalidSignature: The token has an invalid signature.")
    if path_of(said["sr"]).split("/")[0] not in topics:
        return Answer(404, "The messaging entity could not be found.")
    return Answer(202, "Accepted")


def token_reply(request: Message, answer: Answer) -> Message:
    """The answer of $cbs, whose keys have hyphens."""
    properties = {"status-code": int32(answer.status), "status-description": answer.condition}
    return Message(correlation_id=request.id, properties=properties)


def manage(request: Message, subscription: Subscription) -> Message:
    """The answer of $management to a peek or a renewal."""
    operation = str(request.properties["operation"]).removeprefix("com.microsoft:")
    answer = OPERATIONS[operation](request.body, subscription)
    properties: dict[str, object] = {
        "statusCode": int32(answer.status),
        "statusDescription": answer.condition or "OK",
    }
    if answer.condition:
        properties["errorCondition"] = symbol(answer.condition)
    return Message(correlation_id=request.id, properties=properties, body=answer.body)


def encoded(entry: Entry, *, locked: bool) -> bytes:
    """A message as it leaves: our annotations, then the body as it came."""
    annotations = {
        symbol("x-opt-sequence-number"): entry.number,
        symbol("x-opt-enqueued-time"): timestamp(int(entry.enqueued_at * 1000)),
    }
    if locked:
        annotations[symbol("x-opt-locked-until")] = timestamp(int(entry.locked_until * 1000))
    head = Message(annotations=annotations, id=entry.id, delivery_count=entry.deliveries)
    return head.encode() + entry.body


def data(*sections: bytes) -> bytes:
    """A body of DATA sections, as the SDKs send it."""
    return b"".join(b"\x00Su\xb0" + len(each).to_bytes(4, "big") + each for each in sections)


def value(body: object, *, sequence: bool = False) -> bytes:
    """A body of one VALUE, or of a SEQUENCE of them."""
    return bytes(Message(body=body, inferred=sequence).encode()[HEAD:])


def _peek(asked: Mapping[str, Any], subscription: Subscription) -> Answer:
    first, count = asked["from-sequence-number"], asked["message-count"]
    found = [{"message": encoded(e, locked=False)} for e in subscription.browse(first, count)]
    return Answer(200 if found else 204, body={"messages": found})


def _renew(asked: Mapping[str, Any], subscription: Subscription) -> Answer:
    until = [subscription.renew(token) for token in asked["lock-tokens"]]
    if None in until:
        return Answer(410, LOST)
    times = [timestamp(int(at * 1000)) for at in until if at]
    return Answer(200, body={"expirations": Array(UNDESCRIBED, Data.TIMESTAMP, *times)})


def _dispose(asked: Mapping[str, Any], subscription: Subscription) -> Answer:
    how = {"suspended": "rejected"}.get(asked["disposition-status"], asked["disposition-status"])
    tokens: list[uuid.UUID] = list(asked["lock-tokens"])
    settled = [subscription.settle(token, how) for token in tokens]
    return Answer(200) if all(settled) else Answer(410, LOST)


OPERATIONS: Mapping[str, Callable[[Mapping[str, Any], Subscription], Answer]] = {
    "peek-message": _peek,
    "renew-lock": _renew,
    "update-disposition": _dispose,
}
