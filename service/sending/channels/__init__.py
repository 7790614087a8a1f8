"""Open a channel by its URL: mail, chat or the drawer."""

from collections.abc import Sequence
from pathlib import Path

from service.network.wire import overheard
from service.sending.channels.channel import Channel, ChannelError, OutgoingMessage, SendResult
from service.sending.channels.chat import TOTAL_SECONDS, ChatChannel
from service.sending.channels.chat_url import room_at, service_of
from service.sending.channels.drawer import DrawerChannel
from service.sending.channels.private_networks import Network
from service.sending.channels.redirect import RedirectedMail, without_copies
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
    "overheard",
]
DRAWER, MAIL, CHAT = "drawer", "mail", "chat"
KINDS = {"drawer": DRAWER, "mailto": MAIL, "mailtos": MAIL}


def channel_kind(url: str) -> str:
    """Tell which kind of channel a URL names: drawer, mail or chat."""
    return KINDS.get(url.partition("://")[0].lower(), CHAT)


def channel_in_words(name: str, url: str, *, drawer: Path, redirects: bool = False) -> str:
    """Say of which kind a channel is and where it leads, without a secret; raises ChannelError.

    What `redirects` sends mail to one address, and what is for a room to the drawer.
    """
    kind = channel_kind(url)
    if kind == DRAWER:
        return f"{DRAWER}, {drawer}"
    if kind == MAIL:
        server = server_at(name, url)
        instead = ", all to COURSEBELL_REDIRECT_ALL_TO" if redirects else ""
        return f"{MAIL}, {server.host}:{server.port}{instead}"
    service = f"{CHAT}, {service_of(room_at(name, url, TOTAL_SECONDS), url)}"
    return f"{DRAWER} instead of {service}, {drawer}" if redirects else service


def open_channel(
    name: str,
    url: str,
    *,
    drawer: Path,
    private_networks: Sequence[Network] = (),
    redirect_to: str | None = None,
) -> Channel:
    """Return the channel a URL names, without connecting yet; raises ChannelError.

    `drawer` is the folder of `drawer://`; chat may post into `private_networks`. With
    `redirect_to` every mail goes to that address, and what is for a room to the drawer.
    """
    kind = channel_kind(url)
    if kind == DRAWER:
        if url.partition("://")[2]:
            raise ChannelError(f"channel '{name}': expected drawer:// and nothing behind it")
        return DrawerChannel(name, drawer)
    if kind == MAIL:
        server = server_at(name, url)
        if redirect_to is None:
            return SmtpChannel(server)
        return RedirectedMail(SmtpChannel(without_copies(server)), redirect_to)
    room = ChatChannel(name, url, private_networks=private_networks)
    return room if redirect_to is None else DrawerChannel(name, drawer)
