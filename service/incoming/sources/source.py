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

    `lateness_ms` is how long its activity reports may come behind its other events; `fills` are
    the fields of the rules (`enrollment.score`) that it can fill, beside those every source does.
    """

    name: str
    fills: frozenset[str]
    lateness_ms: int

    def wants(self, body: bytes) -> bool:
        """Whether a queue's message may say something to us; quick, and true when in doubt.

        What is not wanted is counted and not kept: a topic may carry much that is not ours.
        """
        ...

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """One item per event in the letter, in its order; never raises, never reads a clock."""
        ...
