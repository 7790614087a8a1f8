"""Heard: the last letter of a source, which is what a rule about a silent feed is about."""

import msgspec


class Heard(msgspec.Struct, frozen=True):
    """A source, its last letter, and when that came (ms UTC)."""

    source: str
    letter: int
    at: int

    @property
    def id(self) -> str:
        """What stands for the feed where other subjects have a stream."""
        return f"{FEED}{self.source}"

    @property
    def occurrence(self) -> str:
        """What makes a silence happen once: the letter it began with."""
        return f"{self.source}/{self.letter}"


FEED = "feed/"
