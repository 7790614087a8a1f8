"""Shapes: which keys a rule file takes and what form their values have."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from service.rules.durations import DAY
from service.rules.file.entry_shapes import (
    ENTRIES,
    WEEKDAYS,
    Duration,
    EntriesShape,
    Name,
    Shape,
    StepsShape,
    Weekday,
)
from service.rules.file.forms import day_begins, day_ends, event, rule_id, zone

EventName = Annotated[str, BeforeValidator(event)]
RuleId = Annotated[str, BeforeValidator(rule_id)]
Zone = Annotated[str, BeforeValidator(zone)]
DayBegins = Annotated[int, BeforeValidator(day_begins)]
DayEnds = Annotated[int, BeforeValidator(day_ends)]

Seats = Literal[
    "instance.enrollment_count",
    "instance.waitlist_count",
    "instance.seat_limit",
    "instance.seats_available",
]

TRIGGERS = ("event", "change", "stalled_for", "source_silent_for")


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


TAGGED: dict[str, type[Shape]] = {
    "<event>": EventShape,
    "<change>": ChangeShape,
    "<stalled_for>": StalledShape,
    "<source_silent_for>": SourceSilentShape,
    **ENTRIES,
}


def trigger_tag(raw: Any) -> str | None:
    """Tell triggers apart by the first key that names one."""
    found = next((key for key in raw if key in TRIGGERS), None) if isinstance(raw, dict) else None
    return f"<{found}>" if found else None


TriggerShape = Annotated[
    Annotated[EventShape, Tag("<event>")]
    | Annotated[ChangeShape, Tag("<change>")]
    | Annotated[StalledShape, Tag("<stalled_for>")]
    | Annotated[SourceSilentShape, Tag("<source_silent_for>")],
    Discriminator(trigger_tag),
]


class RuleShape(Shape):
    """`conditions` are read by `matchers`."""

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
    notify: EntriesShape
    """Whom to tell, how, and with which words."""
    escalation: StepsShape = []
    """Whom to tell later, step by step, if it is still true then."""
    send_window: Name | None = None
    """For entries that have none of their own: a name of time_intervals, or any."""
    cancel_on: list[EventName] = []
    """Events of the same enrollment that take back what was not sent yet."""
    on_activate: Literal["none", "current"] = "none"
    """For silences older than the rule: `none` leaves them alone, `current` reminds once."""
    expires_after: Duration | None = None
    """What could not be delivered for so long is not sent any more."""


class DefaultsShape(Shape):
    timezone: Zone = "UTC"
    """For dates in this file, and for people whose zone is not known, e.g. Europe/Berlin."""
    send_window: Name | None = None
    """When messages may leave: a name of time_intervals, or any, as if left out."""
    expires_after: Duration = 3 * DAY
    """What could not be delivered for so long is not sent any more; 3d if left out."""


class StretchShape(Shape):
    weekdays: Annotated[list[Weekday], Field(min_length=1)] = list(WEEKDAYS)
    """On which days: mon, tue, wed, thu, fri, sat, sun; every day if left out."""
    from_: DayBegins = Field(alias="from")
    """From this time of day, by the reader's clock, e.g. "08:00"."""
    until: DayEnds
    """Until this time of the same day, "24:00" at most; over midnight write two stretches."""


class FileShape(Shape):
    """`channels` are read by `channels`, `time_intervals` by `intervals`."""

    version: Literal["1"]
    """The version of the rule language: 1."""
    channels: dict[str, str] = {}
    """Ways out by name: URLs whose secrets come from the environment, as ${NAME}."""
    defaults: DefaultsShape = DefaultsShape()
    """What holds where a rule or a person says nothing."""
    time_intervals: dict[str, Annotated[list[StretchShape], Field(min_length=1)]] = {}
    """Parts of the week by name, for `send_window`: each a list of stretches of the day."""
    rules: list[RuleShape]
    """Who is told what: one item a rule, each read on its own."""
