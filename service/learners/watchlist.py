"""Fold who asked to be told of a free seat in an instance, and what they were told."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import msgspec
from msgspec.structs import replace

from service.ledger.events import EventBody, StreamId


class WatchAsked(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say that a person wishes to be told of the next free seat, once."""

    TOPIC: ClassVar[str] = "watch.asked"
    at: int
    person: str


class WatchStopped(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say that a person does not wish to be told any more."""

    TOPIC: ClassVar[str] = "watch.stopped"
    at: int
    person: str


class WatchTold(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say whom it was decided to tell: the id of each one's notification, by person."""

    TOPIC: ClassVar[str] = "watch.told"
    at: int
    notifications: dict[str, str]


KINDS = (WatchAsked, WatchStopped, WatchTold)
SHAPES: Mapping[str, Any] = {kind.TOPIC: kind for kind in KINDS}


class WatchRequest(msgspec.Struct, frozen=True):
    """Hold when somebody asked, by which event of the stream, and by what they are told."""

    asked_at: int
    asked: int
    notification: str | None = None


class Watchlist(msgspec.Struct, frozen=True):
    """Hold who wishes to be told of an instance, by person id, as folded from its stream.

    A wish is over when its notification was sent, which only that one's own stream says.
    """

    instance: str
    version: int = 0
    wishes: Mapping[str, WatchRequest] = {}

    @property
    def id(self) -> StreamId:
        """Give the stream's id: the instance's own, as a watch."""
        return self.stream(self.instance)

    @staticmethod
    def stream(instance: str) -> StreamId:
        """Give the id of the stream that watches an instance's."""
        return StreamId(f"w{instance[1:]}")

    @classmethod
    def load(cls, instance: str, bodies: Iterable[EventBody]) -> Self:
        """Fold the events of a stream, first to last."""
        folded = cls(instance)
        for version, body in enumerate(bodies, 1):
            folded = folded.apply(version, body)
        return folded

    def apply(self, version: int, event: EventBody) -> Self:
        """Fold in one more event of the stream; one that is in already changes nothing."""
        if version <= self.version:
            return self
        wishes = dict(self.wishes)
        if isinstance(event, WatchAsked):
            wishes[event.person] = WatchRequest(event.at, version)
        elif isinstance(event, WatchStopped):
            wishes.pop(event.person, None)
        else:
            assert isinstance(event, WatchTold)
            for person, notification in event.notifications.items():
                if person in wishes:
                    wishes[person] = replace(wishes[person], notification=notification)
        return replace(self, version=version, wishes=wishes)
