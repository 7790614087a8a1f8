"""Hold what a notification is about, as the log has it now."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from service.learners.facts import FactRecorded
from service.learners.feed_subjects import FEED, LETTER
from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.field_values import EventSeen, Reading
from service.rules.field_values import Subject as Readable
from service.rules.notification import Owed

DATED = (FEED, LETTER)
"""Beginnings of the ids of subjects whose own moment conditions may read."""


class Subject(msgspec.Struct, frozen=True):
    """Hold what a notification is about as the log has it now, and the events since.

    What a digest is about has no events, but items.
    """

    aggregate: Readable
    bodies: Sequence[EventBody]
    items: Sequence["Item"] = ()

    @property
    def versions(self) -> dict[str, int]:
        """The streams that say what is so, each with its newest version."""
        if not self.items:
            return {self.aggregate.id: len(self.bodies)}
        return {id: v for item in self.items for id, v in item.subject.versions.items()}

    def transitions_after(self, version: int) -> set[str]:
        """Name every transition of the stream after one version."""
        later = self.bodies[version:]
        return {name for b in later if isinstance(b, FactRecorded) for name in b.transitions}


class Item(NamedTuple):
    """Hold one thing to be told, and what it is about as the log has it now."""

    owed: Owed
    subject: Subject

    def reading(self, world: World, now: int) -> Reading:
        """Make what conditions read of it at `now` (ms UTC)."""
        return Reading(self.subject.aggregate, event_seen(self.owed), world, now)


def event_seen(owed: Owed) -> EventSeen:
    """Give the event that caused a notification, as conditions may read it."""
    if owed.event_name is None:
        at = owed.event_at if owed.subject.startswith(DATED) else None
        return EventSeen(owed.source, owed.account, at=at)
    return EventSeen(owed.source, owed.account, owed.event_name, owed.event_at, owed.by_admin)
