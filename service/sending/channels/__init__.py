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
    schema, _, rest = url.partition("://")
    if schema.lower() == "drawer":
        if rest:
            raise ChannelError(f"channel '{name}': expected drawer:// and nothing behind it")
        return DrawerChannel(name, drawer)
    if schema.lower() in ("mailto", "mailtos"):
        return SmtpChannel(server_at(name, url))
    return ChatChannel(name, url)
