"""Read the events of a rule test into the facts that the letters bring."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
    course_id,
    fact_key,
)
from service.learners.text_form import text_form
from service.rules.fields import EVENTS as RULE_EVENTS
from service.rules.language.errors import Report
from service.rules.language.shape import Value
from service.rules.language.values import TRUTH, named
from service.rules.language.yaml_reader import Block
from service.simulation.rule_tests.scenario import ChannelTurn, Given, Wish
from service.simulation.rule_tests.script_values import (
    COUNT,
    NAME,
    PERCENT,
    SPAN,
    TEXT,
    Known,
    Part,
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
        facts.LearnerLeft,
        facts.LearnerMerged,
    )
}
"""Facts by the name that rules give the event."""

FOLLOWS = {
    "enrollment.result_changed": (
        "expected what leads to it: a second enrollment.completed within a day, with another "
        "passed or score"
    ),
}
"""Events that no letter brings by themselves, and what to give instead."""

WISHES = ("watch.asked", "watch.stopped")
"""A person wishes to be told of a free seat, or not any more: no letter says so."""

TURNS = ("channel.failing", "channel.working")
"""Messages do not leave by a channel any more, or do again."""

CALLED = {"percent": "progress"}
"""What a rule file calls a part of a fact by another name."""

ABOUT: tuple[tuple[type[FactBody], tuple[str, ...], tuple[str, ...]], ...] = (
    (EnrollmentFact, ("learner", "course"), ("instance",)),
    (InstanceFact, ("instance",), ("course",)),
    (CourseFact, ("course",), ()),
    (LearnerFact, ("learner",), ()),
)


def about(event: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell what an event must name, and what it may."""
    if event in WISHES:
        return ("learner", "instance"), ("course",)
    if event in TURNS:
        return ("channel",), ()
    return next((must, may) for kind, must, may in ABOUT if issubclass(SAID[event], kind))


def said(event: str, values: Mapping[str, Any]) -> FactBody:
    """Make the content of a fact of what was read."""
    kind: Callable[..., FactBody] = SAID[event]
    names = {CALLED.get(name, name): name for name in SAID[event].__struct_fields__}
    return kind(**{names[key]: value for key, value in values.items() if key in names})


SOURCE, ACCOUNT = "adobe", "1"
EVENTS = (*SAID, *WISHES, *TURNS)
DOCS = {
    **{event.name: event.doc for event in RULE_EVENTS.values()},
    "learner.merged": "`learner` turned out to be who is named at `into`, who counts from then on",
    "watch.asked": "a person asked to be told of a free seat",
    "watch.stopped": "a person does not wish to be told any more",
    "channel.failing": "messages do not leave by a channel any more",
    "channel.working": "messages leave by a channel again",
}


def _event(raw: Any) -> str:
    if raw in FOLLOWS:
        raise ValueError(FOLLOWS[raw])
    if not isinstance(raw, str) or raw not in EVENTS:
        raise ValueError(Known("event", EVENTS).lacks(raw))
    return raw


class EventPart(Part):
    """Say what happens, and when; which keys that takes depends on what happens."""

    at: Annotated[int, SPAN]
    """How long after the start, e.g. 2d or 1h30m."""
    event: Annotated[str, Value(_event, named(EVENTS, (DOCS[name] for name in EVENTS)))]
    """What happens."""
    name: Annotated[str | None, TEXT] = None
    """What the LMS calls the event, if conditions read it."""
    by_admin: Annotated[bool, TRUTH] = False
    """Whether an administrator did it."""
    learner: Annotated[str | None, NAME] = None
    """Who it is about, a name under `people`."""
    into: Annotated[str | None, NAME] = None
    """Said by learner.merged."""
    course: Annotated[str | None, NAME] = None
    """Which course, a name under `courses`."""
    instance: Annotated[str | None, TEXT] = None
    """Which session or batch of the course, any id."""
    channel: Annotated[str | None, NAME] = None
    """Which channel, a name under `channels` of the rule file."""
    source: Annotated[str, NAME] = SOURCE
    """Of which LMS; adobe if left out."""
    account: Annotated[str, TEXT] = ACCOUNT
    """Of which account of the LMS."""
    enrollment_source: Annotated[str | None, TEXT] = None
    """Said by enrollment.enrolled or enrollment.completed."""
    progress: Annotated[float | None, PERCENT] = None
    """Said by enrollment.progressed or enrollment.module_completed."""
    module: Annotated[str | None, TEXT] = None
    """Said by enrollment.module_completed."""
    score: Annotated[float | None, PERCENT] = None
    """Said by enrollment.module_completed or enrollment.completed."""
    passed: Annotated[bool | None, TRUTH] = None
    """Said by enrollment.completed."""
    enrollment_count: Annotated[int | None, COUNT] = None
    """Said by instance.seats_changed."""
    waitlist_count: Annotated[int | None, COUNT] = None
    """Said by instance.seats_changed."""
    seat_limit: Annotated[int | None, COUNT] = None
    """Said by instance.seats_changed."""

    @classmethod
    def keys_in(cls, block: Block) -> Mapping[str, bool]:
        """Give the keys that go with what happens; where that is not known no key is wrong."""
        if "event" not in block:
            return UNNAMED
        return KEYS.get(str(block["event"]), dict.fromkeys(block, False))

    @classmethod
    def of(cls, block: Block) -> str:
        """Say what happens."""
        return f" of {block['event']}" if "event" in block else ""


def carried(event: str) -> dict[str, Value]:
    """Give the values that an event carries, by what a rule file calls them."""
    names = SAID[event].__struct_fields__ if event in SAID else ()
    return {CALLED.get(name, name): READ[name] for name in names}


def _keys(event: str) -> dict[str, bool]:
    must, may = about(event)
    place = () if event in TURNS else ("source", "account")
    letter = ("name", "by_admin") if event in SAID else ()
    others = dict.fromkeys((*place, *letter), False)
    about_ = dict.fromkeys(must, True) | dict.fromkeys((*may, *carried(event)), False)
    return {"at": True, "event": True} | others | about_


READ = {
    name: EventPart.model_fields[CALLED.get(name, name)].metadata[0]
    for kind in SAID.values()
    for name in kind.__struct_fields__
}
"""What values of facts are written like."""
UNNAMED = {"at": False, "learner": False, "course": False, "instance": False, "event": True}
KEYS: Mapping[str, Mapping[str, bool]] = {event: _keys(event) for event in EVENTS}
"""The keys that go with each event; true for those that must be there."""


SPELLED = {"learner": text_form, "into": text_form, "course": course_id, "instance": course_id}
"""Ids, and how they are brought into their one spelling, which is that of letters."""


class Events:
    """Read the events of one test, each of which may rest on those before it.

    Who does not say again in which instance a learner is, or of which course an instance is,
    means the one said before.
    """

    def __init__(
        self,
        report: Report,
        sources: Sequence[str],
        channels: Collection[str],
        people: Mapping[str, PersonRow],
        courses: Mapping[str, CourseRow],
    ) -> None:
        self._report = report
        self._sources = sources
        self._people = people
        self._courses = courses
        self._channels = channels
        self._instances: dict[tuple[str, ...], str] = {}
        self._places: dict[str, str] = {}

    def read(self, events: Iterable[EventPart], start: int) -> tuple[Given, ...]:
        """Read what happens, in the order of time; `start` is when the test begins (ms UTC)."""
        read = (self._one(event, start) for event in events if event.has("event"))
        return tuple(sorted((each for each in read if each), key=attrgetter("at")))

    def _one(self, shape: EventPart, start: int) -> Given | None:
        found = self._known(shape)
        must, _ = about(shape.event)
        if not all(name in found for name in ("at", *must)):
            return None
        course = found.get("course", "")
        if not course and "instance" in must:
            course = self._course_of(found["instance"], shape)
        found["course"] = course
        return Given(shape.at, self._what(shape, found, start), shape.line)

    def _what(
        self, shape: EventPart, found: Mapping[str, Any], start: int
    ) -> Fact | Wish | ChannelTurn:
        if shape.event in TURNS:
            return ChannelTurn(found["channel"], fails=shape.event == TURNS[0])
        wishes = shape.event in WISHES
        return self._wish(shape, found) if wishes else self._fact(shape, found, start)

    def _known(self, shape: EventPart) -> dict[str, Any]:
        """Give what an event says, without names of nobody and nothing."""
        found = {"source": SOURCE, "account": ACCOUNT} | shape.values()
        if shape.has("source"):
            try:
                one_of(self._sources).read(shape.source)
            except ValueError as error:
                self._report.error(shape.path_to("source"), str(error))
        known = {
            "learner": Known("person", self._people, " under 'people'", form=text_form),
            "into": Known("person", self._people, " under 'people'", form=text_form),
            "course": Known("course", self._courses, " under 'courses'", form=course_id),
            "channel": Known("channel", self._channels, " in the rule file"),
        }
        lacking = [key for key in known if not shape.check_known(self._report, key, known[key])]
        named = {key: value for key, value in found.items() if key not in lacking}
        return named | {key: form(named[key]) for key, form in SPELLED.items() if key in named}

    def _course_of(self, instance: str, shape: EventPart) -> str:
        course = self._places.get(instance) or instance.rpartition("_")[0]
        if course in self._courses:
            return course
        message = "say the course: no event before this one says of which the instance is"
        self._report.error(shape.path_to("instance"), message)
        return ""

    def _fact(self, shape: EventPart, found: Mapping[str, Any], start: int) -> Fact:
        course, name = found["course"], found.get("name", shape.event)
        source, account = found["source"], found["account"]
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
            into=(source, account, found["into"]) if "into" in found else None,
        )

    def _wish(self, shape: EventPart, found: Mapping[str, Any]) -> Wish:
        return Wish(
            source=found["source"],
            account=found["account"],
            person=found["learner"],
            course=found["course"],
            instance=found["instance"],
            stops=shape.event == WISHES[1],
        )

    def _instance(self, found: Mapping[str, Any]) -> str | None:
        instance: str | None = found.get("instance")
        learner, course = found.get("learner", ""), found["course"]
        enrollment = (found["source"], found["account"], learner, course)
        if instance is None:
            return self._instances.get(enrollment)
        self._instances[enrollment] = instance
        self._places[instance] = course
        return instance
