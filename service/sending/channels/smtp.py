"""E-mail: one kept SMTP connection, one recipient a mail, every reply code heard."""

import smtplib
from contextlib import suppress
from time import monotonic

from service.sending.channels.addresses import AddressRefused, Mailbox, mailbox
from service.sending.channels.channel import Outcome, Parcel
from service.sending.channels.mime import mail_bytes
from service.sending.channels.smtp_session import (
    ChannelRefused,
    ConnectionLost,
    Server,
    about_channel,
    about_recipient,
    hand_over,
    hear,
    opened,
    say,
    tls_for,
)

COMMAND_SECONDS = 60.0
# RFC 5321 §4.5.3.2.6: a server may take ten minutes to say what became of a mail.
DOT_SECONDS = 600.0
IDLE_SECONDS = 20.0


class SmtpChannel:
    """Sends mail over one connection, opened when needed and kept between mails.

    `command_seconds`: to wait for a reply; `dot_seconds`: for the last one;
    `idle_seconds`: after such a silence the connection is tried with NOOP first.
    """

    form = "email"
    batch = 50

    def __init__(
        self,
        server: Server,
        *,
        command_seconds: float = COMMAND_SECONDS,
        dot_seconds: float = DOT_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.domain: str | None = server.sender.mailbox.domain
        self._server = server
        self._tls = tls_for(server)
        self._command_seconds = command_seconds
        self._dot_seconds = dot_seconds
        self._idle_seconds = idle_seconds
        self._connection: smtplib.SMTP | None = None
        self._used_at = 0.0

    def send(self, parcel: Parcel) -> Outcome:
        """Send one mail.

        Lost before the mail's last byte is transient (on a kept connection a new one is tried
        first); lost after it is unknown. Raises ValueError when an id of ours is none.
        """
        try:
            recipient = mailbox(parcel.address or "")
        except AddressRefused as refused:
            return Outcome("permanent", None, "5.1.3", f"address: {refused}")
        mail = mail_bytes(parcel, recipient, self._server.sender)
        outcome = self._attempt(recipient, mail) if self._is_alive() else None
        return (
            outcome
            or self._attempt(recipient, mail)
            or Outcome("transient", text="mail server: the connection was lost", about_channel=True)
        )

    def close(self) -> None:
        """Say QUIT if there is a connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(smtplib.SMTPException, OSError, ValueError):
                connection.quit()
            connection.close()

    def _attempt(self, recipient: Mailbox, mail: bytes) -> Outcome | None:
        """Send over a connection; None when it was lost before the mail was out."""
        try:
            connection = self._connected()
            outcome = self._announced(connection, recipient)
            if outcome is None:
                hand_over(connection, mail)
                outcome = self._verdict(connection)
        except ChannelRefused as refusal:
            self._drop()
            return refusal.outcome
        except ConnectionLost:
            self._drop()
            return None
        self._used_at = monotonic()
        return outcome

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = opened(self._server, self._tls, self._command_seconds)
        return self._connection

    def _announced(self, connection: smtplib.SMTP, recipient: Mailbox) -> Outcome | None:
        """Say MAIL, RCPT and DATA; return the recipient's refusal if there is one."""
        sender = self._server.sender.mailbox
        utf8 = recipient.needs_utf8 or sender.needs_utf8
        if utf8 and not connection.has_extn("smtputf8"):
            text = "the mail server does not offer SMTPUTF8, which this address needs"
            return Outcome("permanent", None, "5.6.7", text)
        connection.command_encoding = "utf-8" if utf8 else "ascii"
        parameters = " SMTPUTF8 BODY=8BITMIME" if utf8 else ""
        code, reply = say(connection, f"MAIL FROM:<{sender}>{parameters}")
        if code == 421:
            raise ConnectionLost
        if code != 250:
            raise ChannelRefused(about_channel(code, reply, "MAIL FROM"))
        for command, welcome in ((f"RCPT TO:<{recipient}>", 250), ("DATA", 354)):
            code, reply = say(connection, command)
            if code != welcome and not (code == 251 and welcome == 250):
                return self._refused(connection, code, reply)
        return None

    def _refused(self, connection: smtplib.SMTP, code: int, reply: bytes) -> Outcome:
        """Judge a refusal and make the session ready for the next mail."""
        if code == 421 or not _agrees(connection, "RSET"):
            self._drop()
        return about_recipient(code, reply)

    def _verdict(self, connection: smtplib.SMTP) -> Outcome:
        """Wait for what the server says of the mail it now holds."""
        wire = connection.sock
        assert wire is not None
        wire.settimeout(self._dot_seconds)
        try:
            code, reply = hear(connection)
        except ConnectionLost:
            code, reply = 0, b""
        if code // 100 not in (2, 4, 5):
            self._drop()
            text = "mail server: no answer after the mail was handed over"
            return Outcome("unknown", text=text, about_channel=True)
        wire.settimeout(self._command_seconds)
        if code == 421:
            self._drop()
        return Outcome("accepted", code) if code // 100 == 2 else about_recipient(code, reply)

    def _is_alive(self) -> bool:
        """Tell whether there is a connection; one long idle is asked and, if dead, dropped."""
        if self._connection is None:
            return False
        idle = monotonic() - self._used_at > self._idle_seconds
        if idle and not _agrees(self._connection, "NOOP"):
            self._drop()
        return self._connection is not None

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _agrees(connection: smtplib.SMTP, command: str) -> bool:
    try:
        return say(connection, command)[0] == 250
    except ConnectionLost:
        return False
