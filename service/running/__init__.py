"""Run the steps of `tick`, each on a thread of its own, until told to stop."""

from service.running.clocks import TrustedClock, keep_in_memory, wall_clock
from service.running.seen_now import FailingNow, SeenNow, seen_now
from service.running.service import Service

__all__ = [
    "FailingNow",
    "SeenNow",
    "Service",
    "TrustedClock",
    "keep_in_memory",
    "seen_now",
    "wall_clock",
]
