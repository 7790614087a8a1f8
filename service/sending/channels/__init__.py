"""The ways out: mail, chat, the drawer; opened by their URL."""

from pathlib import Path

from service.sending.channels.chat import ChatChannel
from service.sending.channels.drawer import Drawer
from service.sending.channels.smtp import SmtpChannel
from service.sending.channels.smtp_url import server_at
from service.sending.parcel import Channel, ChannelError, Outcome, Parcel

__all__ = ["Channel", "ChannelError", "Outcome", "Parcel", "open_channel"]


def open_channel(name: str, url: str, *, drawer: Path, form_hint: str | None = None) -> Channel:
    """Return the channel a URL names, without connecting yet.

    `drawer` is the folder of `drawer://`. `form_hint`: what the rules send to it, `email` or
    `chat`; another form is refused. Raises ChannelError.
    """
    channel = _channel(name, url, drawer)
    if form_hint is not None and channel.form not in ("any", form_hint):
        raise ChannelError(
            f"channel '{name}': expected one for {form_hint}, got one for {channel.form}"
        )
    return channel


def _channel(name: str, url: str, drawer: Path) -> Channel:
    schema = url.partition("://")[0].lower()
    if schema == "drawer":
        return Drawer(name, drawer)
    if schema in ("mailto", "mailtos"):
        return SmtpChannel(server_at(name, url))
    return ChatChannel(name, url)
