"""Shapes: which keys a rule file takes and what form their values have."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from service.rules.calendar import DAY
from service.rules.language.values import (
    count,
    day_begins,
    day_ends,
    duration,
    event,
    items,
    name,
    recipient,
    rule_id,
    zone,
)

Duration = Annotated[int, BeforeValidator(duration)]
Name = Annotated[str, BeforeValidator(name)]
Recipient = Annotated[str, BeforeValidator(recipient)]
Count = Annotated[int, BeforeValidator(count)]
Items = Annotated[int, BeforeValidator(items)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Grouping = Literal["course.id", "course.kind", "instance.id", "event.source", "event.account"]

GROUPINGS = get_args(Grouping)
WEEKDAYS = get_args(Weekday)


class Shape(BaseModel):
    """A mapping of the file.

    The line under a key is its description, which the schema shows to whoever writes a file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DigestShape(Shape):
    """`at` is read by `timing`: its form depends on `every`."""

    every: Literal["hour", "day", "week"]
    """How often what was collected leaves as one message: hour, day or week."""
    at: str | None = None
    """When, by the reader's clock: a time of day, 08:00 if left out, or for `every: hour` the
    minute, e.g. ":30"."""
    on: Weekday | None = None
    """The day of the week, for `every: week`: mon, tue, wed, …; mon if left out."""
    group_by: list[Grouping] = []
    """One message for each value of these fields, e.g. [course.id]."""
    max_items: Items = 50
    """How many are named, 500 at most; of those beyond, the message says how many. 50 if left
    out."""


class ThrottleShape(Shape):
    max: Count
    """At most so many messages, 100 at most, to the same reader, because of this entry, …"""
    per: Duration
    """… in any so long a time, e.g. 12h. What is more is dropped."""
    group_by: list[Grouping] = []
    """Counted for each value of these fields on its own, e.g. [instance.id]."""


class LeavingKeys(Shape):
    digest: DigestShape | None = None
    """Collect, and send one message at a fixed time; the template is one for digests."""
    throttle: ThrottleShape | None = None
    """Send no more than so many in a time; not together with `digest`."""
    send_window: Name | None = None
    """A name of time_intervals in which it may leave, by the reader's clock, or any."""


class PersonKeys(Shape):
    to: Recipient
    """Whom to tell: learner, manager, managers_manager, watchers (who asked to be told of a
    seat), or group:NAME for everyone in a group of the import."""
    via: Name
    """The channel that brings it, one that can reach a single person: mail."""
    template: Name
    """The words: templates/NAME/email/."""


class RoomKeys(Shape):
    post: Name
    """The room to tell: a chat channel."""
    template: Name
    """The words: templates/NAME/chat/."""


class StepKeys(Shape):
    after: Duration
    """How long after the rule told somebody first, if it is still true then, e.g. 7d."""


class PersonShape(LeavingKeys, PersonKeys):
    """An entry that tells a person."""


class RoomShape(LeavingKeys, RoomKeys):
    """An entry that tells a room."""


class PersonStepShape(PersonShape, StepKeys):
    """A step of an escalation that tells a person."""


class RoomStepShape(RoomShape, StepKeys):
    """A step of an escalation that tells a room."""


ENTRIES: dict[str, type[Shape]] = {
    "<person>": PersonShape,
    "<room>": RoomShape,
    "<person step>": PersonStepShape,
    "<room step>": RoomStepShape,
}


def entry_tag(raw: Any) -> str | None:
    """Tell an entry to a person from one to a room."""
    word = _reader(raw)
    return f"<{word}>" if word else None


def step_tag(raw: Any) -> str | None:
    """Tell a step to a person from one to a room."""
    word = _reader(raw)
    return f"<{word} step>" if word else None


def _reader(raw: Any) -> str | None:
    if not isinstance(raw, dict):
        return None
    if "to" in raw or "via" in raw:
        return "person"
    return "room" if "post" in raw else None


EntryShape = Annotated[
    Annotated[PersonShape, Tag("<person>")] | Annotated[RoomShape, Tag("<room>")],
    Discriminator(entry_tag),
]
EntriesShape = Annotated[list[EntryShape], Field(min_length=1)]
StepsShape = list[
    Annotated[
        Annotated[PersonStepShape, Tag("<person step>")]
        | Annotated[RoomStepShape, Tag("<room step>")],
        Discriminator(step_tag),
    ]
]


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
