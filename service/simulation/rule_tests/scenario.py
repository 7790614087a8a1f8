"""Hold what one rule test says, in ms since its start."""

from collections.abc import Mapping
from typing import Any

import msgspec

from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from service.learners.facts import Fact


class Wish(msgspec.Struct, frozen=True):
    """State that a person asks to be told of a free seat, or with `stops` no longer does."""

    source: str
    account: str
    person: str
    course: str
    instance: str
    stops: bool


class ChannelTurn(msgspec.Struct, frozen=True):
    """State that messages do not leave by a channel from here on, or do again."""

    channel: str
    fails: bool


class ReaderChoice(msgspec.Struct, frozen=True):
    """State what a reader chooses, by their LMS id, as if on their page; the rest stays as it is.

    `changes` are fields of Choices.
    """

    person: str
    changes: Mapping[str, Any]


class Given(msgspec.Struct, frozen=True):
    """State what happens at `at`: a letter comes with one fact, a person wishes or chooses
    something, or a channel turns.

    `line` is the place in the file.
    """

    at: int
    what: Fact | Wish | ReaderChoice | ChannelTurn
    line: int


class Expected(msgspec.Struct, frozen=True):
    """State what is to be found; None says nothing of that.

    `whom` is a person of the test or a room. `subject`, `text` and `reason` are parts of the
    whole. One with a `skipped` expects that nobody was told.
    """

    line: int
    skipped: bool
    rule: str
    whom: str | None = None
    template: str | None = None
    at: int | None = None
    subject: str | None = None
    text: str | None = None
    state: str | None = None
    reason: str | None = None

    @property
    def exactness(self) -> int:
        """Count how much is expected: exact expectations choose first."""
        said = (self.whom, self.template, self.at, self.subject, self.text, self.state, self.reason)
        return sum(each is not None for each in said)


class Scenario(msgspec.Struct, frozen=True):
    """Describe one test: who there is, what happens, until when, who is to be told what.

    `start` is in ms since 1970 UTC. With `feeds_fall_silent` no other letters come than these;
    without, the systems go on talking about others.
    """

    name: str
    line: int
    start: int
    until: int
    people: tuple[PersonRow, ...]
    courses: tuple[CourseRow, ...]
    given: tuple[Given, ...]
    expected: tuple[Expected, ...]
    nothing_else: bool
    feeds_fall_silent: bool
