"""The timepiece: tells when the wall clock cannot be trusted with reminders. Pure."""

import msgspec

from service.rules.durations import milliseconds

JUMP_MS = milliseconds("10m") or 0


class Reading(msgspec.Struct, frozen=True):
    """The wall clock beside the monotonic one, both in ms."""

    wall: int
    monotonic: int


class Timepiece:
    """Compares the wall clock with the monotonic one, and with the newest event at the start.

    While it says why not, no silence is asked about: a clock a day ahead would remind everyone.
    """

    def __init__(self, start: Reading, newest_event_at: int) -> None:
        self._start = start
        self._newest = newest_event_at

    def doubt(self, now: Reading) -> str | None:
        """Why time rules pause; None while the clock can be trusted."""
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
