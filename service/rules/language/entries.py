"""Describe entries: whom a rule tells, by which channel, with which words, how often."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from service.rules.calendar import DAY_MINUTES, Digest, Window
from service.rules.language.errors import Report
from service.rules.language.shape import LIST, Choice, OneOf, Schema, Shape, Value, tell_apart
from service.rules.language.values import (
    COUNT,
    DAY_OF_MONTH,
    DURATION,
    ITEMS,
    NAME,
    RECIPIENT,
    TEXT,
    minute_of_day,
    minute_of_hour,
)
from service.rules.language.wishes import wish
from service.rules.language.yaml_reader import Block
from service.rules.rule import Entry, Throttle
from service.rules.text import hint, listed, shown

Name = Annotated[str, NAME]
Duration = Annotated[int, DURATION]
Weekday = Annotated[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], Choice()]
Grouping = Annotated[
    Literal["course.id", "course.kind", "instance.id", "event.source", "event.account"],
    Choice("group_by"),
]
Groupings = Annotated[list[Grouping], LIST]
Shown = Annotated[Literal["score"], Choice("show")]

WEEKDAYS: tuple[str, ...] = get_args(get_args(Weekday)[0])
GROUPINGS: tuple[str, ...] = get_args(get_args(Grouping)[0])


class DigestDays(NamedTuple):
    """Say on which weekdays a digest closes, Monday is 0, or on which day of the month."""

    weekdays: tuple[int, ...] = ()
    day: int = 0


def _digest_days(raw: Any) -> DigestDays:
    """Read weekdays, one or a list, or the number of a day."""
    if str(raw).isdecimal():
        return DigestDays(day=DAY_OF_MONTH.read(raw))
    named = raw if type(raw) is list else [raw]
    if not named:
        raise ValueError(f"name at least one of {listed(WEEKDAYS)}")
    strange = [each for each in named if each not in WEEKDAYS]
    if strange:
        near = wish(str(strange[0]), "on") or hint(str(strange[0]), WEEKDAYS)
        raise ValueError(f"{shown(strange[0])} is not allowed here; use {listed(WEEKDAYS)}{near}")
    return DigestDays(tuple(sorted({WEEKDAYS.index(each) for each in named})))


_DAY: Schema = {"enum": list(WEEKDAYS)}
SOME_DAYS: Schema = {"anyOf": [_DAY, {"type": "array", "minItems": 1, "items": _DAY}]}
DIGEST_DAYS = Value(_digest_days, {"anyOf": [*SOME_DAYS["anyOf"], DAY_OF_MONTH.json_schema()]})
"""What `on` of a digest takes, which depends on `every`."""


class DigestShape(Shape):
    """Say when collected items leave; the form of `at` depends on `every`."""

    every: Annotated[Literal["hour", "day", "week", "month"], Choice("every")]
    """How often what was collected leaves as one message: hour, day, week or month."""
    at: Annotated[str, TEXT] | None = None
    """When, by the reader's clock: a time of day, 08:00 if left out, or for `every: hour` the
    minute, e.g. ":30"."""
    on: Annotated[DigestDays, DIGEST_DAYS] | None = None
    """On which days: for `every: week` or `day` one of mon, tue, wed, … or a list of them, mon or
    every day if left out; for `every: month` a day of it, e.g. 15, or else its first from mon to
    fri."""
    group_by: Groupings = []
    """One message for each value of these fields, e.g. [course.id]."""
    max_items: Annotated[int, ITEMS] = 50
    """How many are named, 500 at most; of those beyond, the message says how many. 50 if left
    out."""

    @property
    def closes(self) -> int | None:
        """Give the minute of the hour or the day; None when `at` has another form.

        Without an `at` a digest closes at the full hour, or at 08:00.
        """
        if self.every == "hour":
            return minute_of_hour(self.at or ":00")
        minute = minute_of_day(self.at or "08:00")
        return minute if minute != DAY_MINUTES else None

    def compiled(self) -> Digest:
        """Give the digest; the checks have refused a wrong `at`."""
        assert self.closes is not None
        days = self.on or DigestDays((0,) if self.every == "week" else ())
        return Digest(
            every=self.every,
            at=self.closes,
            on=days.weekdays,
            group_by=tuple(self.group_by),
            max_items=self.max_items,
            day=days.day,
        )


class ThrottleShape(Shape):
    """Say how many messages are enough."""

    max: Annotated[int, COUNT]
    """At most so many messages, 100 at most, to the same reader, because of this entry, …"""
    per: Duration
    """… in any so long a time, e.g. 12h. What is more is dropped."""
    group_by: Groupings = []
    """Counted for each value of these fields on its own, e.g. [instance.id]."""

    def compiled(self) -> Throttle:
        return Throttle(self.max, self.per, tuple(self.group_by))


_WHOM = ("to", "via", "post")
_ENTRY = "say whom to tell: 'to' and 'via' for a person, or 'post' for a room"


class EntryKeys(Shape):
    """Hold the keys that entries to persons and to rooms share."""

    form: ClassVar[str]
    """The form of the template, `email` or `chat`."""
    way: ClassVar[str]
    """The key that names the channel."""

    digest: DigestShape | None = None
    """Collect, and send one message at a fixed time; the template is one for digests."""
    throttle: ThrottleShape | None = None
    """Send no more than so many in a time; not together with `digest`."""
    send_window: Name | None = None
    """A name of time_intervals in which it may leave, by the reader's clock, or any."""

    @classmethod
    def unknown(cls, report: Report, block: Block, key: str) -> str:
        """Say where a key belongs that entries of another sort take."""
        if key == "after":
            return "'after' goes with the steps of 'escalation' only"
        if key not in _WHOM:
            return super().unknown(report, block, key)
        report.meant.update((*block.path, each) for each in _WHOM)
        return f"'{key}' does not go with the rest; {_ENTRY}"

    def said(self, key: str) -> Any:
        """Give the value of a key that not every entry takes; None for a key left out."""
        return getattr(self, key, None)

    def compiled(self, window: Window | None) -> Entry:
        """Give the entry, which leaves in this window, or at any hour."""
        return Entry(
            to=self.said("to"),
            via=self.said("via"),
            post=self.said("post"),
            template=self.said("template"),
            after_ms=self.said("after") or 0,
            digest=self.digest.compiled().within(window) if self.digest else None,
            throttle=self.throttle.compiled() if self.throttle else None,
            window=window,
            show=tuple(self.said("show") or ()),
            line=self.line,
        )


class PersonKeys(Shape):
    """Hold the keys that name a person."""

    to: Annotated[str, RECIPIENT]
    """Whom to tell: learner, manager, managers_manager, watchers (who asked to be told of a
    seat), or group:NAME for everyone in a group of the import."""
    via: Name
    """The channel that brings it, one that can reach a single person: mail."""
    template: Name
    """The words: templates/NAME/email/."""
    show: Annotated[list[Shown], LIST] = []
    """What managers are told only if the rule asks for it: [score], exam results."""


class RoomKeys(Shape):
    """Hold the keys that name a room."""

    post: Name
    """The room to tell: a chat channel."""
    template: Name
    """The words: templates/NAME/chat/."""


class StepKeys(Shape):
    """Hold the key that says when a step comes."""

    after: Duration
    """How long after the rule told somebody first, if it is still true then, e.g. 7d."""


class PersonShape(EntryKeys, PersonKeys):
    """Tell a person."""

    form = "email"
    way = "via"


class RoomShape(EntryKeys, RoomKeys):
    """Tell a room."""

    form = "chat"
    way = "post"


class PersonStepShape(PersonShape, StepKeys):
    """Tell a person later, as a step of an escalation."""


class RoomStepShape(RoomShape, StepKeys):
    """Tell a room later, as a step of an escalation."""


class NobodysShape(EntryKeys):
    """Stand in for an entry that tells nobody: the rest is checked as if for a person."""

    heard = False
    form = "email"
    way = "via"

    template: Name | None = None
    after: Duration | None = None


@dataclass(frozen=True)
class OneEntry(OneOf):
    """Mark an entry, to a person or to a room."""

    person: type[PersonShape]
    room: type[RoomShape]

    expected = "{to: …, via: …, template: …}"

    def choose(self, raw: Block, report: Report) -> type[EntryKeys]:
        """Tell an entry to a person from one to a room."""
        if "to" in raw or "via" in raw:
            return self.person
        if "post" in raw:
            return self.room
        tell_apart(raw, report, keys=_WHOM, words=_ENTRY)
        return NobodysShape


EntryShape = Annotated[PersonShape | RoomShape, OneEntry(PersonShape, RoomShape)]
StepShape = Annotated[PersonStepShape | RoomStepShape, OneEntry(PersonStepShape, RoomStepShape)]
