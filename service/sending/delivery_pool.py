"""Keep delivery workers for every channel the active rules name, as they change."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from service.learners.feed_subjects import FailingChannel
from service.sending.address_bounces import AddressBounces
from service.sending.channel_health import ChannelHealth
from service.sending.channels import Channel
from service.sending.channels.channel import MessageDefaults
from service.sending.delivery import ChannelTraffic, DeliveryWorker
from service.sending.domain_pace import DomainPace
from service.sending.planner import SendingContext
from service.sending.streams import OutcomeRecorder

WITHOUT_DOMAIN = "coursebell.localhost"
Opened = Mapping[str, Sequence[Channel]]
"""By the name of a channel, one for each of its connections."""
Recorded = Callable[[str], FailingChannel | None]
"""Gives how a channel failed, as the ledger has it."""


class DeliveryPool(Mapping[str, DeliveryWorker]):
    """Hold the workers in use; by the name of a channel, the one of its first connection."""

    def __init__(
        self,
        context: Callable[[], SendingContext],
        open_connections: Callable[[str, str], Sequence[Channel]],
        defaults: MessageDefaults,
        mails_per_domain: int | None,
        bounces: AddressBounces,
    ) -> None:
        """Give each worker a `context` of its own.

        The domain of `defaults` stands in every Message-ID, or else, where it is empty, the
        channel's own; `mails_per_domain` is how many mails a minute a channel sends to one domain,
        None for no such limit.
        """
        self._context = context
        self._open = open_connections
        self._defaults = defaults
        self._mails_per_domain = mails_per_domain
        self._bounces = bounces
        self._urls: dict[str, str] = {}
        self.in_use: dict[str, DeliveryWorker] = {}
        self.connections: dict[str, DeliveryWorker] = {}
        """The workers of all connections by their labels."""
        self._retired: list[DeliveryWorker] = []
        self.health: dict[str, ChannelHealth] = {}

    def __getitem__(self, name: str) -> DeliveryWorker:
        return self.in_use[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.in_use))

    def __len__(self) -> int:
        return len(self.in_use)

    def opened(self, urls: Mapping[str, str]) -> Opened:
        """Open channels for the URLs that are new or have changed; raises ChannelError."""
        changed = {name: url for name, url in urls.items() if self._urls.get(name) != url}
        return {name: self._open(name, url) for name, url in changed.items()}

    def use(self, urls: Mapping[str, str], opened: Opened) -> None:
        """Retire what is not among `urls` any more and begin with what was `opened`.

        A retired worker finishes the message that its thread may be sending.
        """
        gone = {name for name in self.in_use if name in opened or name not in urls}
        retiring = [each for each in self.connections.values() if each.name in gone]
        for worker in retiring:
            worker.retired = True
            del self.connections[worker.label]
        self._retired = [each for each in [*self._retired, *retiring] if not each.closed]
        for name in gone:
            del self.in_use[name]
        self._urls = dict(urls)
        for name, channels in opened.items():
            workers = self._workers(name, channels)
            self.in_use[name] = workers[0]
            self.connections |= {each.label: each for each in workers}

    def tend(
        self, names: Iterable[str], held: Collection[str], recorded: Recorded, now: int
    ) -> None:
        """Keep the health of these channels, and of no others, from what is `recorded` on."""
        known = {name: self.health.get(name) or ChannelHealth() for name in names}
        for name, health in known.items():
            health.recover(recorded(name))
            health.hold(name in held, now)
        self.health = known

    def take_over(self, now: int) -> None:
        """End the attempts that a dead worker left open."""
        for delivery in self.in_use.values():
            delivery.take_over(now)

    def close(self) -> None:
        """Record what became of messages, and let go of every channel.

        Where the ledger is away nobody waits for it a second time.
        """
        away = False
        for delivery in [*self.connections.values(), *self._retired]:
            away = not delivery.close(settling=not away) or away

    def _workers(self, name: str, channels: Sequence[Channel]) -> list[DeliveryWorker]:
        channel = channels[0]
        domain = self._defaults.domain or channel.domain or WITHOUT_DOMAIN
        defaults = replace(
            self._defaults, domain=domain, fits=channel.fits, replies=channel.replies
        )
        recorder = OutcomeRecorder(self._context().streams)
        health = self.health.setdefault(name, ChannelHealth())
        traffic = ChannelTraffic(
            name, recorder, health, bounces=self._bounces, connections=len(channels)
        )
        if channels[0].form == "email" and self._mails_per_domain is not None:
            traffic.pace = DomainPace(self._mails_per_domain)
        return [
            DeliveryWorker(traffic, number, channel, context=self._context(), defaults=defaults)
            for number, channel in enumerate(channels, start=1)
        ]
