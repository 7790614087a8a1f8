"""Run the steps of `tick`, each on a thread of its own, until told to stop."""

from service.running.clocks import TrustedClock, keep_in_memory, wall_clock
from service.running.service import Service

__all__ = ["Service", "TrustedClock", "keep_in_memory", "wall_clock"]
