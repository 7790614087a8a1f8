"""The four aggregates side by side: which one a fact is about, new, and from its stream."""

from collections.abc import Mapping, Sequence

from service.learners.course import CourseRecorded, LearningObject, Title
from service.learners.enrollment import Enrollment, EnrollmentRecorded, Who
from service.learners.facts import CourseSaid, EnrollmentSaid, Fact, InstanceSaid, LearnerSaid
from service.learners.instance import Instance, InstanceRecorded, Place
from service.learners.learner import Learner, LearnerRecorded, Member
from service.learners.world import Aggregate
from service.ledger.events import Body


def stream_of(fact: Fact, person: str) -> str:
    """The stream a fact belongs on; `person` is the learner's id, empty for none."""
    if isinstance(fact.said, EnrollmentSaid):
        return Enrollment.stream(person, fact.course, fact.instance)
    if isinstance(fact.said, InstanceSaid):
        return Instance.stream(fact.source, fact.account, fact.course, fact.instance or "")
    if isinstance(fact.said, LearnerSaid):
        return Learner.stream(person)
    return LearningObject.stream(fact.source, fact.account, fact.course)


def new_aggregate(stream: str, fact: Fact, person: str) -> Aggregate:
    """The aggregate as it is before its first fact."""
    if isinstance(fact.said, EnrollmentSaid):
        who = Who(fact.source, fact.account, person, fact.course, fact.kind, fact.instance)
        return Enrollment(stream, who)
    if isinstance(fact.said, InstanceSaid):
        instance = fact.instance or ""
        return Instance(stream, Place(fact.source, fact.account, fact.course, fact.kind, instance))
    if isinstance(fact.said, LearnerSaid):
        return Learner(stream, Member(fact.source, fact.account, person))
    assert isinstance(fact.said, CourseSaid)
    return LearningObject(stream, Title(fact.source, fact.account, fact.course, fact.kind))


def load(stream: str, bodies: Sequence[Body], lateness: Mapping[str, int]) -> Aggregate:
    """The aggregate a stream holds; `lateness` in ms by source."""
    first = bodies[0]
    if isinstance(first, EnrollmentRecorded):
        source = first.who.source if first.who else ""
        events = [body for body in bodies if isinstance(body, EnrollmentRecorded)]
        return Enrollment.load(stream, events, lateness.get(source, 0))
    if isinstance(first, InstanceRecorded):
        return Instance.load(stream, [b for b in bodies if isinstance(b, InstanceRecorded)])
    if isinstance(first, LearnerRecorded):
        return Learner.load(stream, [b for b in bodies if isinstance(b, LearnerRecorded)])
    return LearningObject.load(stream, [b for b in bodies if isinstance(b, CourseRecorded)])
