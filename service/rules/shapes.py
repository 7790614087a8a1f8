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
    """A mapping of the file; `LATER` are the keys of a version to come."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    LATER: ClassVar[frozenset[str]] = frozenset()


class EventShape(Shape):
    event: EventName


class ChangeShape(Shape):
    """`from`, `to` and `rearm` are read by `matchers`."""

    change: Seats
    from_: Any = Field(None, alias="from")
    to: Any = None
    rearm: Any = None


class StalledShape(Shape):
    stalled_for: Duration
    count_from: Literal["enrolled", "started"] = "enrolled"


class SourceSilentShape(Shape):
    source_silent_for: Duration


class PersonShape(Shape):
    LATER = _ENTRY_LATER
    to: Recipient
    via: Name
    template: Name


class RoomShape(Shape):
    LATER = _ENTRY_LATER
    post: Name
    template: Name


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
    description: str = ""
    mode: Literal["live", "shadow", "disabled"] = "live"
    trigger: TriggerShape
    conditions: list[Any] = []
    collapse: Duration | None = None
    notify: Annotated[list[EntryShape], Field(min_length=1)]
    cancel_on: list[EventName] = []
    on_activate: Literal["none", "current"] = "none"
    expires_after: Duration | None = None


class DefaultsShape(Shape):
    LATER = frozenset({"send_window"})
    timezone: Zone = "UTC"
    expires_after: Duration = 3 * DAY


class FileShape(Shape):
    """`channels` are read by `channels`."""

    LATER = frozenset({"time_intervals"})
    version: Literal["1"]
    channels: dict[str, str] = {}
    defaults: DefaultsShape = DefaultsShape()
    rules: list[RuleShape]
