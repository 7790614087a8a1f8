"""Open the channels of an installation as its settings say: whatever leaves, leaves by these."""

from collections.abc import Callable
from functools import partial

from service.learners.signed_links import Links
from service.sending.address_bounces import AddressBounces, Suppress
from service.sending.channels import (
    MAIL,
    Channel,
    channel_in_words,
    channel_kind,
    open_channel,
)
from service.sending.channels.channel import MessageDefaults
from service.sending.delivery_pool import DeliveryPool
from service.sending.planner import SendingContext
from service.settings import Settings

REDIRECTED = (
    "every mail goes to the address of COURSEBELL_REDIRECT_ALL_TO instead of its reader, and what "
    "is for a chat goes to the drawer"
)


def open_way(name: str, url: str, chosen: Settings) -> Channel:
    """Return the channel a URL names, without connecting yet; raises ChannelError."""
    return open_channel(
        name,
        url,
        drawer=chosen.drawer,
        private_networks=chosen.chat_private_networks,
        redirect_to=chosen.redirect_all_to,
    )


def open_connections(name: str, url: str, chosen: Settings) -> list[Channel]:
    """Return the channel a URL names once for each connection it may have; as `open_way`.

    One but for mail: the messages of a room are to be read in their order.
    """
    count = chosen.email_connections if channel_kind(url) == MAIL else 1
    return [open_way(name, url, chosen) for _ in range(count)]


def way_in_words(name: str, url: str, chosen: Settings) -> str:
    """Say of which kind a channel is and where it leads; raises ChannelError."""
    redirects = chosen.redirect_all_to is not None
    return channel_in_words(name, url, drawer=chosen.drawer, redirects=redirects)


def delivery_pool(
    chosen: Settings,
    context: Callable[[], SendingContext],
    links: Links | None,
    suppress: Suppress,
) -> DeliveryPool:
    """Make the workers for all ways out; none is open yet."""
    return DeliveryPool(
        context,
        open_connections=partial(open_connections, chosen=chosen),
        defaults=MessageDefaults(chosen.mail_domain or "", links=links),
        mails_per_domain=chosen.email_per_domain,
        bounces=AddressBounces(suppress),
    )
