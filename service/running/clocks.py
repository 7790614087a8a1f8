"""Clocks: the one place that reads them for the service."""

import time


def wall_clock() -> int:
    """Now in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def monotonic_clock() -> int:
    """A clock that never jumps, in ms."""
    return time.monotonic_ns() // 1_000_000


class ClockDoubt(Exception):
    """The wall clock cannot be trusted: reminders pause, everything else goes on."""
