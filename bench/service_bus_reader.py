"""A reader of messages: `python -m bench.service_bus_reader HOW STRING NAME COUNT FOLDER`."""

import asyncio
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusReceiveMode
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from service.incoming.letters import Letters
from service.incoming.queues.service_bus import (
    MESSAGES_PER_COMMIT,
    TURN_SECONDS,
    ServiceBusConsumer,
)
from service.ledger.sqlite.sqlite_store import SqliteStore

TOPIC = "MCTEvents"
FEW = 20
"""In a batch that is completed one by one."""

Round = Callable[[], int]
Settle = Callable[[ServiceBusReceiver, list[ServiceBusReceivedMessage]], Awaitable[object]]


def rate(round_: Round, count: int) -> float:
    """Messages a second; the first round, which connects, is left out."""
    done = first = round_()
    begun = time.perf_counter()
    while done < count:
        done += round_()
    return (done - first) / (time.perf_counter() - begun)


def kept(string: str, name: str, count: int, folder: Path) -> float:
    """Through the service's own queue, onto disk."""
    ledger = SqliteStore(folder / f"{name}-{time.monotonic_ns()}.db")
    letters, stopping = Letters(ledger), threading.Event()
    bus = ServiceBusConsumer(
        "community-training", string, TOPIC, name, lambda _: True,
        lambda arrivals, _: letters.keep(arrivals), lambda: time.time_ns() // 1_000_000,
    )  # fmt: skip
    try:
        return rate(lambda: bus.carry(stopping), count)
    finally:
        bus.close()
        ledger.close()


def bare(string: str, name: str, count: int, mode: ServiceBusReceiveMode, settle: Settle) -> float:
    """The SDK alone, in the same batches and with the same turns; everything is thrown away."""
    batch = FEW if settle is in_turn else MESSAGES_PER_COMMIT
    client = ServiceBusClient.from_connection_string(string)
    receiver = client.get_subscription_receiver(
        TOPIC, name, receive_mode=mode, socket_timeout=TURN_SECONDS
    )

    async def round_() -> int:
        messages = await receiver.receive_messages(batch, 1)
        await settle(receiver, messages)
        return len(messages)

    with asyncio.Runner() as runner:
        found = rate(lambda: runner.run(round_()), count)
        runner.run(receiver.close())
    return found


async def together(receiver: ServiceBusReceiver, messages: list[ServiceBusReceivedMessage]) -> None:
    await asyncio.gather(*(receiver.complete_message(message) for message in messages))


async def in_turn(receiver: ServiceBusReceiver, messages: list[ServiceBusReceivedMessage]) -> None:
    for message in messages:
        await receiver.complete_message(message)


async def not_at_all(_: ServiceBusReceiver, __: list[ServiceBusReceivedMessage]) -> None:
    """Who deletes on receiving has nothing to settle."""


def main(how: str, string: str, name: str, count: int, folder: Path) -> None:
    """Says how many messages a second it read."""
    lock, delete = ServiceBusReceiveMode.PEEK_LOCK, ServiceBusReceiveMode.RECEIVE_AND_DELETE
    if how == "kept":
        print(kept(string, name, count, folder))
    elif how == "deleted":
        print(bare(string, name, count, delete, not_at_all))
    else:
        print(bare(string, name, count, lock, together if how == "completed" else in_turn))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5]))
