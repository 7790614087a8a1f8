"""The wire to a mail server: opening it, and speaking line by line with a clock running."""

import re
import smtplib
import socket
import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from service.sending.channels.addresses import AddressRefused, mailbox
from service.sending.channels.apprise_plugin import asset, mail_plugin_at
from service.sending.channels.channel import ChannelError, Kind, Outcome
from service.sending.channels.mime import Sender

EXPECTED = "mailtos://user:password@smtp.example.org?from=learning@example.org"


class Server(msgspec.Struct, frozen=True):
    """Where mail goes out. `security` is `insecure`, `starttls` or `ssl`."""

    host: str
    port: int
    security: str
    verify: bool
    user: str | None
    password: str | None
    sender: Sender

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.security})"


def server_at(name: str, url: str) -> Server:
    """Read the URL of channel `name`. Raises ChannelError without repeating it."""
    wrong = f"channel '{name}': expected a URL like {EXPECTED}"
    read: Any = mail_plugin_at(url, asset())
    if read is None or not 0 < read.port < 65536:
        raise ChannelError(f"{wrong}; got one without a usable host, port or from")
    sender_name, address = read.from_addr
    try:
        sender = Sender(sender_name or None, mailbox(address))
    except AddressRefused as refused:
        raise ChannelError(f"{wrong}; from: {refused}") from None
    if not _is_what_was_asked(url, address):
        raise ChannelError(f"{wrong}; its 'from' is not an address apprise can read")
    return Server(
        host=read.smtp_host,
        port=read.port,
        security=str(read.secure_mode),
        verify=read.verify_certificate,
        user=read.user or None,
        password=read.password or None,
        sender=sender,
    )


def _is_what_was_asked(url: str, address: str) -> bool:
    """Compare with the text of `from=`: apprise 2.2 reads o'brien@… as brien@…."""
    asked = parse_qs(urlsplit(url).query).get("from", [""])[0].strip()
    if "@" not in asked:
        return True
    return asked.removesuffix(">").rpartition("<")[2].strip().lower() == address.lower()


# RFC 3463; some servers put a hyphen or nothing after it.
ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
TEXT_MAX = 500

# Not about the recipient: the session or our account. 503 bad sequence; 530, 534, 535, 538
# authentication (RFC 4954 §6). Nobody's mail is given up because of our own configuration.
OURS = frozenset({421, 500, 502, 503, 530, 534, 535, 538})


def about_recipient(code: int, reply: bytes) -> Outcome:
    """Judge a reply to RCPT, DATA or the final dot: the enhanced code first, else the code."""
    text, status = _read(reply)
    return Outcome(_kind(code, status), code, status, text, about_channel=code in OURS)


def about_channel(code: int | None, reply: bytes | str, where: str) -> Outcome:
    """Judge a refusal at the greeting, EHLO, TLS, AUTH or MAIL FROM: always transient.

    It concerns every mail of the channel, so it is for the administrator to mend.
    """
    text, status = _read(reply.encode() if isinstance(reply, str) else reply)
    told = f"mail server, {where}: {text}"[:TEXT_MAX]
    return Outcome("transient", code, status, told, about_channel=True)


def _kind(code: int, status: str | None) -> Kind:
    if code in OURS:
        return "transient"
    decisive = status[0] if status and status[0] in "45" else str(code)[0]
    return "permanent" if decisive == "5" else "transient"


def _read(reply: bytes) -> tuple[str, str | None]:
    text = " ".join(reply.decode("utf-8", "replace").split())[:TEXT_MAX]
    match = ENHANCED.match(text)
    return text, match[1] if match else None


class ConnectionLost(Exception):
    """The connection ended, timed out or spoke no SMTP."""


class ChannelRefused(Exception):
    """The server refused us, not the recipient; `outcome` says how."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


def tls_for(server: Server) -> ssl.SSLContext:
    """Return how certificates are checked; making it takes 20 ms, so once per channel."""
    context = ssl.create_default_context()
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def opened(server: Server, tls: ssl.SSLContext, seconds: float) -> smtplib.SMTP:
    """Connect, secure and log in; each step may take `seconds`. Raises ChannelRefused."""
    try:
        connection = _greeted(server, tls, seconds)
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise _refusal(error, "connecting") from None
    try:
        _make_ready(connection, server, tls)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        connection.close()
        raise _refusal(error, "preparing the session") from None
    return connection


def say(connection: smtplib.SMTP, command: str) -> tuple[int, bytes]:
    """Send one command and hear the reply. Raises ConnectionLost."""
    try:
        connection.putcmd(command)
    except (smtplib.SMTPException, OSError) as error:
        raise ConnectionLost from error
    return hear(connection)


def hear(connection: smtplib.SMTP) -> tuple[int, bytes]:
    """Hear one reply. Raises ConnectionLost, also when it is no SMTP reply."""
    try:
        code, reply = connection.getreply()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise ConnectionLost from error
    if not 200 <= code <= 599:
        raise ConnectionLost
    return code, reply


def hand_over(connection: smtplib.SMTP, mail: bytes) -> None:
    """Send a mail with CRLF line ends, dots doubled, and the final dot. Raises ConnectionLost.

    When this raises, the final dot cannot have left: it is the last thing handed to the wire.
    """
    try:
        connection.send(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    except (smtplib.SMTPException, OSError) as error:
        raise ConnectionLost from error


def _greeted(server: Server, tls: ssl.SSLContext, seconds: float) -> smtplib.SMTP:
    name = _own_name()
    connection = (
        smtplib.SMTP_SSL(server.host, server.port, name, timeout=seconds, context=tls)
        if server.security == "ssl"
        else smtplib.SMTP(server.host, server.port, name, timeout=seconds)
    )
    assert connection.sock is not None
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _make_ready(connection: smtplib.SMTP, server: Server, tls: ssl.SSLContext) -> None:
    connection.ehlo_or_helo_if_needed()
    if server.security == "starttls":
        code, reply = connection.starttls(context=tls)
        if code != 220:
            raise smtplib.SMTPResponseException(code, reply)
        connection.ehlo_or_helo_if_needed()
    if server.user and server.password:
        connection.login(server.user, server.password)


def _refusal(error: Exception, where: str) -> ChannelRefused:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return ChannelRefused(about_channel(error.smtp_code, reply, where))
    return ChannelRefused(about_channel(None, f"{type(error).__name__}: {error}", where))


def _own_name() -> str:
    """Return our name for EHLO. Not `getfqdn`: a dead resolver makes it take half a minute."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
