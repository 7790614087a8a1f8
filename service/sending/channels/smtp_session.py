"""The wire to a mail server: opening it, and speaking line by line with a clock running."""

import smtplib
import socket
import ssl

from service.sending.channels.replies import about_channel
from service.sending.channels.smtp_url import Server
from service.sending.parcel import Outcome


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
