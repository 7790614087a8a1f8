"""Waiting for a condition, the only kind of waiting the tests do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 20.0
PAUSE = 0.02


def until(condition: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """What the condition gives once it gives something true; fails saying `what` is missing."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        time.sleep(PAUSE)
