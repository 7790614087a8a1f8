"""What a Service Bus message holds: its body as bytes, and the headers worth keeping.

No body raises: what it means is for a source to say, once it is kept.
"""

from typing import Any

import msgspec

LONGEST_HEADER = 200
RENEW_SECONDS = (0.5, 10.0)


def body_of(message: Any) -> bytes:
    """DATA sections joined; a text or binary VALUE as it is, any other VALUE or SEQUENCE as JSON.

    `message` is the SDK's; it gives AMQP's strings as UTF-8 bytes, wherever they stand.
    """
    if message.body_type.name == "DATA":
        return b"".join(filter(None, message.body))
    if message.body_type.name == "SEQUENCE":
        return as_json([item for section in message.body for item in section])
    if message.body is None:
        return b""
    return bytes(message.body) if isinstance(message.body, bytes) else as_json(message.body)


def headers_of(message: Any) -> dict[str, str]:
    """The message's own id, its place in the subscription, and when the service took it in."""
    enqueued = message.enqueued_time_utc
    found = {
        "message-id": message.message_id,
        "sequence-number": message.sequence_number,
        "enqueued-at": None if enqueued is None else enqueued.isoformat(),
    }
    return {name: _header(value) for name, value in found.items() if value is not None}


def _header(value: object) -> str:
    return str(value)[:LONGEST_HEADER].encode("utf-8", "replace").decode()


def until_renewal(message: Any, now: int) -> float:
    """Half of what is left of a lock at `now` (ms UTC), in seconds.

    With limits, for the service's clock may disagree with ours.
    """
    soonest, latest = RENEW_SECONDS
    if message.locked_until_utc is None:
        return latest
    left: float = message.locked_until_utc.timestamp() - now / 1000
    return min(max(left / 2, soonest), latest)


def as_json(value: object) -> bytes:
    """Any value that AMQP has, as JSON; what cannot be is kept as Python writes it."""
    try:
        return msgspec.json.encode(_plain(value))
    except (RecursionError, UnicodeEncodeError, msgspec.MsgspecError):
        return repr(value).encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    """AMQP's types as JSON's; those that JSON has no word for (ids, decimals) as text."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, bool | int | float | None) else str(value)
