"""Read the events of a rule test into the facts that the letters bring."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from service.learners.facts import Fact, course_id, fact_key
from service.learners.text_form import text_form
from service.rules.language.errors import Report
from service.rules.rule import RuleSet
from service.simulation.rule_tests.event_part import (
    ACCOUNT,
    CHOOSES,
    CHOSEN,
    SOURCE,
    TURNS,
    WISHES,
    EventPart,
    about,
    said,
)
from service.simulation.rule_tests.scenario import ChannelTurn, Given, ReaderChoice, Wish
from service.simulation.rule_tests.script_values import NONE, Known, one_of

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
        rules: RuleSet,
        people: Mapping[str, PersonRow],
        courses: Mapping[str, CourseRow],
    ) -> None:
        self._report = report
        self._sources = sources
        self._people = people
        self._courses = courses
        self._channels = rules.channels
        self._rules = [rule.id for rule in rules.rules]
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
    ) -> Fact | Wish | ReaderChoice | ChannelTurn:
        if shape.event == CHOOSES:
            chosen = {name: found[name] for name in CHOSEN if name in found}
            changes = {name: None if value == NONE else value for name, value in chosen.items()}
            return ReaderChoice(found["learner"], changes)
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
        for rule in found.get("stopped", ()):
            if rule not in self._rules:
                report, path = self._report, shape.path_to("stopped")
                report.error(path, Known("rule", self._rules).lacks(rule))
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
