"""A small world for deciding: people, courses and instances without a database."""

from collections.abc import Sequence

from service.learners.aggregate import Aggregate
from service.learners.course import LearnerSignIns
from service.learners.decision_reads import CountsAlone
from service.learners.directory.courses import Course
from service.learners.directory.people import Person
from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.facts import Fact, FactBody, Identity, LearnerSeen, PlacedFact, Timing
from service.learners.instance import Instance
from service.learners.neighbours import Deletion
from service.learners.watchlist import Watchlist
from service.learners.world import AppendedEvent, Decisions
from service.ledger.events import EventBody
from service.rules.decider import Decider
from service.rules.language.reader import read_rules
from service.rules.triggers.stalled import SilenceOccurrence, stalled_rules

DAY = 86_400_000
HOUR = 3_600_000
NOW = 1_800_000_000_000
TIMING = Timing(15 * 60_000)
ADA = "a" * 32
LOGIC = "course:7"
SESSION = "course:7_1"


class World(CountsAlone):
    """What rules may read, as plain dicts."""

    def __init__(self) -> None:
        self.courses: dict[str, Course] = {}
        self.people: dict[str, Person] = {}
        self.groups: dict[str, list[str]] = {}
        self.instances: dict[str, Instance] = {}
        self.memory: dict[str, tuple[int, EventBody]] = {}
        self.watches: dict[str, Watchlist] = {}
        self.enrollments: list[Enrollment] = []
        self.records: dict[str, list[str]] = {}
        self.deleted: Deletion | None = None
        self.choices: dict[str, str] = {}

    def course(self, source: str, account: str, course: str) -> Course | None:
        return self.courses.get(course)

    def person(self, person: str) -> Person | None:
        return self.people.get(person)

    def manager(self, person: Person) -> Person | None:
        return self.people.get(person.manager or "")

    def members(
        self, group: str, source: str, account: str, person: str | None = None
    ) -> Sequence[str]:
        return [each for each in self.groups.get(group, []) if person in (None, each)]

    def instance(self, source: str, account: str, course: str, instance: str) -> Instance | None:
        return self.instances.get(instance)

    def enrollments_in(self, person: str, course: str) -> Sequence[Enrollment]:
        return [e for e in self.enrollments if (e.about.person, e.about.course) == (person, course)]

    def records_of(self, person: str) -> Sequence[str]:
        return self.records.get(person, [person])

    def told_in(self, enrollment: str) -> tuple[Enrollment, Sequence[EnrollmentRecorded]]:
        raise NotImplementedError

    def deletion(self, about: Identity) -> Deletion | None:
        return self.deleted

    def watchers(self, instance: str) -> Watchlist:
        return self.watches.get(instance, Watchlist(instance))

    def latest(self, stream: str) -> tuple[int, EventBody] | None:
        return self.memory.get(stream)

    def choices_stream(self, address: str) -> str | None:
        return self.choices.get(address)

    def remember(self, decisions: Decisions) -> None:
        for stream, version, body in decisions.following:
            self.memory[stream] = (version, body)
            for id, watch in self.watches.items():
                if watch.id == stream:
                    self.watches[id] = watch.apply(version, body)
        self.memory |= decisions.tallies


def decider(rules: str) -> Decider:
    """A decider of these rules (the list under `rules:`, indented by two)."""
    text = f"version: 1\nchannels: {{email: 'drawer://', room: 'drawer://'}}\nrules:\n{rules}"
    found, problems = read_rules(text, environ={})
    assert found is not None, [str(problem) for problem in problems]
    return Decider(found)


def fact(said: FactBody, at: int, key: str = "", **more: object) -> Fact:
    """A fact about Ada in the session of Logic."""
    named = {
        "source": "adobe", "account": "1", "name": said.TOPIC.upper(), "key": key or f"{at:032x}",
        "occurred_at": at, "said": said, "course": LOGIC, "kind": "course", "instance": SESSION,
        "person": "77",
    }  # fmt: skip
    return Fact(**(named | more))  # type: ignore[arg-type]


def enrolled(person: str = ADA) -> Enrollment:
    """Ada's enrolment before its first fact."""
    id = Enrollment.stream(person, LOGIC, SESSION)
    return Enrollment(id, Identity("adobe", "1", person, LOGIC, "course", SESSION))


def session() -> Instance:
    """The session before its first report."""
    id = Instance.stream("adobe", "1", LOGIC, SESSION)
    return Instance(id, Identity("adobe", "1", course=LOGIC, kind="course", instance=SESSION))


def learner() -> LearnerSignIns:
    """Ada before she was first seen."""
    return LearnerSignIns(LearnerSignIns.stream(ADA), Identity("adobe", "1", ADA))


def signed_in(at: int) -> Fact:
    """Ada was seen."""
    return fact(LearnerSeen(), at, course="", kind="", instance=None)


def asked(
    rules: Decider, enrollment: Enrollment, now: int, live_since: int = 0
) -> Decisions | None:
    """What the one rule about silences makes of an enrolment."""
    ((rule, _),) = stalled_rules(rules.active)
    return rules.decide([rule], SilenceOccurrence.of(enrollment, now, live_since), World())


def told(aggregate: Aggregate, fact: Fact, now: int = NOW, imported: bool = False):  # type: ignore[no-untyped-def]
    """The aggregate after one more fact, and what happened."""
    after, event = aggregate.record(PlacedFact(fact, 1, 0, imported), now, TIMING)
    return after, AppendedEvent(after.id, after.version, event, after)
