"""Send every mail to one address instead of its reader: an installation that is tried out."""

import re
from html import escape

from msgspec.structs import replace

from service.sending.channels.channel import RCPT, Channel, OutgoingMessage, SendResult
from service.sending.channels.mime import AddressRefused, Sender, mailbox
from service.sending.channels.smtp_url import SmtpServer
from service.sending.templates.templates import RenderedMessage

BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)


def without_copies(server: SmtpServer) -> SmtpServer:
    """Give a mail server with a sender to whom nobody answers, and of whom nobody gets copies."""
    return replace(server, sender=Sender(server.sender.name, server.sender.mailbox))


class RedirectedMail:
    """Stand before a mail channel; what it hands on is for one address and nobody else."""

    form = "email"

    def __init__(self, channel: Channel, to: str) -> None:
        self._channel = channel
        self._to = to
        self.batch = channel.batch
        self.domain = channel.domain
        self.replies = False

    def fits(self, message: RenderedMessage) -> bool:
        """Take what the channel takes."""
        return self._channel.fits(message)

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Send it to the one address; for whom it was must be an address all the same.

        What a server says of the one address is not said of the reader's.
        """
        try:
            mailbox(outgoing.address or "")
        except AddressRefused as refused:
            return SendResult("permanent", status="5.1.3", text=f"address: {refused}")
        result = self._channel.send(redirected(outgoing, self._to))
        return replace(result, where="") if result.where == RCPT else result

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def redirected(outgoing: OutgoingMessage, to: str) -> OutgoingMessage:
    """Make of a mail one to another address that says whom it was for.

    Nothing in its head lets a program act for its reader.
    """
    return replace(
        outgoing,
        address=to,
        name=None,
        reply_to="",
        message=_marked(outgoing.message, outgoing.address or ""),
        unsubscribe=None,
    )


def _marked(message: RenderedMessage, reader: str) -> RenderedMessage:
    said = f"This mail was for {reader}; COURSEBELL_REDIRECT_ALL_TO is set."
    html = message.html
    if html is not None:
        begun = BODY.search(html)
        at = begun.end() if begun else 0
        html = f'{html[:at]}<p dir="ltr">{escape(said)}</p>{html[at:]}'
    subject, text = f"[for {reader}] {message.subject}", f"{said}\n\n{message.text}"
    return replace(message, subject=subject, text=text, html=html)
