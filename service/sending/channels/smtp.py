"""Send e-mail: one kept SMTP connection, one recipient a mail, every reply code heard."""

import logging
import re
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic

from service.network.wire import ConnectionLost, Reply, SmtpSession, answers, hand_over, hear, say
from service.sending.channels.channel import RCPT, Kind, OutgoingMessage, SendResult
from service.sending.channels.mime import AddressRefused, Mailbox, mail_bytes, mailbox
from service.sending.channels.smtp_url import SmtpServer
from service.sending.templates.templates import RenderedMessage

log = logging.getLogger(__name__)

# RFC 3463; some servers put a hyphen or nothing after it.
ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
TEXT_MAX = 500

# Not about the recipient: the session or our account. 503 bad sequence; 530, 534, 535, 538
# authentication (RFC 4954 §6). Nobody's mail is given up because of our own configuration.
OURS = frozenset({421, 500, 502, 503, 530, 534, 535, 538})


def about_recipient(code: int, reply: bytes, where: str = "") -> SendResult:
    """Judge a reply to RCPT, DATA or the final dot: the enhanced code first, else the code."""
    (text, status), ours = _read(reply), code in OURS
    return SendResult(_kind(code, status), code, status, text=text, about_channel=ours, where=where)


def about_channel(code: int | None, reply: bytes | str, where: str) -> SendResult:
    """Judge a refusal at the greeting, EHLO, TLS, AUTH or MAIL FROM: always transient.

    It concerns every mail of the channel, so it is for the administrator to mend.
    """
    text, status = _read(reply.encode() if isinstance(reply, str) else reply)
    told = f"mail server, {where}: {text}"[:TEXT_MAX]
    return SendResult("transient", code, status, text=told, about_channel=True, where=where)


def _kind(code: int, status: str | None) -> Kind:
    if code in OURS:
        return "transient"
    decisive = status[0] if status and status[0] in "45" else str(code)[0]
    return "permanent" if decisive == "5" else "transient"


def _read(reply: bytes) -> tuple[str, str | None]:
    text = " ".join(reply.decode("utf-8", "replace").split())[:TEXT_MAX]
    match = ENHANCED.match(text)
    return text, match[1] if match else None


LOST = SendResult("transient", text="mail server: the connection was lost", about_channel=True)


class LostAtCopy(ConnectionLost):
    """Say that the server took the reader and ended the session at a cc or bcc."""


class ChannelRefused(Exception):
    """Say that the server refused us, not the recipient; `outcome` says how."""

    def __init__(self, outcome: SendResult) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


def _refusal(error: Exception, where: str) -> ChannelRefused:
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code if error.smtp_code > 0 else None
        place = where if code else f"{where}, no SMTP"
        return ChannelRefused(about_channel(code, error.smtp_error, place))
    return ChannelRefused(about_channel(None, str(error), f"{where}, {type(error).__name__}"))


def _agrees(session: SmtpSession, command: str) -> bool:
    """Send one command and tell whether the answer is a plain yes."""
    try:
        return say(session, command)[0] == 250
    except ConnectionLost:
        return False


def _refuses(replies: Iterable[Reply]) -> bool:
    """Tell whether nothing of this is agreed to: a server that waits for a mail hears no RSET."""
    try:
        return all(code != 354 for code, _ in replies)
    except ConnectionLost:
        return False


def _make_ready(session: SmtpSession, server: SmtpServer, tls: ssl.SSLContext) -> None:
    """Secure the session and log in. Raises SMTPException, OSError or ValueError."""
    session.ehlo_or_helo_if_needed()
    if server.security == "starttls":
        code, reply = session.starttls(context=tls)
        if code != 220:
            raise smtplib.SMTPResponseException(code, reply)
        session.ehlo_or_helo_if_needed()
    if server.login is not None:
        _log_in(session, *server.login)


def _log_in(session: SmtpSession, user: str, password: str) -> None:
    """Prove who we are; smtplib can in ASCII only, PLAIN in UTF-8 (RFC 4616 §2)."""
    if user.isascii() and password.isascii():
        session.login(user, password)
        return
    told = b64encode(f"\0{user}\0{password}".encode()).decode()
    code, reply = session.docmd("AUTH PLAIN", told)
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, reply)


def tls_for(server: SmtpServer) -> ssl.SSLContext:
    """Return how certificates are checked; making it takes 20 ms, so once per channel."""
    context = ssl.create_default_context()
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def opened(
    server: SmtpServer, tls: ssl.SSLContext, *, until: float, step_seconds: float
) -> SmtpSession:
    """Connect, secure and log in, in the times of SmtpSession. Raises ChannelRefused."""
    try:
        session = SmtpSession(
            server.host,
            server.port,
            until=until,
            step_seconds=step_seconds,
            tls=tls if server.security == "ssl" else None,
        )
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise _refusal(error, "connecting") from None
    try:
        _make_ready(session, server, tls)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        session.close()
        raise _refusal(error, "preparing the session") from None
    return session


COMMAND_SECONDS = 60.0
MESSAGE_SECONDS = 180.0
DOT_SECONDS = 600.0  # what a server may take to say what became of a mail (RFC 5321 §4.5.3.2.6)
IDLE_SECONDS = 20.0
QUIT_SECONDS = 5.0


class SmtpChannel:
    """Send mail over one connection, opened when needed and kept between mails.

    `command_seconds`: for a whole reply; `message_seconds`: for all of a message up to its final
    dot, a new connection included; `dot_seconds`: for the whole last reply; `idle_seconds`: after
    such a silence the connection is tried with NOOP first.
    """

    form = "email"
    batch = 50

    def __init__(
        self,
        server: SmtpServer,
        *,
        command_seconds: float = COMMAND_SECONDS,
        message_seconds: float = MESSAGE_SECONDS,
        dot_seconds: float = DOT_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.domain: str | None = server.sender.mailbox.domain
        self.replies = bool(server.sender.reply_to)
        self._server = server
        self._tls = tls_for(server)
        self._command_seconds = command_seconds
        self._message_seconds = message_seconds
        self._dot_seconds = dot_seconds
        self._idle_seconds = idle_seconds
        self._connection: SmtpSession | None = None
        self._used_at = self._until = 0.0

    def fits(self, message: RenderedMessage) -> bool:
        """Take words of any length: what a reader's program folds away it shows on request."""
        return True

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Send one mail; raises ValueError when an id of ours is none.

        Lost before its last byte is transient (on a kept connection a new one is tried first); lost
        after it is unknown.
        """
        try:
            recipient = mailbox(outgoing.address or "")
        except AddressRefused as refused:
            return SendResult("permanent", status="5.1.3", text=f"address: {refused}")
        mail = mail_bytes(outgoing, recipient, self._server.sender)
        copies = self._server.sender.copies_beside(recipient)
        self._until = monotonic() + self._message_seconds
        outcome = self._attempt(recipient, mail, copies) if self._is_alive() else None
        return outcome or self._attempt(recipient, mail, copies) or LOST

    def close(self) -> None:
        """Say QUIT if there is a connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.until = monotonic() + QUIT_SECONDS
            with suppress(smtplib.SMTPException, OSError, ValueError):
                connection.quit()
            connection.close()

    def _attempt(
        self, recipient: Mailbox, mail: bytes, copies: Sequence[Mailbox]
    ) -> SendResult | None:
        """Send over a connection; None when it was lost before the mail was out."""
        try:
            connection = self._connected()
            outcome = self._announced(connection, recipient, copies)
            if outcome is None:
                hand_over(connection, mail)
                outcome = self._verdict(connection)
        except ChannelRefused as refused:
            self._drop()
            return refused.outcome
        except LostAtCopy:
            self._drop()
            words = "the mail server ended the session at a cc or bcc; the mail goes without"
            log.warning(words, extra={"event": "channel.copies_lost"})
            return self._attempt(recipient, mail, ())
        except ConnectionLost:
            self._drop()
            return None
        self._used_at = monotonic()
        return outcome

    def _connected(self) -> SmtpSession:
        if self._connection is None:
            self._connection = opened(
                self._server, self._tls, until=self._until, step_seconds=self._command_seconds
            )
        return self._connection

    def _announced(
        self, connection: SmtpSession, recipient: Mailbox, copies: Sequence[Mailbox]
    ) -> SendResult | None:
        """Say MAIL, RCPT and DATA; return the reader's refusal if there is one."""
        sender = self._server.sender.mailbox
        utf8 = recipient.needs_utf8 or sender.needs_utf8
        if utf8 and not connection.has_extn("smtputf8"):
            text = "the mail server does not offer SMTPUTF8, which this address needs"
            return SendResult("permanent", status="5.6.7", text=text)
        connection.command_encoding = "utf-8" if utf8 else "ascii"
        parameters = " SMTPUTF8 BODY=8BITMIME" if utf8 else ""
        # With copies, DATA waits: it would be agreed to for their sake where the reader is refused.
        together = connection.has_extn("pipelining") and not copies
        envelope = [f"MAIL FROM:<{sender}>{parameters}", f"RCPT TO:<{recipient}>", "DATA"]
        replies = answers(connection, envelope, together=together)
        code, reply = next(replies)
        if code == 421:
            raise ConnectionLost
        if code != 250:
            raise ChannelRefused(about_channel(code, reply, "MAIL FROM"))
        code, reply = next(replies)
        if code not in (250, 251):
            unheard = replies if together else ()
            return self._refused(connection, (code, reply), at=RCPT, unheard=unheard)
        _announce_copies(connection, copies)
        code, reply = next(replies)
        return None if code == 354 else self._refused(connection, (code, reply), at="DATA")

    def _refused(
        self, connection: SmtpSession, said: Reply, at: str, unheard: Iterable[Reply] = ()
    ) -> SendResult:
        """Judge a refusal, and make the session ready for the next mail; else drop it.

        What is `unheard` is the answer to a DATA that was said with the refused RCPT.
        """
        code, reply = said
        if code == 421 or not _refuses(unheard) or not _agrees(connection, "RSET"):
            self._drop()
        return about_recipient(code, reply, at)

    def _verdict(self, connection: SmtpSession) -> SendResult:
        """Wait for what the server says of the mail it now holds."""
        connection.until = monotonic() + self._dot_seconds
        connection.step_seconds = self._dot_seconds
        try:
            code, reply = hear(connection)
        except ConnectionLost:
            code, reply = 0, b""
        if code // 100 not in (2, 4, 5):
            self._drop()
            text = "mail server: no answer after the mail was handed over"
            return SendResult("unknown", text=text, about_channel=True)
        connection.step_seconds = self._command_seconds
        if code == 421:
            self._drop()
        return SendResult("accepted", code) if code // 100 == 2 else about_recipient(code, reply)

    def _is_alive(self) -> bool:
        """Tell whether there is a connection; one long idle is asked and, if dead, dropped."""
        if self._connection is None:
            return False
        self._connection.until = self._until
        idle = monotonic() - self._used_at > self._idle_seconds
        if idle and not _agrees(self._connection, "NOOP"):
            self._drop()
        return self._connection is not None

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _announce_copies(session: SmtpSession, copies: Sequence[Mailbox]) -> None:
    """Name who gets a copy; the reader's mail leaves whether the server takes them or not."""
    for copy in copies:
        try:
            code, reply = say(session, f"RCPT TO:<{copy}>")
        except ConnectionLost as lost:
            raise LostAtCopy from lost
        if code == 421:
            raise LostAtCopy
        if code not in (250, 251):
            about = {"event": "channel.copy_refused", "code": code}
            words = _read(reply)[1] or code
            log.warning("the mail server refused a cc or bcc: %s", words, extra=about)
