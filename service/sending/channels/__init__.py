"""The ways out: mail, chat, the drawer; opened by their URL."""

from pathlib import Path

from service.sending.channels.channel import Channel, ChannelError, Outcome, Parcel
from service.sending.channels.chat import ChatChannel
from service.sending.channels.drawer import Drawer
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at

__all__ = ["Channel", "ChannelError", "Outcome", "Parcel", "open_channel"]


def open_channel(name: str, url: str, *, drawer: Path) -> Channel:
    """Return the channel a URL names, without connecting yet; raises ChannelError.

    `drawer` is the folder of `drawer://`.
    """
    schema = url.partition("://")[0].lower()
    if schema == "drawer":
        return Drawer(name, drawer)
    if schema in ("mailto", "mailtos"):
        return SmtpChannel(server_at(name, url))
    return ChatChannel(name, url)
