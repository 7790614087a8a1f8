"""Read the clocks, here alone for the service."""

import time

import msgspec

from service.rules.calendar import milliseconds


def wall_clock() -> int:
    """Read the time in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def monotonic_clock() -> int:
    """Read a clock that never jumps, in ms."""
    return time.monotonic_ns() // 1_000_000


class ClockDoubt(Exception):
    """Say why the wall clock cannot be trusted: reminders pause, everything else goes on."""


JUMP_MS = milliseconds("10m") or 0


class ClockReading(msgspec.Struct, frozen=True):
    """Hold the wall clock beside the monotonic one, both in ms."""

    wall: int
    monotonic: int


class ClockCheck:
    """Compare the wall clock with the monotonic one, and with the newest event at the start.

    While it says why not, no silence is asked about: a clock a day ahead would remind everyone.
    """

    def __init__(self, start: ClockReading, newest_event_at: int) -> None:
        self._start = start
        self._newest = newest_event_at

    def doubt(self, now: ClockReading) -> str | None:
        """Say why time rules pause; None while the clock can be trusted."""
        if now.wall < self._newest - JUMP_MS:
            return (
                "the clock is behind the newest event in the ledger; set the clock right, "
                "reminders go on by themselves"
            )
        drift = (now.wall - self._start.wall) - (now.monotonic - self._start.monotonic)
        if abs(drift) > JUMP_MS:
            return (
                f"the clock jumped by {drift // 1000} seconds while the service ran; "
                "set the clock right, or restart the service if it is right now"
            )
        return None
