"""Run the steps of `tick`, each on a thread of its own, until told to stop."""

from service.running.clocks import monotonic_clock, wall_clock
from service.running.service import Service

__all__ = ["Service", "monotonic_clock", "wall_clock"]
