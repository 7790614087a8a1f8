"""Agree on what reading a letter gives: facts, and what was ignored or set aside."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from service.learners.facts import Fact, Timing, course_id
from service.learners.world import learner_key


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

Whose = tuple[str, str, str]
"""The learner that an event is about, or else the instance or the course, as the LMS names it."""

Mine = Callable[[Whose | None], bool]
"""Tells whether to take what is about this learner; None is what is about nothing known."""


AT_ANY_TIME = 1 << 62


def whose(item: Item) -> Whose | None:
    """Name what a fact is about: it is known before anybody has an id here."""
    if not isinstance(item, Fact):
        return None
    if item.person is not None:
        return learner_key(item)
    return item.source, item.account, course_id(item.instance or item.course)


def own_of(read: Callable[[int], list[Item]], received_at: int, mine: Mine) -> list[Item | None]:
    """Read what is received at a moment, and give the items that are mine; None for the others.

    Whose they are says what they will be at any time: by the clock of another what is from the
    future may be a fact already.
    """
    items = read(received_at)
    early = any(isinstance(each, SetAside) and each.before for each in items)
    meant = read(AT_ANY_TIME) if early else items
    return [item if mine(whose(each)) else None for item, each in zip(items, meant, strict=True)]


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

    def read_own(self, body: bytes, received_at: int, mine: Mine) -> list[Item | None]:
        """Read what is mine as `read` does; None for the others.

        Whose an event is depends on the letter's bytes alone, so that just one of those who share
        it takes it. A source that can tell by a glance need not read what is another's.
        """
        return own_of(lambda at: self.read(body, at), received_at, mine)
