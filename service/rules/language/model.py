"""Define the rule language: its keys, what each takes, and the rule that comes of them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from service.rules.calendar import DAY
from service.rules.conditions import Condition, ValueTest
from service.rules.fields import EVENTS
from service.rules.language.brand import Logo
from service.rules.language.brand_keys import BrandShape
from service.rules.language.channels import ChannelUrl
from service.rules.language.entries import Duration, EntryKeys, EntryShape, Name, StepShape
from service.rules.language.errors import Report
from service.rules.language.intervals import StretchShape, Windows, windows_of
from service.rules.language.operands import tested
from service.rules.language.shape import (
    FILLED,
    LIST,
    NAMED,
    Choice,
    OneOf,
    Shape,
    Value,
    tell_apart,
)
from service.rules.language.values import EVENT, RULE_ID, TEXT, VERSION, ZONE
from service.rules.language.yaml_reader import Block, Path
from service.rules.rule import Defaults, Entry, Rule, RuleSet
from service.rules.scope import Scope
from service.rules.text import listed
from service.rules.triggers import letter_set_aside
from service.rules.triggers.channel_failing import ChannelFailingTrigger
from service.rules.triggers.event import EventTrigger
from service.rules.triggers.letter_set_aside import LetterTrigger
from service.rules.triggers.seat_change import ChangeTrigger
from service.rules.triggers.source_silent import SourceSilentTrigger
from service.rules.triggers.stalled import StalledTrigger

Text = Annotated[str, TEXT]
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
ANY = "any"
"""What `send_window` says for every hour of the week."""

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


class DefaultsShape(Shape):
    """Say what holds for the whole file."""

    timezone: Annotated[str, ZONE] = "UTC"
    """For dates in this file, and for people whose zone is not known, e.g. Europe/Berlin."""
    send_window: Name | None = None
    """When messages may leave: a name of time_intervals, or any, as if left out."""
    expires_after: Duration = 3 * DAY
    """What could not be delivered for so long is not sent any more; 3d if left out."""


class RuleShape(Shape):
    """Say who is told what, and when; `conditions` are read by `conditions`."""

    called = "a rule"

    id: Annotated[str, RULE_ID]
    """The rule's name for good, the only one in the file; history goes by it."""
    description: Text = ""
    """What the rule is for, in your words."""
    mode: Annotated[Literal["live", "shadow", "disabled"], Choice()] = "live"
    """`live` sends, `shadow` decides and records and sends nothing, `disabled` does nothing."""
    trigger: TriggerShape
    """What sets the rule off: an event, a change, a silence, or a channel that fails."""
    conditions: Annotated[list[Any], LIST] = []
    """All of these must be true, when it is set off and again before the message leaves."""
    collapse: Duration | None = None
    """Wait so long, and make one message of what the same person would get in that time."""
    notify: Annotated[list[EntryShape], FILLED]
    """Whom to tell, how, and with which words."""
    escalation: Annotated[list[StepShape], LIST] = []
    """Whom to tell later, step by step, if it is still true then."""
    send_window: Name | None = None
    """For entries that have none of their own: a name of time_intervals, or any."""
    cancel_on: Annotated[list[EventName], LIST] = []
    """Events of the same enrollment that take back what was not sent yet."""
    on_activate: Annotated[Literal["none", "current"], Choice("on_activate")] = "none"
    """For silences older than the rule: `none` leaves them alone, `current` reminds once."""
    expires_after: Duration | None = None
    """What could not be delivered for so long is not sent any more."""

    @property
    def scope(self) -> Scope | None:
        """Give what the rule knows of; None while its trigger does not say."""
        return self.trigger.scope if self.trigger else None

    @property
    def entries(self) -> list[EntryKeys]:
        """List entries and steps, as far as they can be read."""
        entries = [*(self.notify or []), *(self.escalation or [])]
        return [entry for entry in entries if entry]

    def collapses(self, entry: EntryKeys) -> bool:
        """Tell whether one message of an entry may stand for several courses."""
        first = entry in (self.notify or ()) and not entry.says("digest")
        return first and bool(self.collapse and self.scope and self.scope.has_enrollment)

    def compiled(self, defaults: DefaultsShape, windows: Windows, conditions: Conditions) -> Rule:

        def entries(written: Sequence[EntryKeys]) -> tuple[Entry, ...]:
            usual = self.send_window or defaults.send_window or ANY
            return tuple(each.compiled(windows.get(each.send_window or usual)) for each in written)

        return Rule(
            id=self.id,
            description=self.description,
            mode=self.mode,
            trigger=self.trigger.compiled(conditions),
            conditions=conditions.get(self.path_to("conditions"), ()),
            collapse_ms=self.collapse,
            notify=entries(self.notify),
            escalation=entries(self.escalation),
            cancel_on=tuple(self.cancel_on),
            on_activate=self.on_activate,
            expires_after_ms=self.expires_after or defaults.expires_after,
            line=self.line,
        )


class FileShape(Shape):
    """Hold a rule file; `channels` reads what its channels say."""

    version: Annotated[str, VERSION]
    """The version of the rule language: 1."""
    channels: Annotated[dict[str, Text], NAMED] = {}
    """Ways out by name: URLs whose secrets come from the environment, as ${NAME}."""
    defaults: DefaultsShape = DefaultsShape.nothing()
    """What holds where a rule or a person says nothing."""
    brand: BrandShape = BrandShape.nothing()
    """Who writes: name, logo, colour and addresses, in every mail."""
    time_intervals: Annotated[dict[str, Annotated[list[StretchShape], FILLED]], NAMED] = {}
    """Parts of the week by name, for `send_window`: each a list of stretches of the day."""
    rules: Annotated[list[RuleShape], LIST]
    """Who is told what: one item a rule, each read on its own."""

    def windows(self) -> Windows:
        """Give the time intervals as windows."""
        return windows_of(self.time_intervals or {})

    def compiled(
        self,
        channels: Mapping[str, ChannelUrl],
        conditions: Conditions,
        text: str,
        logo: Logo | None,
    ) -> RuleSet:
        """Give the rules of a file without mistakes; `text` is kept with them."""
        windows = self.windows()
        return RuleSet(
            rules=tuple(rule.compiled(self.defaults, windows, conditions) for rule in self.rules),
            channels={name: channel.url or "" for name, channel in channels.items()},
            defaults=Defaults(self.defaults.timezone, self.defaults.expires_after),
            text=text,
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            unset={name: channel.unset for name, channel in channels.items() if channel.unset},
            brand=self.brand.compiled(logo),
        )
