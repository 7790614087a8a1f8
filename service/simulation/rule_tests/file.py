"""The script: a file of rule tests in, scenarios or every mistake in it out."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from service.rules.calendar import DAY
from service.rules.fields import KINDS
from service.rules.language.errors import Problem, Report
from service.rules.language.reader import read_report
from service.rules.language.yaml_reader import Path
from service.rules.notification import SENT, STATES
from service.rules.rule import Rule, RuleSet
from service.simulation.rule_tests.events import Givens
from service.simulation.rule_tests.scenario import Expected, Given, Scenario
from service.simulation.rule_tests.values import (
    NONE,
    Read,
    Sheet,
    columns,
    known,
    one_of,
    span,
    text,
    texts,
    truth,
    wall_time,
    zone,
)

START = "2026-01-05 09:00"
"""A Monday morning, in the zone of the rule file."""
AFTERWARDS = 31 * DAY
NOT_SENT = tuple(state for state in STATES if state != SENT)

FILE = ("people", "courses", "tests")
PERSON: Mapping[str, Read] = {
    "name": text, "email": text, "manager": text, "timezone": zone, "locale": text,
    "groups": texts, "fields": columns,
}  # fmt: skip
COURSE: Mapping[str, Read] = {
    "title": text, "kind": one_of(KINDS), "tags": texts, "url": text, "parents": texts,
}  # fmt: skip


def read_script(
    data: bytes, name: str, rules: RuleSet, sources: Sequence[str]
) -> tuple[list[Scenario], list[Problem]]:
    """The tests of a file, for these rules; with a mistake there are none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [], [Problem(name, 1, 1, "this is not UTF-8; save the file as UTF-8 text")]
    report = read_report(text, name, "tests:")
    if report.page.data is None:
        return [], report.problems()
    scenarios = Script(report, rules, sources).read(report.page.data)
    return ([] if report.failed else scenarios), report.problems()


class Script:
    """Reads one file; people and courses of the file are there in each of its tests."""

    def __init__(self, report: Report, rules: RuleSet, sources: Sequence[str]) -> None:
        self._report = report
        self._sheet = Sheet(report)
        self._rules = {rule.id: rule for rule in rules.rules}
        self._sources = sources
        self._zone = ZoneInfo(rules.defaults.timezone)

    def read(self, data: Any) -> list[Scenario]:
        """Every test that can be read."""
        found = self._sheet.mapping(data, (), dict.fromkeys(FILE, _as_it_is), ("tests",))
        people = self._people(found, (), {})
        courses = self._courses(found, (), {})
        names: dict[str, int] = {}
        tests = self._sheet.items(found.get("tests", []), ("tests",))
        read = [self._test(raw, path, people, courses, names) for path, raw in tests]
        if found.get("tests") == []:
            self._report.error(("tests",), "there is no test in this file")
        return [each for each in read if each]

    def _test(
        self, raw: Any, path: Path, people: Mapping[str, PersonRow],
        courses: Mapping[str, CourseRow], names: dict[str, int],
    ) -> Scenario | None:  # fmt: skip
        keys: dict[str, Read] = {
            "name": text,
            "start": wall_time(self._zone),
            "people": _as_it_is,
            "courses": _as_it_is,
            "given": _as_it_is,
            "feeds_fall_silent": truth,
            "until": span,
            "expect": _as_it_is,
            "expect_skipped": _as_it_is,
            "expect_nothing_else": truth,
        }
        found = self._sheet.mapping(raw, path, keys, ("name", "given"))
        if "name" not in found:
            return None
        self._once(found["name"], path, names)
        people = {**people, **self._people(found, path, people)}
        courses = {**courses, **self._courses(found, path, courses)}
        start = found.get("start") or wall_time(self._zone)(START)
        givens = Givens(self._sheet, self._sources, people, courses)
        given = givens.read(found.get("given", []), (*path, "given"), start)
        expected = (
            *self._expected(found, path, people, skipped=False),
            *self._expected(found, path, people, skipped=True),
        )
        self._expects_something(found, path)
        return Scenario(
            found["name"], self._report.line(path), start, self._until(found, path, given),
            tuple(people.values()), tuple(courses.values()), given, expected,
            found.get("expect_nothing_else", True), found.get("feeds_fall_silent", False),
        )  # fmt: skip

    def _once(self, name: str, path: Path, names: dict[str, int]) -> None:
        line = self._report.line((*path, "name"))
        if names.setdefault(name, line) != line:
            message = f"a test of this name is there already (line {names[name]})"
            self._report.error((*path, "name"), message)

    def _until(self, found: Mapping[str, Any], path: Path, given: Sequence[Given]) -> int:
        last = given[-1].at if given else 0
        until: int = found.get("until", last + AFTERWARDS)
        if until < last:
            self._report.error((*path, "until"), "the last event is given after this")
        return until

    def _expects_something(self, found: Mapping[str, Any], path: Path) -> None:
        """A test that cannot fail is a mistake: most likely a key is missing."""
        lists = ("expect", "expect_skipped")
        if not any(key in found or (*path, key) in self._report.meant for key in lists):
            message = "say what to expect; 'expect: []' is that nobody is told anything"
            self._report.error(path, message)
        elif not found.get("expect_nothing_else", True) and not any(map(found.get, lists)):
            message = "nothing is expected and everything else allowed: this cannot fail"
            self._report.error((*path, "expect_nothing_else"), message)

    def _people(
        self, found: Mapping[str, Any], path: Path, others: Mapping[str, PersonRow]
    ) -> dict[str, PersonRow]:
        if "people" not in found:
            return {}
        named = self._sheet.named(found["people"], (*path, "people"))
        everyone = {*others, *(name for name, _, _ in named)}
        keys = {**PERSON, "manager": known(everyone, "person", " under 'people'")}
        return {
            name: person_row(name, self._sheet.mapping(raw, where, keys))
            for name, where, raw in named
        }

    def _courses(
        self, found: Mapping[str, Any], path: Path, others: Mapping[str, CourseRow]
    ) -> dict[str, CourseRow]:
        if "courses" not in found:
            return {}
        named = self._sheet.named(found["courses"], (*path, "courses"))
        keys = {**COURSE, "parents": _each(known({*others, *(n for n, _, _ in named)}, "course"))}
        return {
            name: CourseRow(name, **self._sheet.mapping(raw, where, keys))
            for name, where, raw in named
        }

    def _expected(
        self, found: Mapping[str, Any], path: Path, people: Mapping[str, PersonRow], *,
        skipped: bool,
    ) -> list[Expected]:  # fmt: skip
        key = "expect_skipped" if skipped else "expect"
        items = self._sheet.items(found.get(key, []), (*path, key))
        read = (self._expectation(raw, where, people, skipped) for where, raw in items)
        return [each for each in read if each]

    def _expectation(
        self, raw: Any, path: Path, people: Mapping[str, PersonRow], skipped: bool
    ) -> Expected | None:
        named = raw.get("rule") if isinstance(raw, dict) else None
        rule = self._rules.get(named) if isinstance(named, str) else None
        keys: dict[str, Read] = {
            "rule": known(self._rules, "rule"),
            "to": known(people, "person", " under 'people'"),
            "post": known(rooms_of(rule), "room", f" that '{rule.id}' tells") if rule else text,
            "template": known(words_of(rule), "template", f" of '{rule.id}'") if rule else text,
        }
        keys |= (
            {"state": one_of(NOT_SENT), "reason": text}
            if skipped
            else {"at": span, "subject": text, "text": text}
        )
        found = self._sheet.mapping(raw, path, keys, ("rule",))
        if "to" in found and "post" in found:
            self._report.error((*path, "post"), "'to' is a person, 'post' a room; write one")
        if "rule" not in found:
            return None
        whom = found.pop("to", None) or found.get("post")
        found.pop("post", None)
        return Expected(self._report.line(path), skipped, whom=whom, **found)


def person_row(name: str, found: Mapping[str, Any]) -> PersonRow:
    """What an import says of a person; a name and an address are made up where none is given."""
    address = re.sub(r"\W+", ".", name).strip(".") or "somebody"
    email = found.get("email", f"{address}@example.org")
    own = dict(found) | {"email": None if email == NONE else email}
    return PersonRow(name, **{"name": name.capitalize(), **own})


def rooms_of(rule: Rule) -> list[str]:
    """The rooms that a rule tells."""
    return [entry.post for entry in rule.entries if entry.post]


def words_of(rule: Rule) -> list[str]:
    """The templates of a rule."""
    return list(dict.fromkeys(entry.template for entry in rule.entries))


def _each(read: Read) -> Read:
    return lambda raw: tuple(map(read, texts(raw)))


def _as_it_is(raw: Any) -> Any:
    return raw
