"""Put a message into an envelope: the bytes of an e-mail.

Assembled by hand: `email.message.EmailMessage` took 20 times as long per mail. The tests read
every mail back with the standard library's parser and compare.
"""

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256

import idna
import msgspec

from service.rules.language.brand import Logo
from service.sending.channels.channel import OutgoingMessage
from service.sending.templates.context import one_line, shortened
from service.sending.templates.templates import RenderedMessage

LOCAL_OCTETS_MAX = 64
ADDRESS_OCTETS_MAX = 254

# RFC 5321 §4.1.2 with the letters of RFC 6531 §3.3.
ATOM = (
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\u1fff\u2c00-\ud7ff\uf900-\ufdcf\U00010000-\U0003fffd]+"
)
DOT_ATOM = re.compile(rf"{ATOM}(?:\.{ATOM})*")
QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])+"')
HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class AddressRefused(ValueError):
    """Say why a text is not the address of one mailbox, without repeating the text."""


class Mailbox(msgspec.Struct, frozen=True):
    """Hold one mailbox: the part before the @ as given, the domain in ASCII (IDNA)."""

    local: str
    domain: str

    @property
    def needs_utf8(self) -> bool:
        """Tell whether the server must offer SMTPUTF8 (RFC 6531)."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def mailbox(address: str) -> Mailbox:
    """Read exactly one address, `o'brien@example.org`, without name, comment or list.

    Raises AddressRefused.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise AddressRefused("expected one address with a name, @ and a domain")
    if not DOT_ATOM.fullmatch(local) and not QUOTED.fullmatch(local):
        raise AddressRefused("the part before the @ has characters an address cannot have")
    if len(local.encode()) > LOCAL_OCTETS_MAX:
        raise AddressRefused(f"the part before the @ is longer than {LOCAL_OCTETS_MAX} bytes")
    found = Mailbox(local, _ascii_domain(domain))
    if len(str(found).encode()) > ADDRESS_OCTETS_MAX:
        raise AddressRefused(f"the address is longer than {ADDRESS_OCTETS_MAX} bytes")
    return found


def _ascii_domain(domain: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise AddressRefused("the part after the @ is not a domain name") from None
    if len(domain) > 253 or not HOST_NAME.fullmatch(domain):
        raise AddressRefused("the part after the @ is not a domain name")
    return domain


LINE_MAX = 78
WORD_BYTES_MAX = 42
NAME_AND_ADDRESS_MAX = 320

ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
LINE_BYTES_MAX = 990
LOGOS_REMEMBERED = 8


class NamedMailbox(msgspec.Struct, frozen=True):
    """Hold a mailbox with the name shown beside it."""

    name: str | None
    mailbox: Mailbox


class Sender(NamedMailbox, frozen=True):
    """Name who the mail is from, where answers go, and who gets a copy, openly or not."""

    reply_to: tuple[NamedMailbox, ...] = ()
    cc: tuple[NamedMailbox, ...] = ()
    bcc: tuple[NamedMailbox, ...] = ()

    def copies_beside(self, reader: Mailbox) -> list[Mailbox]:
        """List who gets a copy of a mail to this reader, each once."""
        others = {str(each.mailbox).lower(): each.mailbox for each in self.cc + self.bcc}
        others.pop(str(reader).lower(), None)
        return list(others.values())


def mail_bytes(outgoing: OutgoingMessage, recipient: Mailbox, sender: Sender) -> bytes:
    """Return the whole mail with CRLF line ends, ASCII but for an address that needs UTF-8.

    Raises ValueError when an id or a label of ours could not stand in a header.
    """
    head = "\r\n".join(_headers(outgoing, recipient, sender))
    return head.encode() + b"\r\n" + _body(outgoing)


def _headers(outgoing: OutgoingMessage, recipient: Mailbox, sender: Sender) -> list[str]:
    thread = outgoing.thread if outgoing.thread != outgoing.message_id else None
    lines = [
        "From: " + _person(sender.name or outgoing.sender, sender.mailbox, "From"),
        "To: " + _person(outgoing.name, recipient, "To"),
        *_listed("Cc", sender.cc),
        *_listed("Reply-To", sender.reply_to or _answered(outgoing.reply_to)),
        "Subject: " + _words(shortened(one_line(outgoing.message.subject)), len("Subject: ")),
        "Date: " + _date(outgoing.sent_at),
        "Message-ID: " + _id(outgoing.message_id),
    ]
    if thread is not None:
        lines += ["In-Reply-To: " + _id(thread), "References: " + _id(thread)]
    if outgoing.list_id is not None:
        lines.append("List-Id: " + _label(outgoing.list_id))
    if outgoing.unsubscribe is not None:  # RFC 8058; never folded, as some readers do not unfold
        lines.append(f"List-Unsubscribe: <{_label(outgoing.unsubscribe)}>")
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return [
        *lines,
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ]


def _answered(reply_to: str) -> tuple[NamedMailbox, ...]:
    """Read where answers go if the channel does not say so."""
    return (NamedMailbox(None, mailbox(reply_to)),) if reply_to else ()


def _listed(header: str, people: tuple[NamedMailbox, ...]) -> list[str]:
    """Write one header of several mailboxes, each on a line of its own; none without any."""
    written = ",\r\n ".join(_person(each.name, each.mailbox, header) for each in people)
    return [f"{header}: {written}"] if people else []


def _person(name: str | None, mailbox: Mailbox, header: str) -> str:
    """Write `Ada Lovelace <ada@example.org>`; a name that makes it too long is left out."""
    address = str(mailbox)
    shown = shortened(one_line(name or ""))
    # Amazon SES refuses more than 320 bytes of name and address together.
    if not shown or len(shown.encode()) + len(address.encode()) > NAME_AND_ADDRESS_MAX:
        return address
    if not shown.isascii() or "=?" in shown:
        shown = _encoded_words(shown, len(header) + 2)
    elif not ATOMS.fullmatch(shown):
        shown = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    last_line = len(shown) - shown.rfind("\n") + len(header)
    gap = " " if last_line + len(address) < LINE_MAX - 4 else "\r\n "
    return f"{shown}{gap}<{address}>"


def _words(text: str, used: int) -> str:
    """Write free text for a header: folded as it is, or as encoded words (RFC 2047)."""
    if not text.isascii() or "=?" in text:
        return _encoded_words(text, used)
    lines, room = [""], LINE_MAX - used
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = LINE_MAX - 1
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def _encoded_words(text: str, used: int) -> str:
    """Write `=?utf-8?b?…?=`, one word of at most 75 characters to a line.

    No word splits a character, and none is near enough to another to be read as one.
    """
    chunks: list[bytes] = [b""]
    room = min(WORD_BYTES_MAX, (LINE_MAX - used - len("=?utf-8?b??=")) // 4 * 3)
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(chunks[-1]) + len(octets) > room:
            chunks.append(b"")
            room = WORD_BYTES_MAX
        chunks[-1] += octets
    return "\r\n ".join(f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in chunks)


@lru_cache(1)
def _date(time: datetime) -> str:
    """Write when mails were planned: fifty of one moment have one date."""
    if time.tzinfo is None:
        raise ValueError("sent_at: expected a time with a zone, got one without")
    return format_datetime(time)


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError("expected a message id '<…@domain>' of printable ASCII")
    return text


def _label(text: str) -> str:
    if not text.isascii() or not text.isprintable() or len(text) > 900:
        raise ValueError("expected a header of printable ASCII on one line")
    return text


def _body(outgoing: OutgoingMessage) -> bytes:
    text = _part("plain", outgoing.message.text)
    if outgoing.message.html is None:
        return text
    # No part holds "=_": it cannot be in quoted-printable (RFC 2045 §6.7), nor in what is plain.
    boundary = b"=_" + sha256(outgoing.message_id.encode()).hexdigest()[:32].encode()
    return b"".join(
        (
            b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n',
            b"--" + boundary + b"\r\n" + text,
            b"\r\n--" + boundary + b"\r\n" + _page(outgoing.message, boundary),
            b"\r\n--" + boundary + b"--\r\n",
        )
    )


def _page(message: RenderedMessage, boundary: bytes) -> bytes:
    """Write the HTML, with the logo that it names beside it (RFC 2387)."""
    page, logo = _part("html", message.html or ""), message.logo
    if logo is None or f"cid:{logo.cid}" not in (message.html or ""):
        return page
    inner = boundary + b"=_"
    return b"".join(
        (
            b'Content-Type: multipart/related; type="text/html"; boundary="' + inner + b'"\r\n\r\n',
            b"--" + inner + b"\r\n" + page,
            b"\r\n--" + inner + b"\r\n" + _picture(logo),
            b"\r\n--" + inner + b"--\r\n",
        )
    )


@lru_cache(LOGOS_REMEMBERED)
def _picture(logo: Logo) -> bytes:
    """Write a logo as a part that is shown where the HTML names it (RFC 2392)."""
    head = (
        f"Content-Type: image/{logo.kind}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{logo.cid}>\r\nContent-Disposition: inline; filename=logo.{logo.kind}\r\n"
    )
    return head.encode() + b"\r\n" + encodebytes(logo.content).strip().replace(b"\n", b"\r\n")


def _part(kind: str, text: str) -> bytes:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    content = lines.encode("utf-8", "replace")
    encoding = "7bit" if _is_plain(content) else "quoted-printable"
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}"
    encoded = content if encoding == "7bit" else b2a_qp(content, istext=True)
    return b"\r\n\r\n".join((head.encode(), encoded))


def _is_plain(content: bytes) -> bool:
    """Tell whether a body may travel as it is: ASCII, short lines, nothing like a boundary."""
    return (
        content.isascii()
        and b"=_" not in content
        and b"\0" not in content
        and max(map(len, content.split(b"\r\n"))) <= LINE_BYTES_MAX
    )
