"""Say what a verdict on a notification rests on, and what it may be."""

from collections.abc import Iterable, Iterator, Sequence
from math import inf

import msgspec

from service.learners.directory.people import Person
from service.learners.directory.people_table import address_key
from service.learners.world import World
from service.rules.calendar import Settling, Window
from service.rules.decider import Decider
from service.rules.fields import Reading
from service.rules.notification import (
    AddressFound,
    Deferred,
    Ended,
    Held,
    Notification,
    WaitingForAddress,
)
from service.rules.readers.choices import NOTHING_CHOSEN, Chosen
from service.rules.rule import NOTHING_MUTED, Entry, MutingChanged


class Ground(msgspec.Struct, frozen=True):
    """Hold what verdicts of one moment (`now`, ms UTC) rest on."""

    decider: Decider
    world: World
    now: int
    muted: MutingChanged = NOTHING_MUTED
    settling: Settling = Settling()


class Due(msgspec.Struct, frozen=True):
    """Say that a notification holds, by this entry, with these values to be read.

    `items` are those of a digest; what was owed before its entry had a digest is the only item
    of its own. `recipient` is None for a room, and until delivery asks for one; `beside` are the
    other records of theirs, if there is a throttle. `chosen` is what they chose, and what is
    `required` they cannot stop.
    """

    entry: Entry
    reading: Reading
    items: Sequence[Reading] = ()
    recipient: Person | None = None
    beside: Sequence[str] = ()
    chosen: Chosen = NOTHING_CHOSEN
    required: bool = False

    @property
    def window(self) -> Window | None:
        """Give when it may leave: as its entry says, or its reader chose."""
        window = self.entry.window
        return self.chosen.choices.window(window) if self.chosen.stream else window


class Wait(msgspec.Struct, frozen=True):
    """Say that there is nothing to be done yet."""


Verdict = Due | Ended | Held | Deferred | WaitingForAddress | AddressFound | Wait
"""What is to be done: send it, append one of these events, or nothing yet."""
Stop = Ended | Held | Deferred | WaitingForAddress | AddressFound | Wait

Judged = tuple[Notification, Verdict]
"""A notification, and what is to be done."""
Leaving = tuple[Notification, Due]
"""A notification that may leave, and as what."""


def by_reader(leaving: Iterable[Leaving]) -> Iterator[list[Leaving]]:
    """Group what leaves by the address of who reads it now."""
    readers: dict[str, list[Leaving]] = {}
    for notification, due in leaving:
        address = due.recipient.email if due.recipient else None
        readers.setdefault(address_key(address or ""), []).append((notification, due))
    yield from readers.values()


def held_back(judged: Sequence[Judged], now: int) -> list[Notification]:
    """List what could leave before the message that was to stand for it, which has to wait."""
    moments = {n.id: _leaves_at(verdict, now) for n, verdict in judged}
    return [n for n, _ in judged if moments[n.id] < moments.get(n.into or "", 0)]


def _leaves_at(verdict: Verdict, now: int) -> float:
    """Tell from when (ms UTC) one may leave; never by itself while a person holds it."""
    if isinstance(verdict, Deferred | WaitingForAddress):
        return verdict.until
    return inf if isinstance(verdict, Held) else now
