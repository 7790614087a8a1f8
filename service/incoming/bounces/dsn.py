"""Read reports that come by mail: delivery status notifications and complaints.

RFC 3464 and RFC 6533 say how mail servers report a bounce, RFC 5965 how they report spam.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes, message_from_string
from email.errors import MessageError
from email.message import Message
from itertools import chain
from typing import Any

from service.incoming.bounces.report import BounceReport, ReportRefused, message_id_of
from service.incoming.verifiers import Headers

LARGEST_BYTES = 512 * 1024
MOST_PARTS = 100
"""So many parts may stand in each other or side by side: the parser goes down for each."""
STATUS = re.compile(r"\s*(5\.\d{1,3}\.\d{1,3})(?!\d)")
DIAGNOSTIC = re.compile(r"\s*smtp\s*;\s*5\d\d[ -](5\.\d{1,3}\.\d{1,3})(?!\d)", re.IGNORECASE)
VAGUE = "5.0.0"
"""What Exim calls every failure; what the other server said stands in `Diagnostic-Code`."""
OF_ADDRESSES = "5.1."
FAILED = re.compile(r"\s*failed\b", re.IGNORECASE)
ADDRESS = re.compile(r"\s*(?:(?:rfc822|utf-8)\s*;)?\s*<?([^\s<>;]{3,320})>?\s*", re.IGNORECASE)
ESCAPED = re.compile(r"\\x\{([0-9A-F]{2,5})\}|\+([0-9A-F]{2})")
"""A character in `utf-8-addr-xtext` (RFC 6533 §3) or in `xtext` (RFC 3461 §4)."""
GAPS = re.compile(r"\r?\n(?:[ \t]*\r?\n)+")
STATUSES = ("message/delivery-status", "message/global-delivery-status")
COMPLAINTS = ("message/feedback-report",)
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
    """List for whom a mail says that there is no such address, or who calls a message spam.

    None of a mail that is no report, of a delay, or of a report that does not say of what. Raises
    ReportRefused.
    """
    if len(mail) > LARGEST_BYTES:
        mail = mail[:LARGEST_BYTES]  # what counts stands before the message that is given back
    if mail.lower().count(b"content-type") > MOST_PARTS:
        raise ReportRefused(f"expected a mail of at most {MOST_PARTS} parts, got more")
    try:
        parts = list(message_from_bytes(mail).walk())
        message_id = _of_what(parts)
        read = parts if message_id else []
        return [each for part in read for each in _reports(part, message_id)]
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ReportRefused("expected a mail, got what no parser reads") from None


def _of_what(parts: Iterable[Part]) -> str | None:
    """Find the Message-ID of the message that is given back."""
    for part in parts:
        if part.get_content_type() in RETURNED:
            head = next(_inside(part), part)
            if found := message_id_of(str(head.get("Message-ID", ""))):
                return found
    return None


def _reports(part: Part, message_id: str | None) -> Iterator[BounceReport]:
    kind = part.get_content_type()
    if kind in STATUSES:
        for block in _inside(part):
            yield from _bounces(block, message_id)
    elif kind in COMPLAINTS:
        for block in _inside(part):
            yield from _complaints(block, message_id)


def _inside(part: Part) -> Iterator[Part]:
    """Give the message in a part, or the groups of fields: the first is of the message, not of one.

    The parser knows nothing of RFC 6533, so what follows the first group there is its text; nor
    of base64, which may not be here, and which some servers write.
    """
    if not part.is_multipart():
        return _messages(_content(part))
    inner: Any = part.get_payload()
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
        return _messages(binascii.a2b_base64(b"".join(map(_content, inner))))
    return chain(inner, chain.from_iterable(_messages(_content(each)) for each in inner))


def _messages(content: bytes) -> Iterator[Part]:
    groups = GAPS.split(str(content, "utf-8", "replace").strip())
    return (message_from_string(each) for each in groups if each)


def _content(part: Part) -> bytes:
    found: Any = part.get_payload(decode=True) or b""
    return bytes(found)


def _bounces(block: Part, message_id: str | None) -> Iterator[BounceReport]:
    """Read the fields of one reader: who was meant by the address that was written to, too."""
    status = _status(block)
    if not FAILED.match(str(block.get("Action", ""))) or not status.startswith(OF_ADDRESSES):
        return
    named = (_addresses(block, field) for field in ("Original-Recipient", "Final-Recipient"))
    for address in dict.fromkeys(each for found in named for each in found):
        yield BounceReport(address, "bounced", status, message_id=message_id)


def _status(block: Part) -> str:
    """Give the enhanced code; that of the other server, where this one says nothing of it."""
    said = STATUS.match(str(block.get("Status", "")))
    if said and said[1] == VAGUE:
        said = DIAGNOSTIC.match(str(block.get("Diagnostic-Code", "")))
    return said[1] if said else ""


def _addresses(block: Part, field: str) -> Iterator[str]:
    """Give the addresses in a field, each as it stands and as it may be meant."""
    for value in block.get_all(field, []):
        if found := ADDRESS.fullmatch(str(value)):
            yield found[1]
            yield ESCAPED.sub(lambda code: chr(int(code[1] or code[2], 16)), found[1])


def _complaints(block: Part, message_id: str | None) -> Iterator[BounceReport]:
    """Read a complaint; most leave out whose it is (RFC 6590), so it is its reader's."""
    if str(block.get("Feedback-Type", "")).strip().lower() != "abuse":
        return
    named = dict.fromkeys(_addresses(block, "Original-Rcpt-To"))
    for address in named or [""]:
        yield BounceReport(address, "complained", message_id=message_id)
