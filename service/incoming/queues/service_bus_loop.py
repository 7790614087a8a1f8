"""An event loop of its own for the SDK, which leaves sockets behind when a connection breaks."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from threading import Event
from typing import Any, TypeVar, cast

LOOK_EVERY_SECONDS = 0.1

T = TypeVar("T")


class Loop(asyncio.SelectorEventLoop):
    """Knows the connections that were opened in it."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: list[asyncio.BaseTransport] = []

    async def create_connection(self, *args: Any, **more: Any) -> Any:
        """As any loop, and remembers it."""
        opened = await super().create_connection(*args, **more)
        self._opened.append(opened[0])
        return opened

    def hang_up(self) -> None:
        """Closes every connection without a goodbye; those that are closed stay so."""
        for transport in self._opened:
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()


def loop_of(runner: asyncio.Runner) -> Loop:
    """The loop of a runner that makes such loops."""
    return cast(Loop, runner.get_loop())


async def unless(
    stopping: Event, work: Coroutine[Any, Any, T], give_up: Callable[[], object]
) -> T | None:
    """What the work gives or raises; None when it was cut short because the service stops.

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
    """Does it to all things at the same time; returns how many failed in the forgiven way.

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
