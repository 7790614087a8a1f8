"""Read delivery status notifications, the bounces of mail servers (RFC 3464, RFC 6533)."""

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes, message_from_string
from email.errors import MessageError
from email.message import Message
from typing import Any

from service.incoming.bounces.report import BounceReport, ReportRefused, message_id_of
from service.incoming.verifiers import Headers

LARGEST_BYTES = 512 * 1024
MOST_PARTS = 100
"""So many parts may stand in each other or side by side: the parser goes down for each."""
STATUS = re.compile(r"\s*(5\.1\.\d{1,3})(?!\d)")
ADDRESS = re.compile(r"\s*(?:rfc822|utf-8)\s*;\s*<?([^\s<>]{3,320})>?\s*", re.IGNORECASE)
GAPS = re.compile(r"\r?\n(?:\r?\n)+")
REPORTS = ("message/delivery-status", "message/global-delivery-status")
RETURNED = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/global-headers",
)
"""What a report gives back of the message, whole or its head alone."""

Part = Message


def posted(headers: Headers, body: bytes) -> list[BounceReport]:
    """Read a request's body: a whole mail, or the body of a report whose type the head says."""
    media = headers.get(b"content-type", b"")
    if media.lower().lstrip().startswith(b"multipart/report"):
        body = b"Content-Type: " + media.replace(b"\n", b" ") + b"\r\n\r\n" + body
    return reports_in(body)


def reports_in(mail: bytes) -> list[BounceReport]:
    """List for whom a mail says that there is no such address; raises ReportRefused.

    None of a mail that is no report, of a delay, or of a report that does not say of what.
    """
    if len(mail) > LARGEST_BYTES:
        mail = mail[:LARGEST_BYTES]  # what counts stands before the message that is given back
    if mail.lower().count(b"content-type") > MOST_PARTS:
        raise ReportRefused(f"expected a mail of at most {MOST_PARTS} parts, got more")
    try:
        parts = list(message_from_bytes(mail).walk())
        message_id = _of_what(parts)
        found = [each for part in parts for each in _blocks(part)] if message_id else []
        return [report for block in found for report in _reports(block, message_id)]
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ReportRefused("expected a mail, got what no parser reads") from None


def _of_what(parts: Iterable[Part]) -> str | None:
    """Find the Message-ID of the message that is given back."""
    for part in parts:
        if part.get_content_type() in RETURNED:
            head = _inner(part)
            if found := message_id_of(str(head.get("Message-ID", ""))):
                return found
    return None


def _inner(part: Part) -> Part:
    """Give the message inside a part: parsed already, or its head as text."""
    _, *inner = part.walk()
    return inner[0] if inner else message_from_string(_text(part))


def _blocks(part: Part) -> Iterator[Part]:
    """Give the groups of fields of a report; the first is of the message, the others of readers."""
    if part.get_content_type() not in REPORTS:
        return
    for block in part.walk():
        if block is not part:
            yield block
            # The parser knows nothing of RFC 6533: what follows the first group is its text.
            yield from map(message_from_string, GAPS.split(_text(block)))


def _text(part: Part) -> str:
    content: Any = part.get_payload(decode=True) or b""
    return str(content, "utf-8", "replace")


def _reports(block: Part, message_id: str | None) -> Iterator[BounceReport]:
    """Read the fields of one reader: who was meant by the address that was written to, too."""
    status = STATUS.match(str(block.get("Status", "")))
    if str(block.get("Action", "")).strip().lower() != "failed" or not status:
        return
    for field in ("Original-Recipient", "Final-Recipient"):
        if found := ADDRESS.fullmatch(str(block.get(field, ""))):
            yield BounceReport(found[1], "bounced", status[1], message_id=message_id)
