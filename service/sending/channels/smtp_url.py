"""Read the URL of a mail server without repeating it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from service.sending.channels.apprise_plugin import asset, mail_plugin_at
from service.sending.channels.channel import ChannelError
from service.sending.channels.mime import AddressRefused, Sender, mailbox

EXPECTED = "mailtos://user:password@smtp.example.org?from=learning@example.org"


class SmtpServer(msgspec.Struct, frozen=True):
    """Name where mail goes out. `security` is `insecure`, `starttls` or `ssl`."""

    host: str
    port: int
    security: str
    verify: bool
    user: str | None
    password: str | None
    sender: Sender

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port}, {self.security})"


def server_at(name: str, url: str) -> SmtpServer:
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
    return SmtpServer(
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

# Not about the recipient: the session or our account. 503 bad sequence; 530, 534, 535, 538
# authentication (RFC 4954 §6). Nobody's mail is given up because of our own configuration.
