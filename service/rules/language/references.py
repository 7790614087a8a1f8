"""Say what a rule compares with and nobody has: a tag, a group, an id, a column."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from service.learners.look_alikes import plain
from service.rules.conditions import LISTS, NEGATIONS, FieldTest, ValueTest
from service.rules.fields import Field, Sources
from service.rules.known_values import KnownValues
from service.rules.language.columns import column_of
from service.rules.text import UNSHOWN, counted, nearest, shown

COMPARED_MAX = 2_000
"""So many known values, the most common, are looked through for one like what was written."""
NAMED_MAX = 3
SHARED = 2
"""A value of a column that fewer have may be a name, and is not told."""
NO_PEOPLE = (
    "nobody is imported yet, so groups, languages and columns are not compared with what there "
    "is; `coursebell people import FILE`"
)
NO_COURSES = (
    "no course is imported yet, so tags and titles are not compared with what there is; "
    "`coursebell courses import FILE`"
)


class OwnersInWords(NamedTuple):
    """Put into words who may have a value, and what it is; `owners` are counted in messages.

    An `ordinary` value, as a language, is asked for before anybody has it. Two `ids` that look
    alike are not near. What is `private` is told only when it was nearly written.
    """

    nobody: str
    has: str
    owners: tuple[str, str] | None = None
    ordinary: bool = False
    ids: bool = False
    private: bool = False


PEOPLE = ("person", "people")
KNOWN: Mapping[str, OwnersInWords] = {
    "learner.groups": OwnersInWords("nobody", "is in the group", PEOPLE),
    "learner.locale": OwnersInWords("nobody", "has the locale", PEOPLE, ordinary=True),
    "learner.timezone": OwnersInWords("nobody", "has the time zone", PEOPLE, ordinary=True),
    "course.id": OwnersInWords("no course", "has the id", ids=True),
    "course.title": OwnersInWords("no course", "has the title"),
    "course.tags": OwnersInWords("no course", "has the tag", ("course", "courses")),
    "course.parents": OwnersInWords("no course", "belongs to", ids=True),
    "instance.id": OwnersInWords("no session", "has the id", ids=True),
    "enrollment.source": OwnersInWords("no enrollment", "has the source"),
    "event.source": OwnersInWords("nothing", "has come from the source"),
    "event.account": OwnersInWords("nothing", "has come from the account", ids=True),
}
COLUMN = OwnersInWords("nobody", "has the {}", PEOPLE, ordinary=True, private=True)
COLUMN_NAME = OwnersInWords("no import", "brought the column")
OF_ONE = {
    "ne": "eq",
    "in": "eq",
    "not_in": "eq",
    "contains_any": "contains",
    "contains_all": "contains",
}
"""The operator that asks of one value what another denies, or asks of a list."""
IN_WORDS = {"contains": "with {} in it", "matches": "like {}"}


COMPARISONS_MAX = 2_000_000
SEARCH = 10
"""How many comparisons it costs to see how like two texts are."""


@dataclass
class _Comparisons:
    """Count what is compared for one file: names in it times values that there are.

    What is looked at for how like it is has a share of its own, so that some hints are given.
    """

    left: int = COMPARISONS_MAX
    left_for_hints: int = COMPARISONS_MAX

    def compare(self, count: int) -> bool:
        """Tell whether so many more may be made."""
        self.left -= count
        return self.left >= 0

    def search(self, count: int) -> bool:
        """Tell whether so many more may be looked at."""
        self.left_for_hints -= SEARCH * count
        return self.left_for_hints >= 0


class Stray(NamedTuple):
    """Say that nobody has a value; `place` is its index in a list."""

    message: str
    place: int | None = None


@dataclass(frozen=True)
class References:
    """Look for what rules compare with among the values that there are."""

    known: KnownValues
    sources: Sources
    comparisons: _Comparisons = field(default_factory=_Comparisons)

    def lacks_column(self, field: Field) -> str | None:
        """Say that no import brought the extra column that a field reads; None for any other."""
        name = column_of(field.name)
        if name is None or not self.known.people:
            return None
        compared = Compared(field, COLUMN_NAME, self.known.columns, comparisons=self.comparisons)
        return None if compared.has("eq", name) else compared.told("eq", name)

    def strays(self, field: Field, test: FieldTest, *, denied: bool) -> Iterator[Stray]:
        """Say of each value that a condition compares with whether nobody has it.

        Of one that must not be so (`denied`) less is told: it may be there as a guard.
        """
        words = _words(field.name)
        if words is None or test.operator == "empty" or self.lacks_column(field):
            return
        compared = Compared(field, words, self._counts(field.name), comparisons=self.comparisons)
        if not compared.counts and (nothing := self._nothing(field.name)):
            yield Stray(nothing)
        elif compared.counts or words.owners:
            yield from compared.strays(test, denied=denied != (test.operator in NEGATIONS))

    def _counts(self, field: str) -> Counter[str]:
        counts = self.known.of(field)
        if field == "event.source" and counts:
            return counts + Counter(self.sources.configured)
        return counts

    def _nothing(self, field: str) -> str | None:
        """Say that nothing was imported that a field could be compared with."""
        if field.startswith("learner."):
            return None if self.known.people else NO_PEOPLE
        return NO_COURSES if field.startswith("course.") and not self.known.courses else None


def _words(field: str) -> OwnersInWords | None:
    column = column_of(field)
    if column is None:
        return KNOWN.get(field)
    return COLUMN._replace(has=COLUMN.has.format(shown(column).strip("'")))


@dataclass(frozen=True)
class Compared:
    """Hold the values that a field has, to compare with them as conditions do."""

    field: Field
    words: OwnersInWords
    counts: Counter[str]
    comparisons: _Comparisons

    def strays(self, test: FieldTest, *, denied: bool) -> Iterator[Stray]:
        """Say which of the values that a test compares with nobody has."""
        in_list, operator = test.operator in LISTS, OF_ONE.get(test.operator, test.operator)
        values = list(test.operand) if in_list else [test.operand]  # type: ignore[arg-type]
        missing = {
            index: str(value)
            for index, value in enumerate(values)
            if not self.has(operator, str(value))
        }
        may_be_meant = self.words.ordinary and (denied or len(missing) < len(values))
        for index, value in missing.items():
            near = self.near(value)
            if not may_be_meant or (near and near not in values):
                yield Stray(self.told(operator, value), index if in_list else None)

    def has(self, operator: str, value: str) -> bool:
        """Tell whether one of the values there are passes a condition, or may do so."""
        as_it_stands = operator in ("eq", "contains") and value in self.counts
        if as_it_stands or not self.comparisons.compare(len(self.counts)):
            return True
        test = ValueTest((FieldTest(self.field.name, operator, value),))
        if self.field.type == "texts":
            return test.matches(tuple(self.counts))
        return any(map(test.matches, self.counts))

    def told(self, operator: str, value: str) -> str:
        """Say that nobody has a value, and which one was probably meant, or which there are."""
        words, near = self.words, self.near(value)
        has, what = words.has, shown(value)
        if operator in IN_WORDS and self.field.type == "text":
            has, what = has.replace(" the ", " a "), IN_WORDS[operator].format(what)
        message = f"{words.nobody} {has} {what}"
        if near is None:
            return message + ("" if words.private else self._named())
        how_many = f" ({counted(self.counts[near], *words.owners)})" if words.owners else ""
        return f"{message}; did you mean {shown(near)}{how_many}?"

    def near(self, value: str) -> str | None:
        """Find the value that was probably meant: in another spelling, or one nearly alike."""
        if not self.comparisons.search(min(len(self.counts), COMPARED_MAX)):
            return None
        common = [known for known, _ in self.counts.most_common(COMPARED_MAX)]
        spelt = (known for known in common if _letters(known) == _letters(value))
        found = next(spelt, None) or self._in_full(value, common)
        if found is None and not self.words.ids:
            alike = nearest(value, common)
            found = alike if alike and _digits(alike) == _digits(value) else None
        told = found and shown(found) != UNSHOWN
        rare = found and self.words.private and self.counts[found] < SHARED
        return found if told and not rare else None

    def _in_full(self, value: str, known: list[str]) -> str | None:
        """Find `course:7` for 7, and `de-DE` for de."""
        if self.words.ids:
            return next((each for each in known if each.partition(":")[2] == value), None)
        if self.field.name != "learner.locale":
            return None
        return next((each for each in known if each.partition("-")[0] == value.lower()), None)

    def _named(self) -> str:
        """Name the most common of the values there are."""
        names = [shown(value) for value, _ in self.counts.most_common(NAMED_MAX)]
        more = f" and {len(self.counts) - NAMED_MAX:,} more" if len(self.counts) > NAMED_MAX else ""
        return f"; there are {', '.join(names)}{more}" if names else "; there are none"


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, plain(text).casefold()))


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)
