"""A crowd that posts to several doors, and goes to another one when one does not answer."""

from collections.abc import Sequence
from itertools import chain, count
from random import Random

from tests.installation import body
from tests.real_service import RealService
from tests.reliability.adobe import Crowd, course, story

SILENT = 4
"""Every so many stories end with the enrolment: somebody falls silent."""

BIG = 200
"""So many stories make a letter whose rows are copied, as they are too many for one packet."""

BIG_FROM = 10_000_000


class AnyDoor:
    """One of the doors, another one each time."""

    def __init__(self, doors: Sequence[RealService]) -> None:
        self._doors = doors
        self._chance = Random()

    @property
    def address(self) -> str:
        return self._chance.choice(self._doors).address


class CrowdOfDoors(Crowd):
    """Posts each letter to one door or the other until it is 202."""

    def __init__(self, doors: Sequence[RealService], threads: int) -> None:
        super().__init__(AnyDoor(doors), threads)
        self._big = count(BIG_FROM, BIG)

    def post_big(self) -> None:
        """Post a letter with very many stories."""
        first = next(self._big)
        numbers = range(first, first + BIG)
        if receipt := self._receipt(body(*chain.from_iterable(map(told, numbers)))):
            self.acked += [(receipt, course(n)) for n in numbers]

    def _letter(self, n: int) -> bytes:
        return body(*told(n))


def told(n: int) -> list[dict]:
    """A story, or only its beginning."""
    events = [*story(n)]
    return events if n % SILENT else events[:1]
