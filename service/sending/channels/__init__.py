"""Open a channel by its URL: mail, chat or the drawer."""

from collections.abc import Sequence
from pathlib import Path

from service.network.wire import overheard
from service.sending.channels.channel import Channel, ChannelError, OutgoingMessage, SendResult
from service.sending.channels.chat import TOTAL_SECONDS, ChatChannel
from service.sending.channels.chat_url import room_at, service_of
from service.sending.channels.drawer import DrawerChannel
from service.sending.channels.private_networks import Network
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at

__all__ = [
    "CHAT",
    "DRAWER",
    "MAIL",
    "Channel",
    "ChannelError",
    "OutgoingMessage",
    "SendResult",
    "channel_in_words",
    "channel_kind",
    "open_channel",
    "open_connections",
    "overheard",
]
DRAWER, MAIL, CHAT = "drawer", "mail", "chat"
KINDS = {"drawer": DRAWER, "mailto": MAIL, "mailtos": MAIL}


def channel_kind(url: str) -> str:
    """Tell which kind of channel a URL names: drawer, mail or chat."""
    return KINDS.get(url.partition("://")[0].lower(), CHAT)


def channel_in_words(name: str, url: str, *, drawer: Path) -> str:
    """Say of which kind a channel is and where it leads, without a secret; raises ChannelError."""
    kind = channel_kind(url)
    if kind == DRAWER:
        return f"{DRAWER}, {drawer}"
    if kind == MAIL:
        server = server_at(name, url)
        return f"{MAIL}, {server.host}:{server.port}"
    return f"{CHAT}, {service_of(room_at(name, url, TOTAL_SECONDS), url)}"


def open_channel(
    name: str, url: str, *, drawer: Path, private_networks: Sequence[Network] = ()
) -> Channel:
    """Return the channel a URL names, without connecting yet; raises ChannelError.

    `drawer` is the folder of `drawer://`; chat may post into `private_networks`.
    """
    kind = channel_kind(url)
    if kind == DRAWER:
        if url.partition("://")[2]:
            raise ChannelError(f"channel '{name}': expected drawer:// and nothing behind it")
        return DrawerChannel(name, drawer)
    if kind == MAIL:
        return SmtpChannel(server_at(name, url))
    return ChatChannel(name, url, private_networks=private_networks)


def open_connections(
    name: str,
    url: str,
    *,
    drawer: Path,
    private_networks: Sequence[Network],
    mail_connections: int,
) -> list[Channel]:
    """Return the channel a URL names once for each connection it may have; as `open_channel`.

    One but for mail: the messages of a room are to be read in their order.
    """
    count = mail_connections if channel_kind(url) == MAIL else 1
    return [
        open_channel(name, url, drawer=drawer, private_networks=private_networks)
        for _ in range(count)
    ]
