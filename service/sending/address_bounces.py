"""Hear what mail servers say of addresses: gone for good, or not to be reached for now."""

from collections.abc import Callable
from threading import Lock

from service.rules.calendar import HOUR, MINUTE
from service.sending.channels.channel import RCPT, SendResult

HARD_CODES = frozenset({550, 551, 553})
NO_SUCH_ADDRESS = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10"})
"""What is wrong with a reader's address (RFC 3463 §3.2, RFC 7505 §4.2).

The other codes of 5.1 are of the sender, or of no fault.
"""
RESTS_MS = (0, 5 * MINUTE, 25 * MINUTE, HOUR)
"""How long an address is left alone after so many soft bounces in a row; the last one repeats."""
SOFT_AT_MOST = 10_000
Suppress = Callable[[str, str, int], object]
"""Writes to an address no more, as a server said `550 5.1.1` at a moment."""


def hard_bounce(outcome: SendResult) -> str | None:
    """Give the codes by which a server says that there is no such reader; None if it does not."""
    refused = outcome.kind == "permanent" and outcome.where == RCPT
    if refused and outcome.code in HARD_CODES and outcome.status in NO_SUCH_ADDRESS:
        return f"{outcome.code} {outcome.status}"
    return None


class AddressBounces:
    """Suppress addresses that bounce for good; remember which have refused several for now.

    `rests` are until when (ms UTC) such an address is left alone. Told by any thread.
    """

    def __init__(self, suppress: Suppress) -> None:
        self.rests: dict[str, int] = {}
        self._suppress = suppress
        self._soft: dict[str, int] = {}
        self._lock = Lock()

    def hear(self, outcome: SendResult, address: str, at: int) -> None:
        """Hear what a try for an address came to; an outcome that says nothing of it is none."""
        if said := hard_bounce(outcome):
            self._suppress(address, said, at)
        elif outcome.kind == "accepted":
            self._forget(address)
        elif outcome.kind == "transient" and not outcome.about_channel:
            self._rest(address, at)

    def _rest(self, address: str, at: int) -> None:
        with self._lock:
            count = self._soft.pop(address, 0) + 1
            self._soft[address] = count
            self.rests[address] = at + RESTS_MS[min(count, len(RESTS_MS)) - 1]
            if len(self._soft) > SOFT_AT_MOST:
                oldest = next(iter(self._soft))
                del self._soft[oldest], self.rests[oldest]

    def _forget(self, address: str) -> None:
        with self._lock:
            self._soft.pop(address, None)
            self.rests.pop(address, None)
