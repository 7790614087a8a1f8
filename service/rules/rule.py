"""Hold what a rule file says, as frozen values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from service.rules.calendar import DAY, Digest, Window
from service.rules.conditions import Condition, Read, compile_conditions
from service.rules.triggers.trigger import Trigger

Mode = Literal["live", "shadow", "disabled"]

EXPIRES_AFTER_MS = 3 * DAY
TEMPLATE = ",template="
AFTER = ",after="
KEYS_REMEMBERED = 4_096


@dataclass(frozen=True)
class Throttle:
    """At most `max` messages to one recipient in any `per_ms`, for each value of the fields."""

    max: int
    per_ms: int
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """Whom to tell: `to` a role, watchers or group:NAME by `via`, or the room `post`.

    A step of an escalation comes `after_ms` after the first entries, which have 0. Without a
    `window` it may leave at any hour. `line` is where it begins in the file.
    """

    to: str | None
    via: str | None
    post: str | None
    template: str
    after_ms: int = 0
    digest: Digest | None = None
    throttle: Throttle | None = None
    window: Window | None = None
    line: int = field(default=0, compare=False)

    @property
    def channel(self) -> str:
        return self.via or self.post or ""

    @property
    def route(self) -> str:
        """Say to whom and how, whatever the words."""
        return f"post={self.post}" if self.post else f"to={self.to},via={self.via}"

    @cached_property
    def key(self) -> str:
        """Say what makes this entry itself, wherever in the file it stands."""
        after = f"{AFTER}{self.after_ms}" if self.after_ms else ""
        return f"{self.route}{TEMPLATE}{self.template}{after}"


@lru_cache(KEYS_REMEMBERED)
def place_of(key: str) -> tuple[str, str]:
    """What stays of an entry's key when it gets other words: its route and when it comes."""
    route, _, words = key.rpartition(TEMPLATE)
    return route, words.partition(AFTER)[2]


@dataclass(frozen=True)
class Rule:
    """One rule; all `conditions` must be true. `line` is where it begins in the file."""

    id: str
    description: str
    mode: Mode
    trigger: Trigger
    conditions: tuple[Condition, ...]
    collapse_ms: int | None
    notify: tuple[Entry, ...]
    escalation: tuple[Entry, ...]
    cancel_on: tuple[str, ...]
    on_activate: Literal["none", "current"]
    expires_after_ms: int
    line: int

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everybody the rule tells, at once and later."""
        return self.notify + self.escalation

    @cached_property
    def holds(self) -> Callable[[Read], bool]:
        """The conditions as one function."""
        return compile_conditions(self.conditions)


@dataclass(frozen=True)
class Defaults:
    """What holds where a rule or a person says nothing; `timezone` is an IANA name."""

    timezone: str = "UTC"
    expires_after_ms: int = EXPIRES_AFTER_MS


@dataclass(frozen=True)
class RuleSet:
    """A whole rule file.

    `channels` are URLs with the environment's secrets in them, so they are never printed.
    `fingerprint` is the SHA-256 of `text` in hex.
    """

    rules: tuple[Rule, ...]
    channels: dict[str, str] = field(repr=False)
    defaults: Defaults
    text: str = field(repr=False)
    fingerprint: str
