"""Digests: what a replay collects for one reader, and what becomes of it when they close."""

from collections.abc import Iterator, Sequence

from service.rehearsal.replay_subjects import Subjects
from service.rehearsal.replay_world import Past
from service.rules.decide import Decider
from service.rules.notification import Notification
from service.sending.collecting import MadeUp, Reader, Verdict, make_up, reader_of
from service.sending.verdict import standing


class Collector:
    """Closes digests as the service does, by the same functions."""

    def __init__(self, decider: Decider, world: Past, subjects: Subjects) -> None:
        self._decider = decider
        self._world = world
        self._subjects = subjects

    def close(self, items: Sequence[Notification], now: int) -> Iterator[MadeUp]:
        """What becomes of the items whose closing has come, reader by reader."""
        readers: dict[Reader, list[Notification]] = {}
        for item in items:
            owed = item.owed
            reader = reader_of(owed.rule, owed.entry, owed.recipient, owed.person, self._world)
            readers.setdefault(reader, []).append(item)
        for reader, mine in readers.items():
            judged = [(item, self._judged(item, now)) for item in mine]
            yield make_up(judged, reader, self._decider.rules.defaults, self._world, now)

    def _judged(self, item: Notification, now: int) -> Verdict:
        subject = self._subjects.of(item.owed)
        return standing(item, subject, self._decider, self._world, now)
