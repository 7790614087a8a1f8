"""Keep a delivery worker for every channel the active rules name, as they change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from service.sending.channels import Channel, Network, open_channel
from service.sending.delivery import DeliveryWorker
from service.sending.planner import MessageDefaults, SendingContext

WITHOUT_DOMAIN = "coursebell.localhost"


class DeliveryPool(Mapping[str, DeliveryWorker]):
    """Hold the workers in use, by the name of their channel."""

    def __init__(
        self,
        context: Callable[[], SendingContext],
        drawer: Path,
        mail_domain: str | None,
        watch_link: Callable[[str, str], str] | None,
        private_networks: Sequence[Network],
    ) -> None:
        """Give each worker a `context` of its own.

        `mail_domain` stands in every Message-ID, or else the channel's own; chat may post into
        `private_networks`.
        """
        self._context = context
        self._open = partial(open_channel, drawer=drawer, private_networks=private_networks)
        self._mail_domain = mail_domain
        self._watch_link = watch_link
        self._urls: dict[str, str] = {}
        self.in_use: dict[str, DeliveryWorker] = {}
        self._retired: list[DeliveryWorker] = []

    def __getitem__(self, name: str) -> DeliveryWorker:
        return self.in_use[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.in_use))

    def __len__(self) -> int:
        return len(self.in_use)

    def opened(self, urls: Mapping[str, str]) -> dict[str, Channel]:
        """Open channels for the URLs that are new or have changed; raises ChannelError."""
        changed = {name: url for name, url in urls.items() if self._urls.get(name) != url}
        return {name: self._open(name, url) for name, url in changed.items()}

    def use(self, urls: Mapping[str, str], opened: Mapping[str, Channel]) -> None:
        """Retire what is not among `urls` any more and begin with what was `opened`.

        A retired delivery finishes the message that its thread may be sending.
        """
        for name in [name for name in self.in_use if name in opened or name not in urls]:
            delivery = self.in_use.pop(name)
            delivery.retired = True
            self._retired.append(delivery)
        self._urls = dict(urls)
        for name, channel in opened.items():
            self.in_use[name] = self._delivery(name, channel)

    def take_over(self, now: int) -> None:
        """End the attempts that a dead worker left open."""
        for delivery in self.in_use.values():
            delivery.take_over(now)

    def close(self) -> None:
        """Let go of every channel."""
        for delivery in [*self.in_use.values(), *self._retired]:
            delivery.close()

    def _delivery(self, name: str, channel: Channel) -> DeliveryWorker:
        domain = self._mail_domain or channel.domain or WITHOUT_DOMAIN
        defaults = MessageDefaults(domain, fits=channel.fits, watch_link=self._watch_link)
        return DeliveryWorker(name, channel, context=self._context(), defaults=defaults)
