"""A target of fuzzing: inputs of chance, a check that says what became of one, and a bound."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

CPU_SECONDS = 5.0
"""What one input may cost in work, not by the clock on the wall: the machine may be loaded."""
Check = Callable[[Any], str]


class Target(NamedTuple):
    """`opened` gives the check of one input, and looks at the whole as it closes."""

    words: str
    inputs: SearchStrategy[Any]
    opened: Callable[[Path], AbstractContextManager[Check]]

    def fuzz(self, folder: Path, number: int, examples: int) -> dict[str, Any]:
        """Try so many inputs, the same ones for a number; returns how often what came of them."""
        outcomes, begun = Counter[str](), time.monotonic()
        with self.opened(folder) as check:

            @seed(number)
            @settings(
                max_examples=examples, database=None, deadline=None,
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(self.inputs)
            def tried(value: Any) -> None:
                outcomes[check(value)] += 1

            tried()
        return {
            "examples": outcomes.total(),
            "outcomes": dict(sorted(outcomes.items())),
            "seconds": round(time.monotonic() - begun, 1),
        }


@contextmanager
def bounded(work: Callable[[], float] = time.process_time) -> Iterator[None]:
    """What is done here costs no more than CPU_SECONDS."""
    begun = work()
    yield
    assert (spent := work() - begun) < CPU_SECONDS, f"{spent:.1f} s of work for one input"
