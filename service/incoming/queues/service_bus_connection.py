"""Read the connection string, hold what is connected, and say in words what is wrong with it.

The SDK leaves sockets behind when a connection breaks, so it gets an event loop that knows them.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from threading import Event
from typing import Any, TypeVar, cast

LOOK_EVERY_SECONDS = 0.1
SETTING = "COURSEBELL_SERVICEBUS_"
ENTITY = "entitypath="
NOT_A_STRING = (
    "the connection string cannot be read; expected Endpoint=sb://…;SharedAccessKeyName=…;"
    "SharedAccessKey=…; copy it anew from the portal (Shared access policies) into "
    f"{SETTING}CONNECTION_STRING"
)
OTHER_TOPIC = (
    "the connection string is of a policy of another topic (EntityPath); expected one of this "
    f"topic or of the namespace; correct {SETTING}TOPIC or {SETTING}CONNECTION_STRING"
)
REFUSED = (
    "the key is refused; expected the connection string of a policy that may Listen, got one "
    "whose key is wrong, replaced or expired; copy it anew from the portal (Shared access "
    f"policies) into {SETTING}CONNECTION_STRING"
)
NOT_FOUND = (
    "there is no such topic or subscription; create it, or correct "
    f"{SETTING}TOPIC and {SETTING}SUBSCRIPTION"
)
NO_HOST = (
    "there is no such host; expected the host of a Service Bus namespace; "
    f"correct Endpoint in {SETTING}CONNECTION_STRING"
)
UNREACHABLE = (
    "the namespace does not answer; expected it at port 5671; check the network, the firewall "
    f"and the host in {SETTING}CONNECTION_STRING; it is tried again by itself"
)
ENDED = (
    "the connection ended and nobody says why; one message that cannot be decoded does that: look "
    "at the oldest in the portal (Service Bus Explorer); the others are read again by itself"
)

T = TypeVar("T")


class TrackingLoop(asyncio.SelectorEventLoop):
    """Know the connections that were opened in it."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: list[asyncio.BaseTransport] = []

    async def create_connection(self, *args: Any, **more: Any) -> Any:
        """Connect as any loop does, and remember the connection."""
        opened = await super().create_connection(*args, **more)
        self._opened.append(opened[0])
        return opened

    def hang_up(self) -> None:
        """Close every connection without a goodbye; those that are closed stay so."""
        for transport in self._opened:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()


def loop_of(runner: asyncio.Runner) -> TrackingLoop:
    """Give the loop of a runner that makes such loops."""
    return cast(TrackingLoop, runner.get_loop())


async def unless(
    stopping: Event, work: Coroutine[Any, Any, T], give_up: Callable[[], object]
) -> T | None:
    """Await the work; None when it was cut short because the service stops.

    `give_up` is called before it is cut short.
    """
    task = asyncio.create_task(work)
    while not (await asyncio.wait({task}, timeout=LOOK_EVERY_SECONDS))[0]:
        if stopping.is_set():
            give_up()
            task.cancel()
            await asyncio.wait({task})
            return None if task.cancelled() or task.exception() else task.result()
    return task.result()


async def at_once(
    do: Callable[[T], Coroutine[Any, Any, object]],
    things: Sequence[T],
    forgiven: type[Exception],
) -> int:
    """Do it to all things at the same time; return how many failed in the forgiven way.

    The first other failure ends the rest and is raised.
    """
    failed = 0

    async def one(thing: T) -> None:
        nonlocal failed
        try:
            await do(thing)
        except forgiven:
            failed += 1

    try:
        async with asyncio.TaskGroup() as group:
            for thing in things:
                group.create_task(one(thing))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return failed


def without_entity(connection_string: str, topic: str) -> tuple[str, bool]:
    """Take the EntityPath out of a string; tell whether it names another topic.

    The string of a topic's own policy has one, in the portal's spelling; case does not count.
    """
    parts = [part.strip() for part in connection_string.split(";")]
    paths = [part for part in parts if part.lower().startswith(ENTITY)]
    named = (path[len(ENTITY) :].strip("/ ").partition("/")[0] for path in paths)
    other = any(name.casefold() != topic.casefold() for name in named)
    return ";".join(part for part in parts if part not in paths), other


class ReceiverEnded(Exception):
    """Say that the SDK's receiver ended by itself, as it does on what it cannot decode."""


WORDS: Mapping[str, str] = {
    "ServiceBusAuthenticationError": REFUSED,
    "ServiceBusAuthorizationError": (
        "the policy may not listen; expected one with the right Listen, which is enough; "
        f"give it that right, or another policy's string to {SETTING}CONNECTION_STRING"
    ),
    "ReceiverEnded": ENDED,
    "MessagingEntityNotFoundError": NOT_FOUND,
    "MessagingEntityDisabledError": (
        "the topic or subscription is disabled; expected it to be active; enable it in the portal"
    ),
    "ServiceBusServerBusyError": "the namespace is too busy to answer; it is tried again by itself",
    "ServiceBusConnectionError": UNREACHABLE,
    "ServiceBusCommunicationError": UNREACHABLE,
    "OperationTimeoutError": UNREACHABLE,
    "TimeoutError": UNREACHABLE,
    "ValueError": UNREACHABLE,
}
"""By the name of the SDK's error; ValueError is its word for a receiver that has been closed."""

UNEXPECTED = "Handler failed"
LONGEST_REASON = 200
MOST_CAUSES = 10


def explain_service_bus_error(error: BaseException, where: str) -> str:
    """Say it in one line; of an unknown error, give the first line of its own."""
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"{where}: {NO_HOST}"
    if any(getattr(cause, "status_code", None) == 404 for cause in causes):
        return f"{where}: {NOT_FOUND}"  # so $cbs answers for an unknown topic, as if to a bad key
    name = type(error).__name__
    if name in WORDS:
        return f"{where}: {WORDS[name]}"
    if str(error).startswith(UNEXPECTED):
        return f"{where}: {ENDED}"
    reason = (str(error).splitlines() or [""])[0][:LONGEST_REASON]
    return f"{where}: cannot be read ({name}: {reason}); it is tried again by itself"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give the error and what lies behind it; the SDK wraps its own errors several times."""
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        error = getattr(error, "inner_exception", None) or error.__cause__ or error.__context__
