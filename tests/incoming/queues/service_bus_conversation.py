"""One client's connection to the peer: AMQP 1.0, spoken by proton's engine over asyncio."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from proton import Collector, Condition, Connection, Delivery, Event, Link, Message, Transport

from tests.incoming.queues.service_bus_requests import (
    LOST,
    Answer,
    encoded,
    manage,
    path_of,
    token_reply,
)
from tests.incoming.queues.service_bus_subscription import Subscription

SETTLED_BY_SENDER = 1
REQUESTS_AT_A_TIME = 1_000
OUTCOMES = {
    Delivery.ACCEPTED: "completed",
    Delivery.REJECTED: "rejected",
    Delivery.RELEASED: "released",
}


class House:
    """What all conversations share: the subscriptions by path, and how the peer behaves.

    A `mute` peer hears and says nothing. `latency` is added to all it says, in seconds.
    """

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.conversations: set[Conversation] = set()
        self.check: Callable[[str], Answer] = lambda _: Answer(202)
        self.may_listen = True
        self.mute = False
        self.latency = 0.0
        self._pumping: asyncio.Handle | None = None

    def pump(self) -> None:
        """Delivers what is ready to whoever waits for it, soon."""
        if self._pumping is None:
            self._pumping = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = None
        for conversation in self.conversations:
            conversation.pump()


class Conversation(asyncio.Protocol):
    """Accepts links, delivers, and settles as the house's subscriptions allow."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._connection, self._events = Connection(), Collector()
        self._connection.collect(self._events)
        self._engine = Transport(Transport.SERVER)
        self._engine.sasl().allowed_mechs("ANONYMOUS")
        self._engine.bind(self._connection)
        self._receivers: dict[Link, Subscription] = {}
        self._replies: dict[str, Link] = {}
        self._leaving: deque[bytes] = deque()

    def connection_made(self, wire: asyncio.BaseTransport) -> None:
        assert isinstance(wire, asyncio.Transport)
        self.wire = wire
        self._house.conversations.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """As in the service, locks stay until their time is over."""
        self._house.conversations.discard(self)
        self._receivers.clear()
        self._connection.free()

    def data_received(self, data: bytes) -> None:
        while data and not self._house.mute:
            size = min(max(self._engine.capacity(), 0), len(data))
            self._engine.push(data[:size])
            data = data[size:]
            self._work()
            if size == 0:
                return

    def pump(self) -> None:
        if self._house.mute:
            return
        for link, subscription in self._receivers.items():
            while link.credit > 0 and subscription.ready:
                _deliver(link, subscription)
        self._work()

    def _work(self) -> None:
        while event := self._events.peek():
            ANSWERS.get(event.type, _nothing)(self, event)
            self._events.pop()
        while (size := self._engine.pending()) > 0:
            said = self._engine.peek(size)
            self._engine.pop(len(said))
            self._say(bytes(said))
        if self._engine.closed:
            self.wire.close()

    def _say(self, said: bytes) -> None:
        if not self._house.latency:
            self.wire.write(said)
            return
        self._leaving.append(said)
        asyncio.get_running_loop().call_later(self._house.latency, self._say_next)

    def _say_next(self) -> None:
        if not self.wire.is_closing():
            self.wire.write(self._leaving.popleft())

    def _attach(self, link: Link) -> None:
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        link.snd_settle_mode = link.remote_snd_settle_mode
        link.rcv_settle_mode = link.remote_rcv_settle_mode
        path = path_of(_place(link))
        node, is_request = path.removesuffix("/$management"), path.endswith(("$cbs", "$management"))
        if is_request and link.is_receiver:
            link.flow(REQUESTS_AT_A_TIME)
        elif is_request:
            self._replies[path] = link
        elif not self._house.may_listen:
            return _refuse(link, "amqp:unauthorized-access", "'Listen' claim(s) are required.")
        elif node not in self._house.subscriptions:
            return _refuse(link, "amqp:not-found", "The messaging entity could not be found.")
        else:
            self._receivers[link] = self._house.subscriptions[node]
        link.open()
        return None

    def _flow(self, link: Link) -> None:
        subscription = self._receivers.get(link)
        if subscription is None:
            return
        while link.credit > 0 and subscription.ready:
            _deliver(link, subscription)
        if link.drain_mode and link.credit > 0:
            link.drained()

    def _detach(self, link: Link) -> None:
        self._receivers.pop(link, None)
        link.close()

    def _delivery(self, delivery: Delivery) -> None:
        if delivery.link.is_sender:
            if _settle(delivery):
                self._house.pump()
        elif delivery.readable and not delivery.partial:
            request = Message()
            request.decode(bytes(delivery.link.recv(delivery.pending)))
            delivery.link.advance()
            delivery.update(Delivery.ACCEPTED)
            delivery.settle()
            self._reply(path_of(_place(delivery.link)), request)

    def _reply(self, path: str, request: Message) -> None:
        if path == "$cbs":
            said = token_reply(request, self._house.check(str(request.body)))
        else:
            said = manage(request, self._house.subscriptions[path.removesuffix("/$management")])
        link = self._replies[path]
        delivery = link.delivery(str(request.id))
        link.stream(said.encode())
        delivery.settle()
        link.advance()


def _place(link: Link) -> str:
    """The address that a link is about."""
    return (link.remote_source if link.is_sender else link.remote_target).address or ""


def _refuse(link: Link, condition: str, text: str) -> None:
    link.condition = Condition(condition, text)
    link.open()
    link.close()


def _deliver(link: Link, subscription: Subscription) -> None:
    if link.snd_settle_mode == SETTLED_BY_SENDER:
        delivery = link.delivery(str(link.queued))
        link.stream(encoded(subscription.hand_over(), locked=False))
        delivery.settle()
        link.advance()
        return
    token, entry = subscription.deliver()
    delivery = link.delivery(token.bytes_le)
    delivery.lock = (subscription, token)
    link.stream(encoded(entry, locked=True))
    link.advance()


def _settle(delivery: Delivery) -> bool:
    """Echoes what the client decided, or says that its lock is lost; whether a message is back."""
    lock = getattr(delivery, "lock", None)
    if lock is None or not delivery.updated or not (delivery.remote_state or delivery.settled):
        return False
    subscription, token = lock
    delivery.lock = None
    abandoned = "abandoned" if delivery.remote.failed else "released"
    if subscription.settle(token, OUTCOMES.get(delivery.remote_state, abandoned)):
        delivery.update(delivery.remote_state)
    else:
        delivery.local.condition = Condition(LOST, "The lock supplied is invalid.")
        delivery.update(Delivery.REJECTED)
    delivery.settle()
    return bool(subscription.ready)


def _nothing(_: Conversation, __: Event) -> None:
    """Most events need no answer."""


ANSWERS: Mapping[Any, Callable[[Any, Any], None]] = {
    Event.CONNECTION_REMOTE_OPEN: lambda _, event: event.connection.open(),
    Event.CONNECTION_REMOTE_CLOSE: lambda _, event: event.connection.close(),
    Event.SESSION_REMOTE_OPEN: lambda _, event: event.session.open(),
    Event.SESSION_REMOTE_CLOSE: lambda _, event: event.session.close(),
    Event.LINK_REMOTE_OPEN: lambda self, event: self._attach(event.link),
    Event.LINK_REMOTE_CLOSE: lambda self, event: self._detach(event.link),
    Event.LINK_REMOTE_DETACH: lambda self, event: self._detach(event.link),
    Event.LINK_FLOW: lambda self, event: self._flow(event.link),
    Event.DELIVERY: lambda self, event: self._delivery(event.delivery),
}
