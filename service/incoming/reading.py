"""What reading a letter gives: facts, and what was ignored or set aside with its reason."""

from typing import Protocol

import msgspec

from service.learners.facts import Fact


class Ignored(msgspec.Struct, frozen=True):
    """An event whose name is known to mean nothing to us."""

    name: str
    reason: str


class SetAside(msgspec.Struct, frozen=True):
    """An event that could not be used; it is listed, counted, and can be tried again."""

    name: str
    reason: str


Item = Fact | Ignored | SetAside


class Source(Protocol):
    """One learning management system's dialect.

    `lateness_ms` is how long its activity reports may come behind its other events.
    """

    name: str
    lateness_ms: int

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """One item per event in the letter, in its order; never raises, never reads a clock."""
        ...
