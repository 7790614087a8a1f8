"""Read for a decision what stands beside its subject, and note which version of it that was."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from service.learners.aggregate import Aggregate, Cache
from service.learners.facts import Identity
from service.learners.instance import Instance
from service.learners.neighbours import Deletion, deletion_among, places_of
from service.learners.world import Lookup, recall


class DecisionReads(msgspec.Struct, kw_only=True):
    """Look up aggregates as a batch leaves them: those that it `changed`, or what is on disk.

    `subjects` may be decided on, so what is asked for one is looked up for all. With `saw` each is
    noted by its version, 0 for one that was not there: others may commit between the reading and
    the writing, and the log would tell of that as if it had been known.
    """

    known: Cache[str, Aggregate[Any]]
    lookup: Lookup
    changed: dict[str, Aggregate[Any]] = {}
    subjects: Sequence[Aggregate[Any]] = ()
    saw: dict[str, int] | None = None
    absent: set[str] = set()
    deleted: dict[str, bool] = {}

    def instance(self, stream: str) -> Instance | None:
        """Look up an instance, and with the first one those of all subjects."""
        found = self.changed.get(stream) or self.known.get(stream)
        if found is None and stream not in self.absent:
            streams = dict.fromkeys([stream, *instances_of(self.subjects)])
            wanted = [each for each in streams if each not in self.changed]
            there = recall(wanted, self.known, self.lookup)
            self.absent.update(each for each in wanted if each not in there)
            found = there.get(stream)
        self._note(stream, found)
        return found if isinstance(found, Instance) else None

    def standing(self, streams: Sequence[str]) -> dict[str, Aggregate[Any]]:
        """Look up aggregates; what is not there is left out."""
        changed = {s: self.changed[s] for s in streams if s in self.changed}
        unchanged = [stream for stream in streams if stream not in changed]
        return changed | recall(unchanged, self.known, self.lookup)

    def beside(self, streams: Sequence[str]) -> Iterable[Aggregate[Any]]:
        """Look up the enrolments of one learner in a course; one alone has none beside it."""
        found = self.standing(streams)
        for stream in streams if len(streams) > 1 else ():
            self._note(stream, found.get(stream))
        return found.values()

    def deletion(self, about: Identity) -> Deletion | None:
        """Tell whether the course or the instance of an enrolment is gone, by now."""
        places = places_of(about)
        if any(place not in self.deleted for place in places):
            ever = self.lookup.neighbours.ever_deleted(about)
            self.deleted |= {place: place in ever for place in places}
        streams = [place for place in places if self.deleted[place] or place in self.changed]
        found = self.standing(streams)
        for stream in streams:
            self._note(stream, found.get(stream))
        return deletion_among(found.values())

    def _note(self, stream: str, found: Aggregate[Any] | None) -> None:
        if self.saw is not None:
            self.saw[stream] = found.version if found else 0


def instances_of(subjects: Iterable[Aggregate[Any]]) -> list[str]:
    """Name the streams of the instances that enrolments are in."""
    places = dict.fromkeys(
        (about.source, about.account, about.course, about.instance)
        for about in (each.about for each in subjects)
        if about.person and about.instance is not None
    )
    return [Instance.stream(*place) for place in places if place[3] is not None]
