"""Name what a rule is about beside aggregates.

A silent source, a letter set aside, a failing channel, and all that one digest tells of.
"""

import msgspec

from service.learners.facts import Identity


class SilentSource(msgspec.Struct, frozen=True):
    """Name a source, its last letter, and when that came (ms UTC)."""

    source: str
    letter: int
    at: int

    @property
    def id(self) -> str:
        """Give what stands for the feed where other subjects have a stream."""
        return f"{FEED}{self.source}"

    @property
    def about(self) -> Identity:
        """Name the source, which is all a feed is about."""
        return Identity(self.source, "")

    @property
    def occurrence(self) -> str:
        """Give what makes a silence happen once: the letter it began with."""
        return f"{self.source}/{self.letter}"


FEED = "feed/"


class LetterSetAside(msgspec.Struct, frozen=True):
    """Name a letter by its number, its source, when it came (ms UTC), and how it stands.

    `name` and `reason` are those of the first event that is set aside; None while none is. `used`:
    a later try could use all of it. Nobody is told of an `imported` one.
    """

    letter: int
    source: str
    at: int
    imported: bool = False
    used: bool = False
    name: str | None = None
    reason: str | None = None

    @property
    def id(self) -> str:
        """Give what stands for the letter where other subjects have a stream."""
        return f"{LETTER}{self.letter}"

    @property
    def about(self) -> Identity:
        """Name the source, which is all a letter is about that says nothing we can use."""
        return Identity(self.source, "")

    @property
    def occurrence(self) -> str:
        """Give what makes it happen once, however often the letter is tried again."""
        return str(self.letter)


LETTER = "letter/"


def letter_of(id: str) -> int:
    """Give the number of the letter that an id stands for."""
    return int(id.removeprefix(LETTER))


CONNECTION, TLS, LOGIN, REFUSED, BUSY = "connection", "tls", "login", "refused", "busy"
NO_ANSWER, NOBODY, DISK, PRIVATE, HELD = "no_answer", "nobody", "disk", "private", "held"
"""How a channel can fail."""


class FailingChannel(msgspec.Struct, frozen=True):
    """Name a channel that fails `since` (ms UTC), and how it failed at first.

    `trouble` is of which kind, `code` and `status` are those of the reply. It may have come to
    work since.
    """

    name: str
    since: int
    trouble: str
    code: int | None = None
    status: str | None = None
    works: bool = False

    @property
    def id(self) -> str:
        """Give the stream on which the channel's turns are."""
        return f"{CHANNEL}{self.name}"

    @property
    def about(self) -> Identity:
        """Name nothing: a channel serves every source."""
        return Identity("", "")

    @property
    def occurrence(self) -> str:
        """Give what makes a failing happen once: since when."""
        return f"{self.name}/{self.since}"


CHANNEL = "channel/"
DATED = (FEED, LETTER, CHANNEL)
"""Beginnings of the ids of subjects whose own moment conditions may read."""


class Bundle(msgspec.Struct, frozen=True):
    """Hold what all items of a digest have in common, empty where they differ; `id`: its stream."""

    id: str
    about: Identity
