"""Watching: who asked to be told of a free seat in an instance, and what they were told."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import msgspec
from msgspec.structs import replace

from service.ledger.events import Body


class WatchAsked(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A person wishes to be told of the next free seat, once."""

    TOPIC: ClassVar[str] = "watch.asked"
    at: int
    person: str


class WatchStopped(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A person does not wish it any more."""

    TOPIC: ClassVar[str] = "watch.stopped"
    at: int
    person: str


class WatchTold(Body, frozen=True, kw_only=True, omit_defaults=True):
    """It was decided to tell these people: the id of each one's notification, by person."""

    TOPIC: ClassVar[str] = "watch.told"
    at: int
    notifications: dict[str, str]


KINDS = (WatchAsked, WatchStopped, WatchTold)
SHAPES: Mapping[str, Any] = {kind.TOPIC: kind for kind in KINDS}


class Wish(msgspec.Struct, frozen=True):
    """When somebody asked, by which event of the stream, and by what they are to be told."""

    asked_at: int
    asked: int
    notification: str | None = None


class Watch(msgspec.Struct, frozen=True):
    """Who wishes to be told of an instance, by person id, as folded from the watch's stream.

    A wish is over when its notification was sent, which only that one's own stream says.
    """

    instance: str
    version: int = 0
    wishes: Mapping[str, Wish] = {}

    @property
    def id(self) -> str:
        """The stream's id: the instance's own, as a watch."""
        return self.stream(self.instance)

    @staticmethod
    def stream(instance: str) -> str:
        """The id of the stream that watches an instance's."""
        return f"w{instance[1:]}"

    @classmethod
    def load(cls, instance: str, bodies: Iterable[Body]) -> Self:
        """The watch whose stream holds these bodies, first to last."""
        folded = cls(instance)
        for version, body in enumerate(bodies, 1):
            folded = folded.apply(version, body)
        return folded

    def apply(self, version: int, event: Body) -> Self:
        """This watch with one more event of its stream; one it has already changes nothing."""
        if version <= self.version:
            return self
        wishes = dict(self.wishes)
        if isinstance(event, WatchAsked):
            wishes[event.person] = Wish(event.at, version)
        elif isinstance(event, WatchStopped):
            wishes.pop(event.person, None)
        else:
            assert isinstance(event, WatchTold)
            for person, notification in event.notifications.items():
                if person in wishes:
                    wishes[person] = replace(wishes[person], notification=notification)
        return replace(self, version=version, wishes=wishes)
