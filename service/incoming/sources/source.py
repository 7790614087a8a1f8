"""Agree on what reading a letter gives: facts, and what was ignored or set aside."""

from typing import Protocol

import msgspec

from service.learners.facts import Fact, Timing


class Ignored(msgspec.Struct, frozen=True):
    """Ignore an event whose name is known to mean nothing to us."""

    name: str
    reason: str


class SetAside(msgspec.Struct, frozen=True):
    """Set aside an event that could not be used: listed, counted, to be tried again.

    By itself, if it is of no use only `before` a moment (ms UTC).
    """

    name: str
    reason: str
    before: int | None = None


Item = Fact | Ignored | SetAside


class Source(Protocol):
    """Read the letters of one learning management system.

    `timing` is how its dates are read, where no setting says otherwise; `fills` are
    the fields of the rules (`enrollment.score`) that it can fill, beside those every source does.
    """

    name: str
    fills: frozenset[str]
    timing: Timing

    def wants(self, body: bytes) -> bool:
        """Tell whether a queue's message may say something to us; quick, and true when in doubt.

        What is not wanted is counted and not kept: a topic may carry much that is not ours.
        """
        ...

    def read(self, body: bytes, received_at: int) -> list[Item]:
        """Make one item per event in the letter, in order; never raises, never reads a clock.

        What happened more than a day after `received_at` (ms UTC) is set aside until then.
        """
        ...
