"""Say what a verdict on a notification rests on, and what it may be."""

from collections.abc import Sequence

import msgspec

from service.learners.directory.people import Person
from service.learners.world import World
from service.rules.calendar import Settling, Window
from service.rules.decider import Decider
from service.rules.fields import Reading
from service.rules.notification import (
    AddressFound,
    Deferred,
    Ended,
    Held,
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
    other records of theirs, if there is a throttle. `chosen` is what they chose,
    `window` when it may leave, by them or its entry, and what is `required` they cannot stop.
    """

    entry: Entry
    reading: Reading
    items: Sequence[Reading] = ()
    recipient: Person | None = None
    beside: Sequence[str] = ()
    chosen: Chosen = NOTHING_CHOSEN
    window: Window | None = None
    required: bool = False


class Wait(msgspec.Struct, frozen=True):
    """Say that there is nothing to be done yet."""


Verdict = Due | Ended | Held | Deferred | WaitingForAddress | AddressFound | Wait
"""What is to be done: send it, append one of these events, or nothing yet."""
Stop = Ended | Held | Deferred | WaitingForAddress | AddressFound | Wait
