"""Answer in a replay: seats as they were then, people and courses as they are today."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.learners.aggregate import Cache
from service.learners.decision_reads import CountsAlone
from service.learners.directory.courses import Course
from service.learners.directory.merges import PastMerges
from service.learners.directory.people import Person
from service.learners.enrollment import Enrollment, EnrollmentRecorded, told_in
from service.learners.facts import Identity
from service.learners.instance import Instance
from service.learners.neighbours import Deletion, deletion_among
from service.learners.watchlist import Watchlist, WatchTold
from service.learners.world import Decisions, Lookup, enrollments_of, load
from service.ledger.events import EventBody
from service.simulation.backtest.states import States

PEOPLE_KEPT = 50_000


class CurrentDirectory:
    """Look up people and courses as the ledger has them, each once."""

    def __init__(self, lookup: Lookup) -> None:
        self.neighbours = lookup.neighbours
        self.timings = lookup.timings
        self.choices_stream = lookup.choices_stream
        self._lookup = lookup
        self._people: Cache[str, tuple[Person | None]] = Cache(PEOPLE_KEPT)
        self._managers: Cache[str, tuple[Person | None]] = Cache(PEOPLE_KEPT)
        self._courses: Cache[tuple[str, str, str], tuple[Course | None]] = Cache(PEOPLE_KEPT)
        self._looked_up = False
        self._members: dict[tuple[str, str, str, str | None], Sequence[str]] = {}

    def merges(self, position: Callable[[], int]) -> PastMerges:
        """Tell which records were of one person by a position in the log."""
        return PastMerges(self.neighbours.ever_merged(), position, self._lookup.people.merges)

    def course(self, source: str, account: str, course: str) -> Course | None:
        """Look up what is known of a course."""
        key = (source, account, course)
        found = self._courses.get(key)
        if found is None:
            found = (self._lookup.course(source, account, course),)
            self._courses.put(key, found)
        return found[0]

    def person(self, person: str) -> Person | None:
        """Look up what is known of a person."""
        found = self._people.get(person)
        if found is None:
            found = self._met(person)
            self._people.put(person, found)
        return found[0]

    def _met(self, person: str) -> tuple[Person | None]:
        """Look up one, and the first time everybody, if so many can be kept."""
        if not self._looked_up:
            self._looked_up = True
            for id, each in self._lookup.people.everybody(PEOPLE_KEPT).items():
                self._people.put(id, (each,))
        return self._people.get(person) or (self._lookup.person(person),)

    def manager(self, person: Person) -> Person | None:
        """Look up the person's manager."""
        found = self._managers.get(person.id)
        if found is None:
            found = (self._lookup.manager(person),)
            self._managers.put(person.id, found)
        return found[0]

    def members(
        self, group: str, source: str, account: str, person: str | None = None
    ) -> Sequence[str]:
        """Look up the ids of the people in a group; with a `person` only theirs."""
        key = (group, source, account, person)
        if key not in self._members:
            self._members[key] = self._lookup.members(*key)
        return self._members[key]


class ReplayWorld(CountsAlone):
    """Answer what one rule set may read: `memory` has the newest event of each stream it wrote.

    `position` tells how far in the log the replay has come. `saw` are the versions of others that
    the decision to be made again had read; None where the log before it has all that was known.
    """

    saw: Mapping[str, int] | None = None

    def __init__(
        self, today: CurrentDirectory, states: States, position: Callable[[], int]
    ) -> None:
        self.memory: dict[str, tuple[int, EventBody]] = {}
        self._watches: dict[str, Watchlist] = {}
        self._states = states
        self.course = today.course
        self.person = today.person
        self.manager = today.manager
        self.members = today.members
        self.choices_stream = today.choices_stream
        self.merges = today.merges(position)
        self.records_of = self.merges.records_of
        self._neighbours = today.neighbours
        self._timings = today.timings

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        """Give the instance as it stood at the event being decided on."""
        stream = Instance.stream(source, account, course, instance)
        found = self._states.instance(stream)
        version = (self.saw or {}).get(stream)
        if version is None or (found is not None and found.version == version):
            return found
        seen: Instance | None = self._seen(stream)
        return seen

    def enrollments_in(self, person: str, course: str) -> Sequence[Enrollment]:
        """Give a learner's enrolments in a course as they stood then."""
        beside, find = self.merges.records_beside(person), self._neighbours.enrollments
        streams = [id for each in beside for id in find(each, course)]
        if self.saw is not None:
            return enrollments_of(map(self._seen, streams))
        return [found for id in streams if (found := self._states.enrollment(id)) is not None]

    def told_in(self, enrollment: str) -> tuple[Enrollment, Sequence[EnrollmentRecorded]]:
        """Give an enrolment with all its events as they stood then."""
        return told_in(enrollment, self._states.events(enrollment), self._timings)

    def deletion(self, about: Identity) -> Deletion | None:
        """Tell whether the course or the instance of an enrolment was gone by then."""
        places = self._neighbours.ever_deleted(about)
        return deletion_among(map(self._states.folded if self.saw is None else self._seen, places))

    def _seen(self, stream: str) -> Any:
        """Fold what a decision read of another; None for what was not there when it was made."""
        events = self._states.events(stream)[: (self.saw or {}).get(stream, 0)]
        return load(stream, events, self._timings) if events else None

    def remember(self, decisions: Decisions) -> None:
        """Let what is decided next read what was decided before."""
        for stream, version, body in decisions.following:
            if isinstance(body, WatchTold):
                self.watch(f"i{stream[1:]}", body, version)
            else:
                self.memory[stream] = (version, body)
        self.memory.update(decisions.tallies)

    def watchers(self, instance: str) -> Watchlist:
        """Give who asked to be told of an instance by then, and what this rule set told them."""
        return self._watches.get(instance) or Watchlist(instance)

    def watch(self, instance: str, event: EventBody, version: int | None = None) -> None:
        """Take in what happened to a watch list; without a version it is the next that happened."""
        watch = self.watchers(instance)
        self._watches[instance] = watch.apply(version or watch.version + 1, event)

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        """Give the newest event of a stream that this rule set wrote."""
        return self.memory.get(stream)
