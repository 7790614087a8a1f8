"""Shapes: which keys a rule file takes and what form their values have."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from service.rules.durations import DAY
from service.rules.forms import duration, event, name, recipient, rule_id, zone

Duration = Annotated[int, BeforeValidator(duration)]
EventName = Annotated[str, BeforeValidator(event)]
Name = Annotated[str, BeforeValidator(name)]
Recipient = Annotated[str, BeforeValidator(recipient)]
RuleId = Annotated[str, BeforeValidator(rule_id)]
Zone = Annotated[str, BeforeValidator(zone)]

Seats = Literal[
    "instance.enrollment_count",
    "instance.waitlist_count",
    "instance.seat_limit",
    "instance.seats_available",
]

TRIGGERS = ("event", "change", "stalled_for", "source_silent_for")
_ENTRY_LATER = frozenset({"digest", "throttle", "send_window"})


class Shape(BaseModel):
    """A mapping of the file; `LATER` are the keys of a version to come.

    The line under a key is its description, which the schema shows to whoever writes a file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
    LATER: ClassVar[frozenset[str]] = frozenset()


class EventShape(Shape):
    event: EventName
    """Something happened: fires on each event of this name."""


class ChangeShape(Shape):
    """`from`, `to` and `rearm` are read by `matchers`."""

    change: Seats
    """A number of a session changed: fires when it comes into the range of `to`."""
    from_: Any = Field(None, alias="from")
    """What the number must have been before, e.g. {lte: 0}."""
    to: Any = None
    """What the number must be now, e.g. {gt: 0}."""
    rearm: Any = None
    """After firing once, fire again only when the number was here in between, e.g. {gte: 5}."""


class StalledShape(Shape):
    stalled_for: Duration
    """Nothing happened in an open enrollment for so long, e.g. 7d."""
    count_from: Literal["enrolled", "started"] = "enrolled"
    """Since when: `enrolled` reminds also those who never began, `started` only who did."""


class SourceSilentShape(Shape):
    source_silent_for: Duration
    """A system that used to talk has said nothing for so long while the service ran, e.g. 3d."""


class PersonShape(Shape):
    LATER = _ENTRY_LATER
    to: Recipient
    """Whom to tell: learner, manager, or group:NAME for everyone in a group of the import."""
    via: Name
    """The channel that brings it, one that can reach a single person: mail."""
    template: Name
    """The words: templates/NAME/email/."""


class RoomShape(Shape):
    LATER = _ENTRY_LATER
    post: Name
    """The room to tell: a chat channel."""
    template: Name
    """The words: templates/NAME/chat/."""


TAGGED: dict[str, type[Shape]] = {
    "<event>": EventShape,
    "<change>": ChangeShape,
    "<stalled_for>": StalledShape,
    "<source_silent_for>": SourceSilentShape,
    "<person>": PersonShape,
    "<room>": RoomShape,
}


def trigger_tag(raw: Any) -> str | None:
    """Tell triggers apart by the first key that names one."""
    found = next((key for key in raw if key in TRIGGERS), None) if isinstance(raw, dict) else None
    return f"<{found}>" if found else None


def entry_tag(raw: Any) -> str | None:
    """Tell an entry to a person from one to a room."""
    if not isinstance(raw, dict):
        return None
    if "to" in raw or "via" in raw:
        return "<person>"
    return "<room>" if "post" in raw else None


TriggerShape = Annotated[
    Annotated[EventShape, Tag("<event>")]
    | Annotated[ChangeShape, Tag("<change>")]
    | Annotated[StalledShape, Tag("<stalled_for>")]
    | Annotated[SourceSilentShape, Tag("<source_silent_for>")],
    Discriminator(trigger_tag),
]
EntryShape = Annotated[
    Annotated[PersonShape, Tag("<person>")] | Annotated[RoomShape, Tag("<room>")],
    Discriminator(entry_tag),
]


class RuleShape(Shape):
    """`conditions` are read by `matchers`."""

    LATER = frozenset({"escalation", "send_window"})
    id: RuleId
    """The rule's name for good, the only one in the file; history goes by it."""
    description: str = ""
    """What the rule is for, in your words."""
    mode: Literal["live", "shadow", "disabled"] = "live"
    """`live` sends, `shadow` decides and records and sends nothing, `disabled` does nothing."""
    trigger: TriggerShape
    """What sets the rule off: one of event, change, stalled_for or source_silent_for."""
    conditions: list[Any] = []
    """All of these must be true, when it is set off and again before the message leaves."""
    collapse: Duration | None = None
    """Wait so long, and make one message of what the same person would get in that time."""
    notify: Annotated[list[EntryShape], Field(min_length=1)]
    """Whom to tell, how, and with which words."""
    cancel_on: list[EventName] = []
    """Events of the same enrollment that take back what was not sent yet."""
    on_activate: Literal["none", "current"] = "none"
    """For silences older than the rule: `none` leaves them alone, `current` reminds once."""
    expires_after: Duration | None = None
    """What could not be delivered for so long is not sent any more."""


class DefaultsShape(Shape):
    LATER = frozenset({"send_window"})
    timezone: Zone = "UTC"
    """For dates in this file, and for people whose zone is not known, e.g. Europe/Berlin."""
    expires_after: Duration = 3 * DAY
    """What could not be delivered for so long is not sent any more; 3d if left out."""


class FileShape(Shape):
    """`channels` are read by `channels`."""

    LATER = frozenset({"time_intervals"})
    version: Literal["1"]
    """The version of the rule language: 1."""
    channels: dict[str, str] = {}
    """Ways out by name: URLs whose secrets come from the environment, as ${NAME}."""
    defaults: DefaultsShape = DefaultsShape()
    """What holds where a rule or a person says nothing."""
    rules: list[RuleShape]
    """Who is told what: one item a rule, each read on its own."""
