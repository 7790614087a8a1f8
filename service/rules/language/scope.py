"""Scopes: what a rule knows of, given what triggers it."""

from dataclasses import dataclass

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
_ABOUT = {
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
SILENCE = Scope(
    "a stalled_for rule", _LEARNING, frozenset({"event.name", "event.by_admin", "event.age"})
)
SILENT_SOURCE = Scope(
    "a source_silent_for rule",
    frozenset({"event"}),
    frozenset({"event.name", "event.account", "event.by_admin"}),
)
SCOPES = {
    "change": _ABOUT["instance"],
    "stalled_for": SILENCE,
    "source_silent_for": SILENT_SOURCE,
}
"""What rules know of, by the key of their trigger, if that is no event."""


def scope_of_event(name: str | None) -> Scope | None:
    """Give what a rule about an event knows of; None when there is no such event."""
    return _ABOUT.get(name.partition(".")[0]) if name in EVENTS else None
