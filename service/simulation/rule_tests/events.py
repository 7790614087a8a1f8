"""Events: those of a rule test, read into the facts that the letters bring."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

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
from service.rules.fields import EVENTS as RULE_EVENTS
from service.rules.language.errors import Report
from service.rules.language.shape import Key, OneOf, Value
from service.rules.language.values import named
from service.rules.language.yaml_reader import Block
from service.rules.text import listed
from service.simulation.rule_tests.scenario import Given, Wish
from service.simulation.rule_tests.values import (
    COUNT,
    NAME,
    PERCENT,
    SPAN,
    TEXT,
    TRUTH,
    Part,
    lacks,
    one_of,
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

READ: Mapping[str, Value] = {
    "enrollment_source": TEXT,
    "percent": PERCENT,
    "module": TEXT,
    "score": PERCENT,
    "passed": TRUTH,
    "enrollment_count": COUNT,
    "waitlist_count": COUNT,
    "seat_limit": COUNT,
}

ABOUT: tuple[tuple[type[FactBody], tuple[str, ...], tuple[str, ...]], ...] = (
    (EnrollmentFact, ("learner", "course"), ("instance",)),
    (InstanceFact, ("instance",), ("course",)),
    (CourseFact, ("course",), ()),
    (LearnerFact, ("learner",), ()),
)


def carried(event: str) -> Mapping[str, Value]:
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
DOCS = {
    **{event.name: event.doc for event in RULE_EVENTS.values()},
    "watch.asked": "a person asked to be told of a free seat",
    "watch.stopped": "a person does not wish to be told any more",
}


def _event(raw: Any) -> str:
    if not isinstance(raw, str) or raw not in EVENTS:
        raise ValueError(lacks(raw, EVENTS, "event"))
    return raw


class Event(Part):
    """What happens, and when."""

    at: Annotated[int, SPAN]
    """How long after the start, e.g. 2d or 1h30m."""
    event: Annotated[str, Value(_event, named(EVENTS, (DOCS[name] for name in EVENTS)))]
    """What happens."""
    source: Annotated[str, NAME] = SOURCE
    """Of which LMS; adobe if left out."""
    account: Annotated[str, TEXT] = ACCOUNT
    """Of which account of the LMS."""


class Letter(Event):
    """What a letter says."""

    name: Annotated[str, TEXT] | None = None
    """What the LMS calls the event, if conditions read it."""
    by_admin: Annotated[bool, TRUTH] = False
    """Whether an administrator did it."""


class Unnamed(Part):
    """An event that does not say what happens."""

    at: Any = None
    learner: Any = None
    course: Any = None
    instance: Any = None
    event: Annotated[str, TEXT]


SUBJECTS = {
    "learner": "Who it is about, a name under `people`.",
    "course": "Which course, a name under `courses`.",
    "instance": "Which session or batch of the course, any id.",
}


def _keys(names: Iterable[str], *, needed: bool = False) -> dict[str, Key]:
    return {
        name: Key(TEXT if name == "instance" else NAME, SUBJECTS[name], needed) for name in names
    }


def _carried(event: str) -> dict[str, Key]:
    return {name: Key(value, _said_by(name)) for name, value in carried(event).items()}


def _said_by(name: str) -> str:
    return f"Said by {listed(event for event in EVENTS if name in carried(event))}."


def _shape_of(event: str) -> type[Event]:
    base = Event if event in WISHES else Letter
    must, may = about(event)
    shape = base.with_keys(_keys(must, needed=True) | _keys(may) | _carried(event))
    shape.of = f" of {event}"
    return shape


SHAPES = {event: _shape_of(event) for event in EVENTS}
ANY_EVENT = Letter.with_keys(
    _keys(SUBJECTS) | {name: key for event in EVENTS for name, key in _carried(event).items()}
)
"""Everything that one event or another says, for editors."""


class OneEvent(OneOf):
    """Marks an event, whose keys depend on what happens."""

    expected = Part.expected

    def choose(self, raw: Block, report: Report) -> type[Part] | None:
        """Tell what is wrong with an event that cannot be told apart, and not more."""
        event = raw.get("event")
        if isinstance(event, str) and event in SHAPES:
            return SHAPES[event]
        if "event" not in raw:
            return Unnamed
        report.error((*raw.path, "event"), lacks(event, EVENTS, "event"))
        return None


class Events:
    """Reads the events of one test, each of which may rest on those before it.

    Who does not say again in which instance a learner is, or of which course an instance is,
    means the one said before.
    """

    def __init__(
        self,
        report: Report,
        sources: Sequence[str],
        people: Mapping[str, PersonRow],
        courses: Mapping[str, CourseRow],
    ) -> None:
        self._report = report
        self._sources = sources
        self._people = people
        self._courses = courses
        self._instances: dict[tuple[str, ...], str] = {}
        self._places: dict[str, str] = {}

    def read(self, events: Iterable[Event], start: int) -> tuple[Given, ...]:
        """What happens, in the order of time; `start` is when the test begins (ms UTC)."""
        read = (self._one(event, start) for event in events)
        return tuple(sorted((each for each in read if each), key=attrgetter("at")))

    def _one(self, shape: Event, start: int) -> Given | None:
        found = self._known(shape)
        must, _ = about(shape.event)
        if not all(name in found for name in ("at", *must)):
            return None
        course = found.get("course", "")
        if not course and "instance" in must:
            course = self._course_of(found["instance"], shape)
        found["course"] = course
        wishes = shape.event in WISHES
        what = self._wish(shape, found) if wishes else self._fact(shape, found, start)
        return Given(shape.at, what, shape.line)

    def _known(self, shape: Event) -> dict[str, Any]:
        """What an event says, without what names nobody and nothing."""
        found = shape.values()
        if "source" in found:
            try:
                one_of(self._sources).read(shape.source)
            except ValueError as error:
                self._report.error(shape.path_to("source"), str(error))
                del found["source"]
        for key, names, what, where in (
            ("learner", self._people, "person", " under 'people'"),
            ("course", self._courses, "course", " under 'courses'"),
        ):
            if not shape.check_known(self._report, key, names, what, where):
                found.pop(key, None)
        return found

    def _course_of(self, instance: str, shape: Event) -> str:
        course = self._places.get(instance) or instance.rpartition("_")[0]
        if course in self._courses:
            return course
        message = "say the course: no event before this one says of which the instance is"
        self._report.error(shape.path_to("instance"), message)
        return ""

    def _fact(self, shape: Event, found: Mapping[str, Any], start: int) -> Fact:
        course, name = found["course"], found.get("name", shape.event)
        source, account = _origin(found)
        row = self._courses.get(course)
        return Fact(
            source=source,
            account=account,
            name=name,
            key=fact_key((source, account, name, str(shape.path)), b""),
            occurred_at=start + shape.at,
            said=said(shape.event, found),
            course=course,
            kind=(row and row.kind) or "course",
            instance=self._instance(found),
            person=found.get("learner"),
            by_admin=found.get("by_admin", False),
        )

    def _wish(self, shape: Event, found: Mapping[str, Any]) -> Wish:
        stops = shape.event == WISHES[1]
        source, account = _origin(found)
        return Wish(source, account, found["learner"], found["course"], found["instance"], stops)

    def _instance(self, found: Mapping[str, Any]) -> str | None:
        instance: str | None = found.get("instance")
        enrollment = (*_origin(found), found.get("learner", ""), found["course"])
        if instance is None:
            return self._instances.get(enrollment)
        self._instances[enrollment] = instance
        self._places[instance] = found["course"]
        return instance


def _origin(found: Mapping[str, Any]) -> tuple[str, str]:
    """Give the source and the account, as they are written or the usual ones."""
    return found.get("source", SOURCE), found.get("account", ACCOUNT)
