"""Read what readers chose: what to stop, when to be written to, and in which language.

Choices belong to an address, whoever has it by now. They never stand in letters or imports, so
none of those changes them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from service.learners.directory.people import Person
from service.ledger.events import EventBody, Latest
from service.rules.calendar import (
    DAY_MINUTES,
    Digest,
    Stretch,
    Window,
    instant,
    next_closing,
)
from service.rules.rule import GROUP, Defaults, Rule, zone_of

STOPPED, STOPPED_ALL = "stopped", "stopped_all"
"""Why nobody is told: whoever reads it does not want this, or anything."""
AWAY, OWN_LIST, OWN_HOURS = "away", "own_list", "own_hours"
"""Why something waits: whoever reads it chose so."""
By = Literal["reader", "one_click", "operator"]
Members = Callable[..., Sequence[str]]
"""Gives who is in a group as seen from a source and account: the person of this id, or nobody."""


class OwnList(msgspec.Struct, frozen=True, omit_defaults=True):
    """Say when a reader's own list leaves: at a minute of each day, or of a weekday (Monday 0)."""

    every: Literal["day", "week"]
    at: int
    on: int = 0

    @property
    def closing(self) -> Digest:
        """Give it as what closes at such times."""
        return Digest(every=self.every, at=self.at, on=(self.on,) if self.every == "week" else ())


class OwnHours(msgspec.Struct, frozen=True, omit_defaults=True):
    """Say on which days (Monday 0) a reader may be written to, and within which minutes."""

    days: tuple[int, ...]
    begin: int = 0
    end: int = DAY_MINUTES

    @property
    def window(self) -> Window:
        """Give it as a window."""
        return Window(OWN_HOURS, (Stretch(frozenset(self.days), self.begin, self.end),))


class Choices(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hold what one reader chose; where they chose nothing, rules and imports say.

    `stopped` are ids of rules. `back_on` is the first day (ISO) on which they are not away any
    more, by their own calendar.
    """

    stopped: tuple[str, ...] = ()
    stopped_all: bool = False
    own_list: OwnList | None = None
    own_hours: OwnHours | None = None
    back_on: str | None = None
    locale: str | None = None
    timezone: str | None = None

    def refuses(self, rule: Rule) -> str | None:
        """Say why this reader is not to be told by a rule; None when they are."""
        if rule.required:
            return None
        if self.stopped_all:
            return STOPPED_ALL
        return STOPPED if rule.id in self.stopped else None

    @property
    def stopped_in_words(self) -> str:
        """Say what this reader does not get any more."""
        if self.stopped_all:
            return "every message that can be stopped is stopped"
        return f"stopped: {', '.join(self.stopped)}" if self.stopped else "nothing is stopped"

    @property
    def in_words(self) -> str:
        """Say all that this reader chose; empty for nothing."""
        if self == NO_CHOICES:
            return ""
        hours, own = self.own_hours, self.own_list
        said = {
            "one list": own and f"a {own.every}",
            "hours": hours and "own",
            "back on": self.back_on,
            "language": self.locale,
            "time zone": self.timezone,
        }
        return "; ".join(
            [self.stopped_in_words, *(f"{name} {value}" for name, value in said.items() if value)]
        )

    def stopping(self, rules: Iterable[str]) -> "Choices":
        """Stop these rules too, or all of them where none is named."""
        named = set(rules)
        return replace(
            self,
            stopped=tuple(sorted({*self.stopped, *named})),
            stopped_all=self.stopped_all or not named,
        )

    def resuming(self, rules: Iterable[str]) -> "Choices":
        """Stop these rules no more, or none of them where none is named."""
        named = set(rules)
        kept = tuple(each for each in self.stopped if named and each not in named)
        return replace(self, stopped=kept, stopped_all=self.stopped_all and bool(named))

    def applied_to(self, person: Person) -> Person:
        """Give a reader with the language and the clock they chose."""
        chosen = {"locale": self.locale, "timezone": self.timezone}
        return replace(person, **{name: value for name, value in chosen.items() if value})

    def not_before(self, ready_at: int, zone: ZoneInfo) -> tuple[int, str]:
        """Say from when (ms UTC) what is ready at a moment may leave, and why not before."""
        at, reason = ready_at, ""
        if self.back_on and (back := instant(date.fromisoformat(self.back_on), 0, zone)) > at:
            at, reason = back, AWAY
        if self.own_list:
            return next_closing(self.own_list.closing, zone, at - 1).at, reason or OWN_LIST
        return at, reason

    def window(self, of_the_rule: Window | None) -> Window | None:
        """Give when it may leave: own hours stand in place of a rule's, an own list of both."""
        if self.own_list:
            return None
        return self.own_hours.window if self.own_hours else of_the_rule


NO_CHOICES = Choices()


class ChoicesMade(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record all that a reader wants from `at` on, and `by` whom it was said."""

    TOPIC: ClassVar[str] = "choices.made"
    at: int
    by: By
    choices: Choices


SHAPES: Mapping[str, Any] = {ChoicesMade.TOPIC: ChoicesMade}


class Chosen(NamedTuple):
    """Hold choices with the stream that has them, empty where there is none, and its version."""

    stream: str = ""
    version: int = 0
    choices: Choices = NO_CHOICES


NOTHING_CHOSEN = Chosen()


class ChoicesKept(Protocol):
    """Answer what is kept of choices: which stream has them, and its newest event."""

    def choices_stream(self, address: str) -> str | None: ...
    def latest(self, stream: str) -> tuple[int, EventBody] | None: ...


def chosen_at(address: str, world: ChoicesKept) -> Chosen:
    """Tell what was chosen at an address."""
    stream = world.choices_stream(address)
    return chosen_in(stream, world.latest) if stream else NOTHING_CHOSEN


def chosen_in(stream: str, latest: Latest) -> Chosen:
    """Tell what was chosen, by the stream that has it."""
    found: Any = latest(stream)
    return Chosen(stream, found[0], found[1].choices) if found else NOTHING_CHOSEN


def zone_chosen(reader: Person | None, defaults: Defaults, world: ChoicesKept) -> ZoneInfo:
    """Find where a reader's clock hangs: as they chose, or else as is known of them."""
    chosen = chosen_at(reader.email, world) if reader and reader.email else NOTHING_CHOSEN
    return zone_of(reader and chosen.choices.applied_to(reader), defaults)


class MessageKind(NamedTuple):
    """Hold a rule as a reader sees it: a kind of message, which they get as somebody."""

    rule: Rule
    roles: tuple[str, ...]


def kinds_for(reader: Person, rules: Iterable[Rule], members: Members) -> list[MessageKind]:
    """List the kinds of messages that a reader may get; `members` looks up who is in a group."""

    def may_read(to: str) -> bool:
        if not to.startswith(GROUP):
            return to != "learner" or reader.lms_id is not None
        group = to.removeprefix(GROUP)
        return bool(members(group, reader.source, reader.account, person=reader.id))

    kinds = []
    for rule in rules:
        roles = dict.fromkeys(entry.to for entry in rule.entries if entry.to and may_read(entry.to))
        if roles and rule.mode == "live":
            kinds.append(MessageKind(rule, tuple(roles)))
    return kinds
