"""Find what notifications are about at a moment of a replay."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from service.learners.aggregate import Aggregate
from service.learners.enrollment import ENROLLMENT
from service.learners.facts import Timing
from service.learners.world import load
from service.ledger.events import EventBody
from service.rules.digests import bundle_of
from service.rules.notification import Owed
from service.rules.verdict import Item, Subject
from service.simulation.backtest.states import States

Later = Callable[[str, int], list[EventBody]]
"""The events of a stream after one version, as far as the replay has come."""


class LazyEvents(Sequence[EventBody]):
    """Stand for the events of a stream, of which later ones are read when they are asked for."""

    def __init__(self, aggregate: Aggregate[Any], later: Later) -> None:
        self._aggregate = aggregate
        self._later = later

    def __len__(self) -> int:
        return self._aggregate.version

    @overload
    def __getitem__(self, place: int) -> EventBody: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[EventBody]: ...
    def __getitem__(self, place: int | slice) -> EventBody | Sequence[EventBody]:
        if isinstance(place, int):
            return self._later(self._aggregate.id, place)[0]
        after = place.start or 0
        if after >= self._aggregate.version:
            return ()
        return self._later(self._aggregate.id, after)


class Subjects:
    """Give what a notification is about, as far as the replay has come."""

    def __init__(self, states: States, later: Later, timings: Mapping[str, Timing]) -> None:
        self._states = states
        self._later = later
        self._timings = timings

    def of(self, owed: Owed) -> Subject:
        """Give what a notification that is no digest is about.

        What became of an event since can only be read off all its enrolment's facts.
        """
        aggregate = self._states.aggregate(owed.subject)
        assert aggregate is not None, f"{owed.subject}: decided on, but not in the log"
        told = owed.version_told
        if told in (None, aggregate.version) or not owed.subject.startswith(ENROLLMENT):
            return Subject(aggregate, LazyEvents(aggregate, self._later))
        bodies = self._later(aggregate.id, 0)
        return Subject(load(aggregate.id, bodies, self._timings), bodies)

    def of_digest(self, owed: Owed, items: Sequence[Owed]) -> Subject:
        """Give what a digest of these is about."""
        about = bundle_of(owed.subject, items)
        return Subject(about, (), [Item(item, self.of(item)) for item in items])
