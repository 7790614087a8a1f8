"""Define what sets a rule off: the one contract of every kind of trigger."""

from collections.abc import Callable, Sequence, Set
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec

from service.learners.facts import FactRecorded
from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.conditions import Condition
from service.rules.fields import EventSeen, Reading, Subject
from service.rules.notification import Owed
from service.rules.scope import Scope

Kind = Literal[
    "event", "change", "stalled_for", "source_silent_for", "channel_failing_for", "letter"
]


class Occurrence(msgspec.Struct, frozen=True):
    """Hold what a rule is asked about at `now` (ms UTC): a subject as it stands, and the event.

    Each way of coming about adds what its triggers look at.
    """

    subject: Subject
    seen: EventSeen
    now: int


class Match(msgspec.Struct, frozen=True):
    """Say what set a rule off: the trigger in words, what makes it happen once, and when it was.

    `at` (ms UTC) is when the occurrence happened; `version` is the subject's newest event.
    `by_clock`: no event brought it, time did. `remembered` is the next event of a stream by
    which the trigger remembers that it set the rule off.
    """

    trigger: str
    occurrence: str
    at: int
    version: int
    by_clock: bool = False
    remembered: tuple[str, int, EventBody] | None = None


class Miss(NamedTuple):
    """Say why an occurrence does not set a rule off; the words are made when somebody reads."""

    words: Callable[[], str]


class RuleIdentity(Protocol):
    """Identify a rule, as far as a trigger needs to tell it from others."""

    @property
    def id(self) -> str: ...
    @property
    def mode(self) -> str: ...


class Trigger(Protocol):
    """Set a rule off. One class and one file for each kind; nobody else asks which it is."""

    kind: ClassVar[Kind]

    @property
    def scope(self) -> Scope:
        """Say what its rules are about, and which fields they may read."""
        ...

    @property
    def implied(self) -> Sequence[Condition]:
        """Say what is true whenever it sets a rule off, before any condition is asked."""
        ...

    @property
    def transitions(self) -> Set[str]:
        """Name the transitions that can set it off; none where no event of an aggregate does."""
        ...

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Tell quickly, of an event with such a transition, whether it may match."""
        ...

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Tell whether an occurrence sets the rule off."""
        ...

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether what was owed is still so: still completed, silent, in the range."""
        ...

    def words(self) -> str:
        """Say it as the rule file does."""
        ...
