"""Say what a report of a bounce or a complaint is, and who may bring one."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar

import msgspec

from service.incoming.verifiers import Headers, SenderVerifier

T = TypeVar("T")

NEAR_MS = 2 * 24 * 60 * 60 * 1000
LONGEST_STAMP = 12


class BounceReport(NamedTuple):
    """Hold what is said of one address.

    `status` is the enhanced code (RFC 3463), empty where none is said. `message_id` is that of
    the message, `<…@domain>`; None where the sender of the report does not know it.
    """

    address: str
    reason: Literal["bounced", "complained"]
    status: str = ""
    message_id: str | None = None


class ReportRefused(ValueError):
    """Say why something is no report; nothing of it is in the words."""


class BounceDoor(NamedTuple):
    """Hold who may bring reports of one kind, and what reads them.

    Who is known by the head alone, `by_head`, is asked before the body is received. `read` may
    raise ReportRefused.
    """

    verifier: SenderVerifier
    read: Callable[[Headers, bytes], Sequence[BounceReport]]
    by_head: bool = False


def json_as(kind: type[T], content: bytes | str) -> T:
    """Read JSON as a provider writes it; raises ReportRefused naming the place of a mistake."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise ReportRefused(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ReportRefused("expected JSON, got something else") from None


def in_time(stamp: str, now: int) -> bool:
    """Tell whether seconds since 1970, as a sender wrote and signed them, are near `now` (ms).

    Providers try again for a day; what is older may be somebody's who has seen it.
    """
    if not stamp.isdecimal() or not stamp.isascii() or len(stamp) > LONGEST_STAMP:
        return False
    return abs(int(stamp) * 1000 - now) <= NEAR_MS


def message_id_of(text: str) -> str | None:
    """Give a Message-ID in its brackets; None for no text."""
    found = text.strip().strip("<>")
    return f"<{found}>" if found else None
