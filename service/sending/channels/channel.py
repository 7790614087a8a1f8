"""Define what a channel is: handed a message, it answers with a result."""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from service.sending.templates.templates import RenderedMessage

Kind = Literal["accepted", "permanent", "transient", "unknown"]
RCPT = "RCPT TO"
"""The step at which a mail server is asked about the reader's address."""


class SendResult(msgspec.Struct, frozen=True):
    """Say what became of one sending.

    `kind`: accepted; permanent: refused for good; transient: not delivered, try again;
    unknown: it may have arrived.
    `code`: the reply's code. `status`: the enhanced one (RFC 3463), `5.1.1`.
    `text`: the reply in words; may hold an address, so it belongs in an erasable table only.
    `retry_after`: seconds the other side asked us to wait.
    `about_channel`: the trouble is not the recipient's; the next message would meet it too.
    `where`: at which step that was, in words of ours: `connecting, TimeoutError`; or the kind of
    trouble itself.
    """

    kind: Kind
    code: int | None = None
    status: str | None = None
    text: str = ""
    retry_after: float | None = None
    about_channel: bool = False
    where: str = ""


class OutgoingMessage(msgspec.Struct, frozen=True):
    """Hold one message on its way to one recipient or room.

    `message_id`: `<…@domain>`, the same at every attempt. `address` and `name`: the recipient,
    None for a room. `thread`: the id every message about one enrolment refers to, `<…@domain>`.
    `sent_at`: aware; becomes the Date header. `unsubscribe`: a URL that one POST stops its kind by.
    """

    notification: str
    message_id: str
    address: str | None
    name: str | None
    message: RenderedMessage
    sent_at: datetime
    thread: str | None = None
    list_id: str | None = None
    unsubscribe: str | None = None


class Channel(Protocol):
    """Send messages. `form` is `email`, `chat` or `any`; `batch` is how many are claimed at once.

    `domain` is the sender's, for Message-IDs; None for a way out that has none. A channel is
    used by one thread at a time; `close` may come from another.
    """

    form: str
    batch: int
    domain: str | None

    def fits(self, message: RenderedMessage) -> bool:
        """Tell whether these words would reach their reader whole."""
        ...

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Send once. Never raises for what the other side or the network does."""
        ...

    def close(self) -> None:
        """Let go of connections; calling twice is harmless."""
        ...


class ChannelError(Exception):
    """Say that a channel's URL cannot be used, and what was expected; never the URL or a secret."""
