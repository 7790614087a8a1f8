"""Define the triggers of the rule language: what each takes, and the trigger that comes of it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from service.rules.conditions import Condition, ValueTest
from service.rules.fields import EVENTS
from service.rules.language.entries import Duration, Name
from service.rules.language.errors import Report
from service.rules.language.operands import tested
from service.rules.language.shape import Choice, OneOf, Shape, Value, tell_apart
from service.rules.language.values import EVENT
from service.rules.language.yaml_reader import Block, Path
from service.rules.scope import Scope
from service.rules.text import listed
from service.rules.triggers import letter_set_aside
from service.rules.triggers.channel_failing import ChannelFailingTrigger
from service.rules.triggers.event import EventTrigger
from service.rules.triggers.letter_set_aside import LetterTrigger
from service.rules.triggers.seat_change import ChangeTrigger
from service.rules.triggers.source_silent import SourceSilentTrigger
from service.rules.triggers.stalled import StalledTrigger

EventName = Annotated[str, EVENT]
Seats = Annotated[
    Literal[
        "instance.enrollment_count",
        "instance.waitlist_count",
        "instance.seat_limit",
        "instance.seats_available",
    ],
    Choice(),
]

Number = Annotated[Any, Value(lambda raw: raw, tested("number"))]
"""What a number must be, which `conditions` reads."""

SEATS: tuple[str, ...] = get_args(get_args(Seats)[0])
Conditions = Mapping[Path, tuple[Condition, ...]]
"""Conditions by the place where they stand: of a rule, or of `from`, `to`, `rearm`."""

SCOPES: Mapping[str, Scope] = {
    "change": ChangeTrigger.scope,
    "stalled_for": StalledTrigger.scope,
    "source_silent_for": SourceSilentTrigger.scope,
    "channel_failing_for": ChannelFailingTrigger.scope,
}
"""What rules know of, by the key of their trigger, if that is no event."""

_TRIGGER = (
    "a trigger is one of 'event', 'change', 'stalled_for', 'source_silent_for' or "
    "'channel_failing_for'"
)


def trigger_of_event(name: str) -> EventTrigger | LetterTrigger:
    """Give the trigger of an event."""
    return LetterTrigger() if name == letter_set_aside.TRIGGER else EventTrigger(name)


def scope_of_event(name: str | None) -> Scope | None:
    """Give what a rule about an event knows of; None when there is no such event."""
    return trigger_of_event(name).scope if name in EVENTS else None


class TriggerKeys(Shape):
    """Say what sets a rule off."""

    @classmethod
    def unknown(cls, report: Report, block: Block, key: str) -> str:
        """Say that there is one trigger, or with which one a key goes."""
        if key in TRIGGERS:
            return f"{_TRIGGER}, not two of them"
        owners = [f"'{name}'" for name, shape in TRIGGERS.items() if key in set(shape.keys())]
        if owners:
            return f"'{key}' goes with the trigger {listed(owners)}"
        return super().unknown(report, block, key)

    @property
    def scope(self) -> Scope | None:
        """Give what rules with this trigger know of; None while the trigger does not say."""
        found = next((scope for key, scope in SCOPES.items() if self.says(key)), None)
        return found or scope_of_event(getattr(self, "event", None))


class EventShape(TriggerKeys):
    """Set a rule off when something happened."""

    event: EventName
    """Something happened: fires on each event of this name."""

    def compiled(self, conditions: Conditions) -> EventTrigger | LetterTrigger:
        return trigger_of_event(self.event)


class ChangeShape(TriggerKeys):
    """Set a rule off when a number changed; `conditions` reads `from`, `to` and `rearm`."""

    change: Seats
    """A number of a session changed: fires when it comes into the range of `to`."""
    from_: Number = Field(None, alias="from")
    """What the number must have been before, e.g. {lte: 0}."""
    to: Number = None
    """What the number must be now, e.g. {gt: 0}."""
    rearm: Number = None
    """After firing once, fire again only when the number was here in between, e.g. {gte: 5}."""

    def written(self) -> dict[str, Any]:
        """Give what is written of the number, by key."""
        tests = {"from": self.from_, "to": self.to, "rearm": self.rearm}
        return {key: raw for key, raw in tests.items() if self.says(key)}

    def compiled(self, conditions: Conditions) -> ChangeTrigger:
        tests = {key: ValueTest(conditions[self.path_to(key)]) for key in self.written()}
        from_, to, rearm = (tests.get(key) for key in ("from", "to", "rearm"))
        return ChangeTrigger(field=self.change, from_=from_, to=to, rearm=rearm)


class StalledShape(TriggerKeys):
    """Set a rule off when nothing happened in an enrollment."""

    stalled_for: Duration
    """Nothing happened in an open enrollment for so long, e.g. 7d."""
    count_from: Annotated[Literal["enrolled", "started"], Choice("count_from")] = "enrolled"
    """Since when: `enrolled` reminds also those who never began, `started` only who did."""

    def compiled(self, conditions: Conditions) -> StalledTrigger:
        return StalledTrigger(self.stalled_for, self.count_from)


class SourceSilentShape(TriggerKeys):
    """Set a rule off when nothing came from a system."""

    source_silent_for: Duration
    """A system that used to talk has said nothing for so long while the service ran, e.g. 3d."""

    def compiled(self, conditions: Conditions) -> SourceSilentTrigger:
        return SourceSilentTrigger(self.source_silent_for)


class ChannelFailingShape(TriggerKeys):
    """Set a rule off when messages do not leave by a channel."""

    channel_failing_for: Duration
    """No message leaves by a channel for so long, e.g. 30m; tell of it by another channel."""
    channel: Name | None = None
    """Which channel; any, if left out."""

    def compiled(self, conditions: Conditions) -> ChannelFailingTrigger:
        return ChannelFailingTrigger(self.channel_failing_for, self.channel)


TRIGGERS: dict[str, type[TriggerKeys]] = {
    "event": EventShape,
    "change": ChangeShape,
    "stalled_for": StalledShape,
    "source_silent_for": SourceSilentShape,
    "channel_failing_for": ChannelFailingShape,
}


class OneTrigger(OneOf):
    """Mark a trigger."""

    expected = "{event: enrollment.completed}"

    def choose(self, raw: Block, report: Report) -> type[TriggerKeys] | None:
        """Tell triggers apart by the first key that names one."""
        found = next((TRIGGERS[key] for key in raw if key in TRIGGERS), None)
        if found is None:
            tell_apart(raw, report, keys=TRIGGERS, words=_TRIGGER)
        return found


TriggerShape = Annotated[
    EventShape | ChangeShape | StalledShape | SourceSilentShape | ChannelFailingShape, OneTrigger()
]
