"""Define what a channel is: handed a message, it answers with a result."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from service.learners.signed_links import Links
from service.rules.rule import Rule
from service.sending.templates.fitting import Fits, anything
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
    `sender` and `reply_to`: the sender's name and where answers go, if the channel's URL does not
    say so.
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
    sender: str = ""
    reply_to: str = ""


class MessageDefaults(msgspec.Struct, frozen=True):
    """Hold what every message by one channel has in common.

    `domain` stands in every Message-ID; `timezone` is for people whose zone is not known.
    `fits` tells which words the channel takes whole, `replies` whether it says where answers go.
    `rules` are those that are active, by id; `sent_at` tells when notifications were sent. `links`
    make the links by which one reader asks and chooses.
    """

    domain: str
    timezone: str = "UTC"
    fits: Fits = anything
    replies: bool = False
    rules: Mapping[str, Rule] = {}
    sent_at: Callable[[Sequence[str]], Sequence[int]] = lambda _: ()
    links: Links | None = None


class Channel(Protocol):
    """Send messages. `form` is `email`, `chat` or `any`; `batch` is how many are claimed at once.

    `domain` is the sender's, for Message-IDs; None for a way out that has none. `replies` tells
    whether its URL says where answers go. A channel is used by one thread at a time; `close` may
    come from another.
    """

    form: str
    batch: int
    domain: str | None
    replies: bool

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
