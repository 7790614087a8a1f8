"""Open a channel by its URL: mail, chat or the drawer."""

from pathlib import Path

from service.sending.channels.channel import Channel, ChannelError, OutgoingMessage, SendResult
from service.sending.channels.chat import ChatChannel
from service.sending.channels.drawer import DrawerChannel
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at

__all__ = ["Channel", "ChannelError", "OutgoingMessage", "SendResult", "open_channel"]


def open_channel(name: str, url: str, *, drawer: Path) -> Channel:
    """Return the channel a URL names, without connecting yet; raises ChannelError.

    `drawer` is the folder of `drawer://`.
    """
    schema = url.partition("://")[0].lower()
    if schema == "drawer":
        return DrawerChannel(name, drawer)
    if schema in ("mailto", "mailtos"):
        return SmtpChannel(server_at(name, url))
    return ChatChannel(name, url)
