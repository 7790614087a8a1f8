"""Entry shapes: which keys say whom to tell, with which words, and when it may leave."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from service.rules.file.forms import count, duration, items, name, recipient

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
