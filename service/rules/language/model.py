"""Define the rule language: its keys, what each takes, and the rule that comes of them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from service.rules.calendar import DAY
from service.rules.language.brand import Logo
from service.rules.language.brand_keys import BrandShape
from service.rules.language.channels import ChannelUrl
from service.rules.language.entries import Duration, EntryKeys, EntryShape, Name, StepShape
from service.rules.language.intervals import StretchShape, Windows, windows_of
from service.rules.language.shape import FILLED, LIST, NAMED, Choice, Shape
from service.rules.language.trigger_shapes import Conditions, EventName, TriggerShape
from service.rules.language.values import BUNDLE_TIME, COUNT, RULE_ID, TEXT, VERSION, ZONE
from service.rules.rule import Defaults, Entry, Rule, RuleSet
from service.rules.scope import Scope

Text = Annotated[str, TEXT]
ANY = "any"
"""What `send_window` says for every hour of the week."""

BUNDLE, COLLAPSE = "bundle", "collapse"
"""Keys by which one message tells of several things."""


class AtMostShape(Shape):
    """Say how many messages a day are enough for one person."""

    messages: Annotated[int, COUNT]
    """At most so many messages to one person, 100 at most, whatever the rules; a list is one."""
    per: Annotated[Literal["day"], Choice("per")]
    """In a day of the reader's calendar. What is beyond leaves with what comes the next day."""


class DefaultsShape(Shape):
    """Say what holds for the whole file."""

    timezone: Annotated[str, ZONE] = "UTC"
    """For dates in this file, and for people whose zone is not known, e.g. Europe/Berlin."""
    send_window: Name | None = None
    """When messages may leave: a name of time_intervals, or any, as if left out."""
    expires_after: Duration = 3 * DAY
    """What could not be delivered for so long is not sent any more; 3d if left out."""
    bundle: Annotated[int, BUNDLE_TIME] | None = None
    """Wait so long, and make one message of what one person would get by one channel, whatever
    the rules; `none`, as if left out, lets each leave alone."""
    at_most: AtMostShape | None = None
    """How many messages one person gets at most."""


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
    bundle: Annotated[int, BUNDLE_TIME] | None = None
    """Wait so long, and leave as one message with what other rules tell the same person; `none`
    lets it leave alone."""
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

    def joined(self, entry: EntryKeys, defaults: DefaultsShape) -> str:
        """Give the key by which one message of an entry may tell of several things, if any."""
        if entry.says("digest"):
            return ""
        if self.waits(defaults) and entry.way == "via":
            return BUNDLE
        collapses = self.collapse and self.scope and self.scope.has_enrollment
        return COLLAPSE if collapses and entry in (self.notify or ()) else ""

    def waits(self, defaults: DefaultsShape) -> int:
        """Say how long (ms) its messages wait for others of their readers."""
        return (defaults.bundle if self.bundle is None else self.bundle) or 0

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
            bundle_ms=self.waits(defaults),
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
        windows, enough = self.windows(), self.defaults.at_most
        at_most = enough.messages if enough else None
        return RuleSet(
            rules=tuple(rule.compiled(self.defaults, windows, conditions) for rule in self.rules),
            channels={name: channel.url or "" for name, channel in channels.items()},
            defaults=Defaults(self.defaults.timezone, self.defaults.expires_after, at_most),
            text=text,
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            unset={name: channel.unset for name, channel in channels.items() if channel.unset},
            brand=self.brand.compiled(logo),
        )
