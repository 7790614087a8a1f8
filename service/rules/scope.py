"""Say what a rule knows of, given what it is about."""

from dataclasses import dataclass

from service.rules.text import listed


@dataclass(frozen=True)
class Scope:
    """Name the subject of a rule and the fields it can read, by their first word.

    `unknown` are fields that cannot be read all the same.
    """

    subject: str
    title: str
    readable: frozenset[str]
    unknown: frozenset[str] = frozenset()

    @property
    def has_learner(self) -> bool:
        """Tell whether it is about one person."""
        return "learner" in self.readable

    @property
    def has_enrollment(self) -> bool:
        """Tell whether it is about one enrolment."""
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

SILENCE = Scope(
    "enrollment",
    "a stalled_for rule",
    _LEARNING,
    frozenset({"event.name", "event.by_admin", "event.age"}),
)
SILENT_SOURCE = Scope(
    "source",
    "a source_silent_for rule",
    frozenset({"event"}),
    frozenset({"event.name", "event.account", "event.by_admin"}),
)
LETTER = Scope(
    "letter",
    "a letter rule",
    frozenset({"letter", "event"}),
    frozenset({"event.account", "event.by_admin"}),
)
FAILING_CHANNEL = Scope("channel", "a channel_failing_for rule", frozenset({"channel"}))
INSTANCE = Scope("instance", "an instance rule", frozenset({"instance", "course", "event"}))
OF_EVENTS = {
    "enrollment": Scope("enrollment", "an enrollment rule", _LEARNING),
    "course": Scope("course", "a course rule", frozenset({"course", "event"})),
    "instance": INSTANCE,
    "learner": Scope("learner", "a learner rule", frozenset({"learner", "event"})),
    "letter": LETTER,
}
"""The scopes of rules about events, by the first word of the event's name."""
