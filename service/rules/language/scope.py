"""Scopes: what a rule knows of, given what triggers it."""

from dataclasses import dataclass
from typing import Any

from service.rules.fields import EVENTS
from service.rules.text import listed


@dataclass(frozen=True)
class Scope:
    """The subject of a trigger, the first words of the fields it can read, and exceptions."""

    title: str
    readable: frozenset[str]
    unknown: frozenset[str] = frozenset()

    @property
    def has_learner(self) -> bool:
        return "learner" in self.readable

    @property
    def has_enrollment(self) -> bool:
        return "enrollment" in self.readable

    @property
    def has_watchers(self) -> bool:
        """Tell whether it is about an instance, of which people ask to be told."""
        return "instance" in self.readable and not self.has_learner

    def reads(self, name: str) -> bool:
        """Tell whether a field can be read here."""
        return name.partition(".")[0] in self.readable and name not in self.unknown

    @property
    def fields(self) -> str:
        """Name what can be read, for a message."""
        but = f", but not {listed(sorted(self.unknown))}" if self.unknown else ""
        return ", ".join(f"{word}.*" for word in sorted(self.readable)) + but


_LEARNING = frozenset({"enrollment", "course", "instance", "learner", "event"})
_SILENCE = Scope(
    "a stalled_for rule", _LEARNING, frozenset({"event.name", "event.by_admin", "event.age"})
)
_SILENT_SOURCE = Scope(
    "a source_silent_for rule",
    frozenset({"event"}),
    frozenset({"event.name", "event.account", "event.by_admin"}),
)
_SCOPES = {
    "enrollment": Scope("an enrollment rule", _LEARNING),
    "instance": Scope("an instance rule", frozenset({"instance", "course", "event"})),
    "course": Scope("a course rule", frozenset({"course", "event"})),
    "learner": Scope("a learner rule", frozenset({"learner", "event"})),
    "letter": Scope(
        "a letter rule",
        frozenset({"letter", "event"}),
        frozenset({"event.account", "event.by_admin"}),
    ),
}


def scope_of(trigger: Any) -> Scope | None:
    """Read the scope off a trigger as written; None when it cannot be told."""
    if not isinstance(trigger, dict):
        return None
    if "change" in trigger:
        return _SCOPES["instance"]
    if "stalled_for" in trigger:
        return _SILENCE
    if "source_silent_for" in trigger:
        return _SILENT_SOURCE
    event = trigger.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        return None
    return _SCOPES.get(event.partition(".")[0])
