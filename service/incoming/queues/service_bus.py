"""Consume an Azure Service Bus subscription; a message is completed once it is on disk.

Messages are locked for us (peek-lock), kept in one commit, and completed together. The service
answers each completion, so one after the other costs a round trip each: with one of 25 ms, 36
messages a second, and 850 when a batch of 200 is completed at once (`python -m bench service-bus`).
Therefore the SDK's async client, in an event loop that runs only inside `carry`; its sync client
gains nothing from threads (31 a second with 32 of them). The SDK waits for answers in turns of
`socket_timeout`, and the last turn of a batch is always waited out: on this machine 690 a second
with its own 0.2 s, 1,320 with 0.05 s; below 0.02 s the turns end before the answers come.

Locks are renewed by us, one after the other, and only while a commit takes long. The SDK's renewer
has a task for each message, and two of its requests at a time break the connection: both get the
same delivery id (measured with 7.15.0). So everything but settling is asked one by one.

A message whose AMQP the SDK cannot decode never reaches us, and nobody can settle it: the service
counts its deliveries and puts it away. What was delivered beside it cannot be settled either, so
after such an end messages are asked for one at a time, for longer than any lock (at most 5
minutes). Any other content is kept and completed.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from threading import Event
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError

from service.incoming.queues.consumer import Keep, QueueError
from service.incoming.queues.service_bus_connection import (
    NOT_A_STRING,
    OTHER_TOPIC,
    ReceiverEnded,
    TrackingLoop,
    at_once,
    explain_service_bus_error,
    loop_of,
    unless,
    without_entity,
)
from service.incoming.queues.service_bus_messages import MessageKeeper, until_renewal

MESSAGES_PER_COMMIT = 200
FIRST_MESSAGES = 10
"""Asked for before any was completed: a service that dies with a batch in hand, again and again,
costs each message of it a delivery."""
RECEIVE_SECONDS = 1.0
TURN_SECONDS = 0.05
OPEN_SECONDS = 20.0
SETTLE_SECONDS = 10.0
SILENT_SECONDS = 30.0
CAREFUL_SECONDS = 300.0
ANSWER_SECONDS = 10.0
CLOSE_SECONDS = 1.5
PAUSE_SECONDS = (1.0, 30.0)

Messages = list[ServiceBusReceivedMessage]
Settle = Callable[[ServiceBusReceivedMessage], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)
# What it logs it also raises, and we say it once and in words; of a broken connection it would
# write a traceback for every message in hand.
logging.getLogger("azure.servicebus").setLevel(logging.CRITICAL)


class ServiceBusConsumer:
    """Consume one subscription; a connection lives from the first `carry` to the first trouble."""

    name = "service-bus"

    def __init__(
        self,
        source: str,
        connection_string: str,
        topic: str,
        subscription: str,
        wants: Callable[[bytes], bool],
        keep: Keep,
        clock: Callable[[], int],
    ) -> None:
        """Connect to nothing; raises QueueError for a connection string that is none.

        `clock` gives ms since 1970.
        """
        self.source = source
        self._keeper = MessageKeeper(source, wants, keep, clock)
        self._clock = clock
        self._string = connection_string
        self._names = (topic, subscription)
        self._where = f"topic {topic}, subscription {subscription}"
        self._where += f" at {self._client_and_receiver()[0].fully_qualified_namespace}"
        self._runner: asyncio.Runner | None = None
        self._links = AsyncExitStack()
        self._receiver: ServiceBusReceiver | None = None
        self._heard_at = self._careful_until = 0.0
        self._pause = 0.0
        self._current = False
        self._proven = False

    def carry(self, stopping: Event) -> int:
        """Do one round, as the protocol says; after a trouble wait before, longer each time."""
        if stopping.wait(self._pause):
            return 0
        try:
            self._keeper.recover()
            self._runner = self._runner or asyncio.Runner(loop_factory=TrackingLoop)
            carried = self._runner.run(self._round(stopping))
        except BaseException:
            self._pause = min(max(PAUSE_SECONDS[0], 2 * self._pause), PAUSE_SECONDS[1])
            self.close()
            raise
        self._pause = 0.0
        return carried

    def is_current(self) -> bool:
        """Tell whether the last look found less than was asked for, and no trouble since."""
        return self._current

    def close(self) -> None:
        """Leave the subscription; a later `carry` would come back. Twice is harmless."""
        self._current = False
        runner, self._runner = self._runner, None
        if runner is None:
            return
        try:
            runner.run(self._disconnect())
        finally:
            loop_of(runner).hang_up()
            runner.close()

    async def _round(self, stopping: Event) -> int:
        count = MESSAGES_PER_COMMIT if self._proven else FIRST_MESSAGES
        if time.monotonic() < self._careful_until:
            count = 1
        messages = await unless(stopping, self._received(count), self._give_up)
        if messages is None:
            return 0
        if messages:
            await self._bring(messages)
            self._proven = True
        self._current = len(messages) < count
        return len(messages)

    async def _received(self, count: int) -> Messages:
        try:
            return await self._received_from(self._receiver or await self._connect(), count)
        except Exception as error:
            if type(error) in (ServiceBusError, ReceiverEnded):
                self._careful_until = time.monotonic() + CAREFUL_SECONDS
            raise QueueError(explain_service_bus_error(error, self._where)) from error

    async def _received_from(self, receiver: ServiceBusReceiver, count: int) -> Messages:
        """Receive messages, or none after a while; of a dead service the SDK says no more."""
        asked_at = time.monotonic()
        async with asyncio.timeout(ANSWER_SECONDS):  # the SDK's own is by the wall clock
            messages = await receiver.receive_messages(count, RECEIVE_SECONDS)
        now = time.monotonic()
        if messages:
            self._heard_at = now
        elif now - asked_at < RECEIVE_SECONDS / 2:
            raise ReceiverEnded
        elif now - self._heard_at >= SILENT_SECONDS:
            await receiver.peek_messages(1, timeout=ANSWER_SECONDS)
            self._heard_at = time.monotonic()
        return messages

    async def _bring(self, messages: Messages) -> None:
        """Keep, then complete; abandon when the store cannot commit, so that others may try."""
        assert self._receiver is not None
        try:
            await self._kept(messages)
        except BaseException:
            with suppress(Exception):  # what is not abandoned comes back when its lock ends
                await self._settle(self._receiver.abandon_message, messages)
            raise
        try:
            lost = await self._settle(self._receiver.complete_message, messages)
        except Exception as error:
            raise QueueError(explain_service_bus_error(error, self._where)) from error
        if lost:
            log.warning(
                "%s: the locks of %d kept messages were lost before these were completed; they "
                "come again and are recognized; expected a lock duration longer than a commit, "
                "and the right time on this machine's clock",
                self._where, lost, extra={"event": "queue.locks_lost", "messages": lost},
            )  # fmt: skip

    async def _settle(self, settle: Settle, messages: Messages) -> int:
        """Settle all of them at once; return how many locks were lost before."""
        async with asyncio.timeout(SETTLE_SECONDS):
            return await at_once(settle, messages, MessageLockLostError)

    async def _kept(self, messages: Messages) -> None:
        committing = asyncio.create_task(asyncio.to_thread(self._keeper.keep, messages))
        seconds: float | None = until_renewal(messages[0], self._clock())
        while not (await asyncio.wait({committing}, timeout=seconds))[0]:
            well = await self._renew(messages, committing.done)
            seconds = until_renewal(messages[0], self._clock()) if well else None
        await committing

    async def _renew(self, messages: Messages, enough: Callable[[], bool]) -> bool:
        """Renew one lock after the other until it is enough; false when there is no use in it."""
        assert self._receiver is not None
        for message in messages:
            if enough():
                break
            try:
                await self._receiver.renew_message_lock(message, timeout=SETTLE_SECONDS)
            except MessageLockLostError:
                continue
            except Exception as error:
                reason = explain_service_bus_error(error, self._where)
                log.warning("%s", reason, extra={"event": "queue.lock_not_renewed"})
                return False
        return True

    def _client_and_receiver(self) -> tuple[ServiceBusClient, ServiceBusReceiver]:
        topic, subscription = self._names
        string, other = without_entity(self._string, topic)
        if other:
            raise QueueError(f"{self._where}: {OTHER_TOPIC}")
        try:
            client = ServiceBusClient.from_connection_string(
                string, retry_total=0, try_timeout=OPEN_SECONDS
            )
            return client, client.get_subscription_receiver(
                topic, subscription, socket_timeout=TURN_SECONDS
            )
        except ValueError:
            raise QueueError(f"{self._where}: {NOT_A_STRING}") from None

    async def _connect(self) -> ServiceBusReceiver:
        client, receiver = self._client_and_receiver()
        await self._links.enter_async_context(client)
        self._receiver = await self._links.enter_async_context(receiver)
        self._heard_at = time.monotonic()
        return self._receiver

    def _give_up(self) -> None:
        """Hang up while connecting: the SDK forgets a connection whose opening is cut short."""
        if self._receiver is None and self._runner is not None:
            loop_of(self._runner).hang_up()

    async def _disconnect(self) -> None:
        self._receiver = None
        links, self._links = self._links, AsyncExitStack()
        with suppress(Exception):  # who does not answer is left without a goodbye
            async with asyncio.timeout(CLOSE_SECONDS):
                await links.aclose()
