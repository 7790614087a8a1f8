"""Read files of rule tests into scenarios or every mistake, and write their JSON Schema."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from service.learners.facts import course_id
from service.learners.text_form import text_form
from service.rules.calendar import DAY
from service.rules.fields import KINDS
from service.rules.language.errors import Diagnostic, Report
from service.rules.language.reader import NOT_UTF8, read_report
from service.rules.language.schema import DIALECT, shape_schema
from service.rules.language.shape import LIST, Many, Schema
from service.rules.language.values import TRUTH, named
from service.rules.notification import SENT, STATES
from service.rules.rule import Rule, RuleSet
from service.simulation.rule_tests.event_part import EventPart
from service.simulation.rule_tests.given import Events
from service.simulation.rule_tests.scenario import Expected, Given, Scenario
from service.simulation.rule_tests.script_values import (
    COLUMNS,
    NAME,
    NONE,
    SPAN,
    TEXT,
    TEXTS,
    ZONE_NAME,
    Known,
    Part,
    one_of,
    wall_time,
)

LEFT = "left"
START = "2026-01-05 09:00"
"""A Monday morning, in the zone of the rule file."""
AFTERWARDS = 31 * DAY

Text = Annotated[str, TEXT]
Name = Annotated[str, NAME]
Texts = Annotated[tuple[str, ...], TEXTS]
Span = Annotated[int, SPAN]
Truth = Annotated[bool, TRUTH]


class PersonPart(Part):
    """Say what an import says of a person."""

    name: Text | None = None
    """Of the person: name."""
    email: Text | None = None
    """Of the person: email."""
    manager: Name | None = None
    """Of the person: manager."""
    timezone: Annotated[str, ZONE_NAME] | None = None
    """Of the person: timezone."""
    locale: Text | None = None
    """Of the person: locale."""
    groups: Texts | None = None
    """Of the person: groups."""
    fields: Annotated[dict[str, str], COLUMNS] | None = None
    """Of the person: fields."""
    left: Truth | None = None
    """Whether they have left, so that nobody writes to them."""

    def row(self, id_: str) -> PersonRow:
        """Give the person; a name and an address are made up where none is given."""
        address = re.sub(r"\W+", ".", id_).strip(".") or "somebody"
        found = {"name": id_.capitalize(), "email": f"{address}@example.org"} | self.values()
        if found.pop("left", False):
            found["left_as"] = LEFT
        return PersonRow(id_, **found | ({"email": None} if found["email"] == NONE else {}))


class CoursePart(Part):
    """Say what an import says of a course."""

    title: Text | None = None
    """Of the course: title."""
    kind: Annotated[str, one_of(KINDS)] | None = None
    """Of the course: kind."""
    tags: Texts | None = None
    """Of the course: tags."""
    url: Text | None = None
    """Of the course: url."""
    parents: Texts | None = None
    """Of the course: parents."""

    def row(self, id_: str) -> CourseRow:
        """Give the course."""
        return CourseRow(id_, **self.values())


class ExpectedPart(Part):
    """Say who is told what."""

    skipped: ClassVar[bool]

    rule: Name
    """Because of which rule."""
    to: Name | None = None
    """To whom, a name under `people`."""
    post: Name | None = None
    """Into which room."""
    template: Name | None = None
    """With which words."""

    def compiled(self) -> Expected:
        """Give the expectation."""
        found = self.values()
        to, post = found.pop("to", None), found.pop("post", None)
        whom = text_form(to) if to else post
        return Expected(self.line, self.skipped, whom=whom, **found)


class SentPart(ExpectedPart):
    """Expect a message that is sent."""

    skipped = False

    at: Span | None = None
    """When it is sent, counted from the start."""
    subject: Text | None = None
    """What is in the subject."""
    text: Text | None = None
    """What is in the text."""


class SkippedPart(ExpectedPart):
    """Expect a message that is decided and does not leave."""

    skipped = True

    state: Annotated[str, one_of(state for state in STATES if state != SENT)] | None = None
    """How it ends, or waits."""
    reason: Text | None = None
    """What is in the reason, e.g. throttle."""


_NAMED = Many(dict, "expected a mapping of 'name: …' lines, got {}")
People = Annotated[dict[str, PersonPart], _NAMED]
Courses = Annotated[dict[str, CoursePart], _NAMED]


class ScenarioPart(Part):
    """Describe one test."""

    name: Text
    """What must be so, the only test of that name."""
    start: Name = START
    """When it begins, e.g. 2026-03-02 09:00; else a Monday at 09:00."""
    people: People | None = None
    """Who there is, each by an LMS id of your choice."""
    courses: Courses | None = None
    """Which courses there are, each by its LMS id."""
    given: Annotated[list[EventPart], LIST]
    """What happens, each at its time."""
    feeds_fall_silent: Truth = False
    """Whether a source that says nothing more is silent."""
    until: Span | None = None
    """How long it is played, 31 days after the last event if left out."""
    expect: Annotated[list[SentPart], LIST] = []
    """Who is told what; `[]` is nobody."""
    expect_skipped: Annotated[list[SkippedPart], LIST] = []
    """What is decided and does not leave."""
    expect_nothing_else: Truth = True
    """Whether more that is sent is a failure; true."""


class ScriptPart(Part):
    """Hold a file of tests."""

    people: People | None = None
    """Who there is, each by an LMS id of your choice."""
    courses: Courses | None = None
    """Which courses there are, each by its LMS id."""
    tests: Annotated[list[ScenarioPart], LIST]
    """Each is played by itself, with the people and courses of the file."""


def read_script(
    data: bytes, name: str, rules: RuleSet, sources: Sequence[str]
) -> tuple[list[Scenario], list[Diagnostic]]:
    """Read the tests of a file, for these rules; with a mistake there are none."""
    try:
        decoded = data.decode()
    except UnicodeDecodeError:
        return [], [Diagnostic(name, 1, 1, message=NOT_UTF8)]
    report = read_report(decoded, name, "tests:")
    file = None if report.document.data is None else ScriptPart.read(report)
    scenarios = ScriptReader(report, rules, sources).read(file) if file else []
    return ([] if report.failed else scenarios), report.problems()


class ScriptReader:
    """Make scenarios of one file, whose people and courses are there in each of its tests."""

    def __init__(self, report: Report, rules: RuleSet, sources: Sequence[str]) -> None:
        self._report = report
        self._rules = {rule.id: rule for rule in rules.rules}
        self._sources = sources
        self._file = rules
        self._zone = ZoneInfo(rules.defaults.timezone)

    def read(self, file: ScriptPart) -> list[Scenario]:
        """Give every test that can be read."""
        if file.tests == []:
            self._report.error(("tests",), "there is no test in this file")
        people, courses = self._people(file, {}), self._courses(file, {})
        tests = [test for test in file.tests or () if test and test.has("name")]
        self._check_names(tests)
        return [self._test(test, people, courses) for test in tests]

    def _check_names(self, tests: Sequence[ScenarioPart]) -> None:
        names: dict[str, int] = {}
        for test in tests:
            path = test.path_to("name")
            line = self._report.line(path)
            if names.setdefault(test.name, line) != line:
                message = f"a test of this name is there already (line {names[test.name]})"
                self._report.error(path, message)

    def _test(
        self,
        test: ScenarioPart,
        people: Mapping[str, PersonRow],
        courses: Mapping[str, CourseRow],
    ) -> Scenario:
        people = {**people, **self._people(test, people)}
        courses = {**courses, **self._courses(test, courses)}
        start = self._start(test)
        events = Events(
            self._report, self._sources, rules=self._file, people=people, courses=courses
        )
        given = events.read(filter(None, test.given or ()), start)
        expected = [each for each in (*(test.expect or ()), *(test.expect_skipped or ())) if each]
        for each in expected:
            self._check_expected(each, people)
        self._check_expects(test)
        return Scenario(
            name=test.name,
            line=test.line,
            start=start,
            until=self._until(test, given),
            people=tuple(people.values()),
            courses=tuple(courses.values()),
            given=given,
            expected=() if self._report.failed else tuple(each.compiled() for each in expected),
            nothing_else=test.expect_nothing_else,
            feeds_fall_silent=test.feeds_fall_silent,
        )

    def _start(self, test: ScenarioPart) -> int:
        try:
            return wall_time(START if test.start is None else test.start, self._zone)
        except ValueError as error:
            self._report.error(test.path_to("start"), str(error))
            return wall_time(START, self._zone)

    def _until(self, test: ScenarioPart, given: Sequence[Given]) -> int:
        last = given[-1].at if given else 0
        until = last + AFTERWARDS if test.until is None else test.until
        if until < last:
            self._report.error(test.path_to("until"), "the last event is given after this")
        return until

    def _check_expects(self, test: ScenarioPart) -> None:
        """Report a test that cannot fail: most likely a key is missing."""
        lists = ("expect", "expect_skipped")
        meant = self._report.meant
        if not any(test.says(key) or test.path_to(key) in meant for key in lists):
            message = "say what to expect; 'expect: []' is that nobody is told anything"
            self._report.error(test.path, message)
        elif test.expect_nothing_else is False and all(getattr(test, key) == [] for key in lists):
            message = "nothing is expected and everything else allowed: this cannot fail"
            self._report.error(test.path_to("expect_nothing_else"), message)

    def _people(
        self, part: ScriptPart | ScenarioPart, others: Mapping[str, PersonRow]
    ) -> dict[str, PersonRow]:
        said = (part.people or {}).items()
        people = {text_form(id_): each or PersonPart.nothing() for id_, each in said}
        for each in people.values():
            each.check_known(self._report, "manager", _people({**others, **people}))
        return {id_: each.row(id_) for id_, each in people.items()}

    def _courses(
        self, part: ScriptPart | ScenarioPart, others: Mapping[str, CourseRow]
    ) -> dict[str, CourseRow]:
        said = (part.courses or {}).items()
        courses = {course_id(id_): each or CoursePart.nothing() for id_, each in said}
        known = Known("course", {**others, **courses}, form=course_id)
        for each in courses.values():
            unknown = next((name for name in each.parents or () if not known.has(name)), None)
            if unknown is not None:
                self._report.error(each.path_to("parents"), known.lacks(unknown))
        return {id_: each.row(id_) for id_, each in courses.items()}

    def _check_expected(self, part: ExpectedPart, people: Collection[str]) -> None:
        report = self._report
        whom = part.check_known(report, "to", _people(people))
        room = part.has("post")
        if part.check_known(report, "rule", Known("rule", self._rules)):
            id_, rules = part.rule, [self._rules[part.rule]]
            rooms = Known("room", rooms_of(rules), f" that '{id_}' tells")
            room = part.check_known(report, "post", rooms)
            templates = Known("template", words_of(rules), f" of '{id_}'")
            part.check_known(report, "template", templates)
        if whom and room:
            report.error(part.path_to("post"), "'to' is a person, 'post' a room; write one")


def _people(names: Collection[str]) -> Known:
    return Known("person", names, " under 'people'", form=text_form)


def rooms_of(rules: Sequence[Rule]) -> list[str]:
    """Name the rooms that rules tell."""
    return list(dict.fromkeys(e.post for rule in rules for e in rule.entries if e.post))


def words_of(rules: Sequence[Rule]) -> list[str]:
    """Name the templates of rules."""
    return list(dict.fromkeys(entry.template for rule in rules for entry in rule.entries))


def script_schema(rules: Sequence[Rule], sources: Sequence[str]) -> Schema:
    """Write the schema of a file of tests for these rules and these sources."""
    known: dict[str, Schema] = {
        "rule": named((rule.id for rule in rules), (rule.description or rule.id for rule in rules)),
        "post": named(rooms_of(rules)),
        "template": named(words_of(rules)),
    }
    test = shape_schema(
        ScenarioPart,
        given=_list(shape_schema(EventPart, source=named(sources))),
        expect=_list(shape_schema(SentPart, **known)),
        expect_skipped=_list(shape_schema(SkippedPart, **known)),
    )
    title = {"$schema": DIALECT, "title": "Coursebell rule tests"}
    return title | shape_schema(ScriptPart, tests={"type": "array", "minItems": 1, "items": test})


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}
