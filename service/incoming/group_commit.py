"""Commit letters that arrive together in one transaction, and answer each once it is on disk."""

import asyncio
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from service.incoming.letter import Arrival

LETTERS_PER_COMMIT = 512
LETTERS_QUEUED = 4096
BYTES_QUEUED = 64 * 1024 * 1024
COMMIT_SECONDS = 4.0

log = logging.getLogger(__name__)


class StoreBusy(Exception):
    """Say that there was no commit in time: the letter may still get to disk."""


class StoreFailed(Exception):
    """Say that the store refused: the letter is not on disk."""


class LetterStore(Protocol):
    """Put letters on disk, all or none of them."""

    def keep(self, arrivals: Sequence[Arrival]) -> list[int]:
        """Return a receipt for each, in order, once they are on disk."""
        ...


class PendingArrival(NamedTuple):
    """Hold an arrival and who waits for its receipt."""

    arrival: Arrival
    receipt: asyncio.Future[int]


class GroupCommit:
    """Commit, in one thread, whatever came while the commit before it ran: no timer.

    To be used from one event loop.
    """

    def __init__(
        self,
        letters: LetterStore,
        *,
        commit_seconds: float = COMMIT_SECONDS,
        capacity: int = LETTERS_QUEUED,
        capacity_bytes: int = BYTES_QUEUED,
    ) -> None:
        """Start the thread; `commit_seconds` is how long a letter may wait for its commit."""
        self._letters = letters
        self._commit_seconds = commit_seconds
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._queued = 0
        self._queued_bytes = 0
        self._closed = False
        self._failing = False
        self._queue: queue.SimpleQueue[PendingArrival | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="postbox", daemon=True)
        self._thread.start()

    async def post(self, arrival: Arrival) -> int:
        """Return the receipt once the letter is on disk; raises StoreBusy or StoreFailed."""
        if self._closed:
            raise StoreBusy("the service is stopping; send the letter again")
        if self._queued >= self._capacity or self._queued_bytes >= self._capacity_bytes:
            raise StoreBusy("too many letters wait for the disk; send this one again later")
        loop = asyncio.get_running_loop()
        posted = PendingArrival(arrival, loop.create_future())
        self._queued += 1
        self._queued_bytes += len(arrival.body)
        self._queue.put(posted)
        deadline = loop.call_later(self._commit_seconds, _too_late, posted.receipt)
        try:
            return await posted.receipt
        finally:
            deadline.cancel()

    def close(self) -> None:
        """Commit what is queued and ends the thread; call it when the door is shut.

        Blocks for `commit_seconds` at most: by then every sender has its answer. Twice is harmless.
        """
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join(self._commit_seconds)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch = self._gather()
            stopping = batch[-1] is None
            self._commit([posted for posted in batch if posted])

    def _gather(self) -> list[PendingArrival | None]:
        """Wait for one letter, then take what else is there; None at the end means stop.

        The commit that runs is the timer: the more letters came meanwhile, the more share the
        next fsync, and a lone one waits for nobody. Databases that wait a set time instead
        (https://www.postgresql.org/docs/current/runtime-config-wal.html, commit_delay) slow it.
        """
        batch = [self._queue.get()]
        while batch[-1] and len(batch) < LETTERS_PER_COMMIT and not self._queue.empty():
            batch.append(self._queue.get())
        return batch

    def _commit(self, batch: Sequence[PendingArrival]) -> None:
        """Leave out the letters whose senders have been told to repeat them."""
        wanted = [posted for posted in batch if not posted.receipt.done()]
        receipts: list[int] = []
        try:
            if wanted:
                receipts = self._letters.keep([posted.arrival for posted in wanted])
                self._well()
        except Exception as error:  # every store has its own; the sender repeats
            self._trouble(error, len(wanted))
        self._tell(batch, dict(zip(map(id, wanted), receipts, strict=False)))

    def _trouble(self, error: Exception, letters: int) -> None:
        """Say the first time that the store fails: senders repeat, and would fill the log."""
        if not self._failing:
            self._failing = True
            log.error(
                "letters are not on disk: %s; their senders are told to repeat them",
                type(error).__name__,
                exc_info=error,
                extra={"event": "door.store_failed", "letters": letters},
            )

    def _well(self) -> None:
        if self._failing:
            self._failing = False
            log.info("letters are on disk again", extra={"event": "door.store_well"})

    def _tell(self, batch: Sequence[PendingArrival], receipts: Mapping[int, int]) -> None:
        if batch:
            loop = batch[0].receipt.get_loop()
            with suppress(RuntimeError):  # the loop has ended: nobody waits for these receipts
                loop.call_soon_threadsafe(self._hand_out, batch, receipts)

    def _hand_out(self, batch: Sequence[PendingArrival], receipts: Mapping[int, int]) -> None:
        self._queued -= len(batch)
        for posted in batch:
            self._queued_bytes -= len(posted.arrival.body)
            if posted.receipt.done():
                continue
            if id(posted) in receipts:
                posted.receipt.set_result(receipts[id(posted)])
            else:
                posted.receipt.set_exception(
                    StoreFailed("the letter is not on disk; send it again")
                )


def _too_late(receipt: asyncio.Future[int]) -> None:
    if not receipt.done():
        receipt.set_exception(StoreBusy("no commit in time; send the letter again"))
