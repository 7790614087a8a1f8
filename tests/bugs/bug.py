"""What a deliberate bug is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """A replacement in one file (`old` stands there exactly once) and the tests to run."""

    promise: int
    name: str
    file: str
    old: str
    new: str
    tests: str
