"""Aside: a letter of which something could not be used, which is what a rule may tell of."""

import msgspec


class Aside(msgspec.Struct, frozen=True):
    """A letter by its number, its source, when it came (ms UTC), and how it stands now.

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
        """What stands for the letter where other subjects have a stream."""
        return f"{LETTER}{self.letter}"

    @property
    def occurrence(self) -> str:
        """What makes it happen once, however often the letter is tried again."""
        return str(self.letter)


LETTER = "letter/"


def letter_of(id: str) -> int:
    """The number of the letter that an id stands for."""
    return int(id.removeprefix(LETTER))
