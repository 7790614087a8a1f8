"""Read for a decision what stands beside its subject, and note which version of it that was."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from service.learners.aggregate import Aggregate, Cache
from service.learners.facts import Identity
from service.learners.instance import Instance
from service.learners.neighbours import Deletion, Neighbours, deletion_among, places_of
from service.ledger.events import EventBody, EventStore


class Counted(NamedTuple):
    """Name the stream in which this process counts, and give what was known of other streams."""

    stream: str
    others: Sequence[Any] = ()


class CountsAlone:
    """Count as if nobody else did."""

    def counted(self, stream: str) -> Counted:
        """Count in the stream itself."""
        return Counted(stream)


class SharedCounts(msgspec.Struct, frozen=True):
    """Look up what others have counted; an event that was `read` before is not read again.

    Who holds the first shard counts in the stream itself, as one who is alone does, others beside
    it: a stream for the first of the shards that one holds, so that no two write the same.
    """

    store: EventStore
    read: dict[str, tuple[int, EventBody]] = {}

    def of(self, stream: str) -> Counted:
        """Read how far the others are."""
        lease = self.store.ledger.lease
        own = stream_beside(stream, min(lease.held, default=0))
        names = [stream_beside(stream, shard) for shard in range(lease.shards)]
        others = [name for name in names if name != own]
        newest = self.store.newest(others) if others else {}
        for name, version in newest.items():
            before, _ = self.read.get(name, (0, None))
            if version != before and (latest := self.store.latest(name)):
                self.read[name] = latest
        return Counted(own, [self.read[name][1] for name in others if newest[name]])


def stream_beside(stream: str, shard: int) -> str:
    """Name the stream beside another in which the holder of a shard counts."""
    return f"{stream}/{shard}" if shard else stream


class KeptBeside(Protocol):
    """Keep what decisions read."""

    @property
    def neighbours(self) -> Neighbours: ...
    @property
    def counts(self) -> SharedCounts: ...


Recall = Callable[[Sequence[str], Cache[str, Aggregate[Any]], Any], dict[str, Aggregate[Any]]]
"""Loads aggregates that nobody remembers."""


class DecisionReads(msgspec.Struct, kw_only=True):
    """Look up aggregates as a batch leaves them: those that it `changed`, or what is on disk.

    `subjects` may be decided on, so what is asked for one is looked up for all. With `saw` each is
    noted by its version, 0 for one that was not there: others may commit between the reading and
    the writing, and the log would tell of that as if it had been known.
    """

    known: Cache[str, Aggregate[Any]]
    lookup: KeptBeside
    recall: Recall
    changed: dict[str, Aggregate[Any]] = {}
    subjects: Sequence[Aggregate[Any]] = ()
    saw: dict[str, int] | None = None
    absent: set[str] = set()
    deleted: dict[str, bool] = {}
    counts: dict[str, Counted] = {}

    def instance(self, stream: str) -> Instance | None:
        """Look up an instance, and with the first one those of all subjects."""
        found = self.changed.get(stream) or self.known.get(stream)
        if found is None and stream not in self.absent:
            streams = dict.fromkeys([stream, *instances_of(self.subjects)])
            wanted = [each for each in streams if each not in self.changed]
            there = self.recall(wanted, self.known, self.lookup)
            self.absent.update(each for each in wanted if each not in there)
            found = there.get(stream)
        self._note(stream, found)
        return found if isinstance(found, Instance) else None

    def standing(self, streams: Sequence[str]) -> dict[str, Aggregate[Any]]:
        """Look up aggregates; what is not there is left out."""
        changed = {s: self.changed[s] for s in streams if s in self.changed}
        unchanged = [stream for stream in streams if stream not in changed]
        return changed | self.recall(unchanged, self.known, self.lookup)

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

    def counted(self, stream: str) -> Counted:
        """Look up where this process counts, and what others have counted, once a batch."""
        if stream not in self.counts:
            self.counts[stream] = self.lookup.counts.of(stream)
        return self.counts[stream]

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
