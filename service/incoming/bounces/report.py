"""Say what a report of a bounce or a complaint is, and who may bring one."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from service.incoming.verifiers import Headers, SenderVerifier

T = TypeVar("T")

NEAR_MS = 2 * 24 * 60 * 60 * 1000
LONGEST_STAMP = 12


class BounceReport(NamedTuple):
    """Hold what is said of one address; it is empty where only the message is said.

    `status` is the enhanced code (RFC 3463), empty where none is said. `message_id` is that of
    the message, `<…@domain>`; None where who reports does not know it, and is to be believed all
    the same. `at` is when it happened (ms UTC), where that is said.
    """

    address: str
    reason: Literal["bounced", "complained"]
    status: str = ""
    message_id: str | None = None
    at: int | None = None


class ReportRefused(ValueError):
    """Say why something is no report; nothing of it is in the words."""


class ReportDelayed(Exception):
    """Say why a report cannot be looked at just now; whoever sent it is to send it again."""


class BounceDoor(NamedTuple):
    """Hold who may bring reports of one kind, and what reads them.

    Who is known by the head alone, `by_head`, is asked before the body is received. `read` may
    raise ReportRefused; both may raise ReportDelayed.
    """

    verifier: SenderVerifier
    read: Callable[[Headers, bytes], Sequence[BounceReport]]
    by_head: bool = False


def json_as(kind: type[T], content: bytes | str) -> T:
    """Read JSON of anybody; raises ReportRefused naming the place of a mistake."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise ReportRefused(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ReportRefused("expected JSON, got something else") from None


def json_said(kind: type[T], content: bytes | str) -> T:
    """Read JSON of a provider, for whom null is what is not there; raises ReportRefused.

    It costs ten times as much, so it is for who is known.
    """
    try:
        said = _said(json_as(object, content))
    except RecursionError:
        raise ReportRefused("expected JSON of a few levels, got more") from None
    return read_as(kind, said)


def read_as(kind: type[T], said: object) -> T:
    """Read what JSON says; raises ReportRefused naming the place of a mistake."""
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise ReportRefused(str(error)) from None


def _said(value: Any) -> Any:
    match value:
        case dict():
            return {name: _said(each) for name, each in value.items() if each is not None}
        case list():
            return [_said(each) for each in value if each is not None]
    return value


def in_time(at: int | None, now: int) -> bool:
    """Tell whether a moment that a sender wrote and signed is near `now` (both ms UTC).

    Providers try again for a day; what is older may be somebody's who has seen it.
    """
    return at is not None and abs(at - now) <= NEAR_MS


def seconds(stamp: str) -> int | None:
    """Give seconds since 1970, as text, in ms; None for anything else."""
    if not stamp.isdecimal() or not stamp.isascii() or len(stamp) > LONGEST_STAMP:
        return None
    return int(stamp) * 1000


def instant_of(text: str) -> int | None:
    """Give a time by ISO 8601 in ms UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def message_id_of(text: str) -> str | None:
    """Give a Message-ID in its brackets; None for no text."""
    found = text.strip().strip("<>")
    return f"<{found}>" if found else None


def bare(address: str) -> str:
    """Give an address without the name that a provider may leave before it."""
    return address.rpartition("<")[2].rstrip("> ")
