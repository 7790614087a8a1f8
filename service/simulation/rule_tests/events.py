"""Givens: the events of a rule test, read into the facts that the letters bring."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from service.learners import facts
from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from service.learners.facts import (
    CourseFact,
    EnrollmentFact,
    Fact,
    FactBody,
    InstanceFact,
    LearnerFact,
    fact_key,
)
from service.rules.language.yaml_reader import Path
from service.simulation.rule_tests.scenario import Given, Wish
from service.simulation.rule_tests.values import (
    Read,
    Sheet,
    count,
    known,
    one_of,
    percent,
    span,
    text,
    truth,
)

SAID: Mapping[str, type[FactBody]] = {
    kind.TOPIC: kind
    for kind in (
        facts.Enrolled,
        facts.Started,
        facts.ProgressReported,
        facts.ModuleCompleted,
        facts.Completed,
        facts.CompletionRevoked,
        facts.Unenrolled,
        facts.CourseDrafted,
        facts.CourseModified,
        facts.CourseDeleted,
        facts.InstanceModified,
        facts.InstanceDeleted,
        facts.SeatsReported,
        facts.LearnerSeen,
    )
}
"""Facts by the name that rules give the event."""

WISHES = ("watch.asked", "watch.stopped")
"""A person wishes to be told of a free seat, or not any more: no letter says so."""

CALLED = {"percent": "progress"}
"""What a rule file calls a part of a fact by another name."""

READ: Mapping[str, Read] = {
    "enrollment_source": text,
    "percent": percent,
    "module": text,
    "score": percent,
    "passed": truth,
    "enrollment_count": count,
    "waitlist_count": count,
    "seat_limit": count,
}

ABOUT: tuple[tuple[type[FactBody], tuple[str, ...], tuple[str, ...]], ...] = (
    (EnrollmentFact, ("learner", "course"), ("instance",)),
    (InstanceFact, ("instance",), ("course",)),
    (CourseFact, ("course",), ()),
    (LearnerFact, ("learner",), ()),
)


def carried(event: str) -> Mapping[str, Read]:
    """The values that an event carries, by what a rule file calls them."""
    if event in WISHES:
        return {}
    return {CALLED.get(name, name): READ[name] for name in SAID[event].__struct_fields__}


def about(event: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What an event must name, and what it may."""
    if event in WISHES:
        return ("learner", "instance"), ("course",)
    return next((must, may) for kind, must, may in ABOUT if issubclass(SAID[event], kind))


def said(event: str, values: Mapping[str, Any]) -> FactBody:
    """The content of the fact, from what was read."""
    kind: Callable[..., FactBody] = SAID[event]
    names = {CALLED.get(name, name): name for name in SAID[event].__struct_fields__}
    return kind(**{names[key]: value for key, value in values.items() if key in names})


SOURCE, ACCOUNT = "adobe", "1"
EVENTS = (*SAID, *WISHES)
EVENT = known(EVENTS, "event")


class Givens:
    """Reads the events of one test, each of which may rest on those before it.

    Who does not say again in which instance a learner is, or of which course an instance is,
    means the one said before.
    """

    def __init__(
        self,
        sheet: Sheet,
        sources: Sequence[str],
        people: Mapping[str, PersonRow],
        courses: Mapping[str, CourseRow],
    ) -> None:
        self._sheet = sheet
        self._courses = courses
        self._instances: dict[tuple[str, ...], str] = {}
        self._places: dict[str, str] = {}
        self._subjects: Mapping[str, Read] = {
            "learner": known(people, "person", " under 'people'"),
            "course": known(courses, "course", " under 'courses'"),
            "instance": text,
        }
        self._envelope: Mapping[str, Read] = {
            "at": span,
            "event": EVENT,
            "source": one_of(sources),
            "account": text,
        }

    def read(self, raw: Any, path: Path, start: int) -> tuple[Given, ...]:
        """What happens, in the order of time; `start` is when the test begins (ms UTC)."""
        read = (self._one(item, where, start) for where, item in self._sheet.items(raw, path))
        return tuple(sorted((each for each in read if each), key=attrgetter("at")))

    def _one(self, raw: Any, path: Path, start: int) -> Given | None:
        event = raw.get("event") if isinstance(raw, dict) else None
        if not isinstance(event, str) or event not in EVENTS:
            self._unnamed(raw, path)
            return None
        must, may = about(event)
        subjects = {name: self._subjects[name] for name in (*must, *may)}
        letter = {} if event in WISHES else {"name": text, "by_admin": truth}
        keys = {**self._envelope, **letter, **subjects, **carried(event)}
        needed = ("at", *must)
        found = self._sheet.mapping(raw, path, keys, needed, of=f" of {event}")
        if not all(name in found for name in needed):
            return None
        course = found.get("course", "")
        if not course and "instance" in must:
            course = self._course_of(found["instance"], path)
        what = self._wish if event in WISHES else self._fact
        line = self._sheet.report.line(path)
        return Given(found["at"], what(event, found | {"course": course}, path, start), line)

    def _unnamed(self, raw: Any, path: Path) -> None:
        """Tells what is wrong with an event that cannot be told apart, and not more."""
        if isinstance(raw, dict) and "event" in raw:
            self._sheet.value(raw["event"], (*path, "event"), EVENT)
        else:
            some = dict.fromkeys(("at", "learner", "course", "instance"), _anything)
            self._sheet.mapping(raw, path, some | {"event": EVENT}, ("event",))

    def _course_of(self, instance: str, path: Path) -> str:
        course = self._places.get(instance) or instance.rpartition("_")[0]
        if course in self._courses:
            return course
        message = "say the course: no event before this one says of which the instance is"
        self._sheet.report.error((*path, "instance"), message)
        return ""

    def _fact(self, event: str, found: Mapping[str, Any], path: Path, start: int) -> Fact:
        source, account = origin(found)
        course, name = found["course"], found.get("name", event)
        row = self._courses.get(course)
        return Fact(
            source=source,
            account=account,
            name=name,
            key=fact_key((source, account, name, str(path)), b""),
            occurred_at=start + found["at"],
            said=said(event, found),
            course=course,
            kind=(row and row.kind) or "course",
            instance=self._instance(found),
            person=found.get("learner"),
            by_admin=found.get("by_admin", False),
        )

    def _wish(self, event: str, found: Mapping[str, Any], path: Path, start: int) -> Wish:
        source, account = origin(found)
        stops = event == WISHES[1]
        return Wish(source, account, found["learner"], found["course"], found["instance"], stops)

    def _instance(self, found: Mapping[str, Any]) -> str | None:
        instance: str | None = found.get("instance")
        enrollment = (*origin(found), found.get("learner", ""), found["course"])
        if instance is None:
            return self._instances.get(enrollment)
        self._instances[enrollment] = instance
        self._places[instance] = found["course"]
        return instance


def origin(found: Mapping[str, Any]) -> tuple[str, str]:
    """The source and the account, as given or the usual ones."""
    return found.get("source", SOURCE), found.get("account", ACCOUNT)


def _anything(raw: Any) -> Any:
    return raw
