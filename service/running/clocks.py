"""Read the clocks, here alone for the service, and doubt the one that jumps."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Annotated

import msgspec

from service.ledger.private_files import replace_private_file
from service.network.wire import steady_clock
from service.rules.calendar import HOUR, MINUTE


def wall_clock() -> int:
    """Read the time in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class ClockDoubt(Exception):
    """Say why the wall clock cannot be trusted: letters are kept, everything else rests."""


JUMP_MS = 10 * MINUTE
SETTLED_MS = HOUR
"""How long a clock must go on evenly after a jump to be believed: longer than systemd-timesyncd
(2,048 s, timesyncd.conf(5)) and chrony (1,024 s, chrony.conf(5)) wait before they correct it."""
AGREED_MS = MINUTE
"""How long it must do so when something came in that happened about now by it."""
WORTH_KEEPING_MS = MINUTE
CLOCK_FILE = "clock.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


Moment = Annotated[int, msgspec.Meta(ge=0, lt=2**43)]
"""Ms until the year 2248: what is outside, in a damaged file, is no time that a ledger can hold."""


class ClockReading(msgspec.Struct, frozen=True):
    """Hold the wall clock beside the steady one, both in ms, and since which start of the machine.

    From one that could be trusted follows what the wall clock must show later.
    """

    wall: Moment
    steady: Moment
    boot: str = ""

    def carried_on(self, steady: int) -> int:
        """Say what the wall clock must show (ms) when the steady one shows this."""
        return self.wall + steady - self.steady


def clock_memory(folder: Path) -> ClockReading | None:
    """Read which reading of this start of the machine was trusted last; None if it is not known."""
    try:
        kept = msgspec.json.decode((folder / CLOCK_FILE).read_bytes(), type=ClockReading)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return kept if kept.boot and kept.boot == _boot() else None


def keep_in_memory(folder: Path, wall: int) -> bool:
    """Let what the wall clock shows (ms) be trusted in this folder.

    False where the system does not tell one start of the machine from another.
    """
    reading = ClockReading(wall, steady_clock(), _boot())
    replace_private_file(folder / CLOCK_FILE, msgspec.json.encode(reading))
    return bool(reading.boot)


def _boot() -> str:
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""


class Doubt(msgspec.Struct, frozen=True):
    """Say by how much (ms) the wall clock is ahead, and since when (ms, steady) it is just that.

    `agreed` when something came in that happened about now by it.
    """

    ahead: int
    since: int
    agreed: bool = False


class TrustedClock:
    """Give the time, to any thread, as far as the wall clock can be believed.

    While it is in doubt, the time before its jump is carried on by the steady clock, so that no
    wrong moment is ever written. A doubt ends when the clock is right again, when what comes in
    was told by the time it shows, when it has gone on evenly for an hour while nothing that came
    in spoke against it, or when a person says so. Small corrections are followed, ten minutes of
    them an hour.
    """

    def __init__(
        self,
        wall: Callable[[], int] = wall_clock,
        *,
        steady: Callable[[], int] = steady_clock,
        folder: Path | None = None,
    ) -> None:
        """Trust the clock, unless it disagrees with the memory in `folder`, if there is one."""
        self._wall, self._steady, self._folder = wall, steady, folder
        self._memory = clock_memory(folder) if folder else None
        self._trusted = self._memory or ClockReading(wall(), steady())
        self._doubt: Doubt | None = None
        self._lock = Lock()

    def __call__(self) -> int:
        """Give the time in ms since 1970 UTC."""
        return self.moments()[0]

    def moments(self) -> tuple[int, ...]:
        """Give the time and, while the wall clock shows another that may be right, that one."""
        with self._lock:
            now = ClockReading(self._wall(), self._steady())
            expected = self._look(now)
            return (now.wall,) if self._doubt is None else (expected, now.wall)

    def doubt(self) -> str | None:
        """Say why the wall clock cannot be trusted now; None while it can."""
        self.moments()
        found = self._doubt
        if found is None:
            return None
        side = "ahead of" if found.ahead > 0 else "behind"
        return (
            f"the clock is {abs(found.ahead) // 1000} seconds {side} what it must show; letters "
            "are kept, and nothing is decided or sent until it is right: set it right, or if it "
            "is right now, say so with `coursebell clock accept`; without a word it is believed "
            "after an hour, unless what comes in speaks against it"
        )

    def not_before(self, newest: int | None) -> None:
        """Doubt a clock behind the newest moment in the ledger (ms), if no memory speaks."""
        if self._memory is None and newest is not None and newest > self():
            self._trusted = ClockReading(newest, self._steady())

    def check(self) -> str | None:
        """Say why the clock is in doubt, a person's word heard; keep what is trusted in memory."""
        doubt = self.doubt()
        if self._folder is None:
            return doubt
        if doubt is None:
            self._remember(self._folder)
            return None
        kept = clock_memory(self._folder)
        if kept not in (None, self._memory):
            self._memory = self._trusted = kept or self._trusted
        return self.doubt()

    def _remember(self, folder: Path) -> None:
        kept, now = self._memory, ClockReading(self(), self._steady())
        if kept and abs(kept.carried_on(now.steady) - now.wall) < WORTH_KEEPING_MS:
            return
        with suppress(OSError):
            keep_in_memory(folder, now.wall)
        self._memory = clock_memory(folder) or now

    def hear(self, moments: Sequence[int]) -> None:
        """Weigh when events happened (ms UTC) that came in during a doubt.

        Senders have clocks of their own. What happened about now by the wall clock cannot have been
        told before if that is ahead; if it is behind, it may be old news. What happened about now
        or later by the time carried on speaks against the wall clock, which begins anew.
        """
        with self._lock:
            found, now = self._doubt, ClockReading(self._wall(), self._steady())
            if found is None:
                return
            expected = self._trusted.carried_on(now.steady)
            agrees = any(abs(at - now.wall) <= min(JUMP_MS, abs(at - expected)) for at in moments)
            if agrees and now.wall > expected:
                self._trusted = now
            elif any(at >= expected - JUMP_MS for at in moments):
                self._doubt = Doubt(found.ahead, since=now.steady)
            elif agrees:
                self._doubt = Doubt(found.ahead, found.since, agreed=True)

    def _look(self, now: ClockReading) -> int:
        """Compare the clocks; give what the wall clock must show."""
        expected = self._trusted.carried_on(now.steady)
        ahead, found = now.wall - expected, self._doubt
        if abs(ahead) <= JUMP_MS:
            self._doubt = None
            if now.steady - self._trusted.steady >= SETTLED_MS:
                self._trusted = now
        elif found is None or abs(ahead - found.ahead) > JUMP_MS:
            self._doubt = Doubt(ahead, since=now.steady)
        elif now.steady - found.since >= (AGREED_MS if found.agreed else SETTLED_MS):
            self._trusted, self._doubt = now, None
        return expected
