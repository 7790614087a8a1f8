"""Hold what a rule file says, as frozen values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from service.learners.directory.people import Person
from service.learners.feed_subjects import CHANNEL
from service.learners.world import Decisions, Reader, World, climb
from service.ledger.events import EventBody, Latest
from service.rules.calendar import DAY, Digest, Window
from service.rules.conditions import Condition, Read, compile_conditions, fields_of
from service.rules.fields import Reading
from service.rules.language.brand import NO_BRAND, Brand
from service.rules.notification import OWED, SCHEDULED, Notification, Owed
from service.rules.readers.watchers import WATCHERS, waiting
from service.rules.triggers.trigger import Trigger

Mode = Literal["live", "shadow", "disabled"]

EXPIRES_AFTER_MS = 3 * DAY
OF_TODAY = ("course.", "learner.")
OF_THE_EVENT = frozenset({"course.id", "course.kind"})
TEMPLATE = ",template="
AFTER = ",after="
KEYS_REMEMBERED = 4_096


@dataclass(frozen=True)
class Throttle:
    """Allow `max` messages to one recipient in any `per_ms`, for each value of the fields."""

    max: int
    per_ms: int
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """Say whom to tell: `to` a role, watchers or group:NAME by `via`, or the room `post`.

    A step of an escalation comes `after_ms` after the first entries, which have 0. Without a
    `window` it may leave at any hour. `show` is what its words say only if asked for. `line` is
    where it begins in the file.
    """

    to: str | None
    via: str | None
    post: str | None
    template: str
    after_ms: int = 0
    digest: Digest | None = None
    throttle: Throttle | None = None
    window: Window | None = None
    show: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def channel(self) -> str:
        return self.via or self.post or ""

    @property
    def route(self) -> str:
        """Say to whom and how, whatever the words."""
        return f"post={self.post}" if self.post else f"to={self.to},via={self.via}"

    @cached_property
    def key(self) -> str:
        """Say what makes this entry itself, wherever in the file it stands."""
        after = f"{AFTER}{self.after_ms}" if self.after_ms else ""
        return f"{self.route}{TEMPLATE}{self.template}{after}"


@lru_cache(KEYS_REMEMBERED)
def place_of(key: str) -> tuple[str, str]:
    """Give what stays of an entry's key with other words: its route and when it comes."""
    route, _, words = key.rpartition(TEMPLATE)
    return route, words.partition(AFTER)[2]


@dataclass(frozen=True)
class Rule:
    """Hold one rule; all `conditions` must be true. `line` is where it begins in the file.

    With a `bundle_ms` other than 0 what a person gets waits so long, to leave with what else they
    get.
    """

    id: str
    description: str
    mode: Mode
    trigger: Trigger
    conditions: tuple[Condition, ...]
    collapse_ms: int | None
    bundle_ms: int
    notify: tuple[Entry, ...]
    escalation: tuple[Entry, ...]
    cancel_on: tuple[str, ...]
    on_activate: Literal["none", "current"]
    expires_after_ms: int
    line: int
    required: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """List everybody the rule tells, at once and later."""
        return self.notify + self.escalation

    @property
    def keeps_distance(self) -> bool:
        """Tell whether a step tells somebody whom an earlier entry may have told."""
        return any(map(self.followed_by, self.escalation))

    def followed_by(self, step: Entry) -> list[Entry]:
        """List the earlier entries that tell the same person as a step."""
        earlier = [each for each in self.entries if each.after_ms < step.after_ms]
        return [each for each in earlier if each.to == step.to and not step.post]

    @cached_property
    def holds(self) -> Callable[[Read], bool]:
        """Compile the conditions into one function."""
        return compile_conditions(self.conditions)

    @property
    def reads_today(self) -> list[str]:
        """Name the fields its conditions read of which only today's value is known."""
        read = set(fields_of(self.conditions)) - OF_THE_EVENT
        return sorted(field for field in read if field.startswith(OF_TODAY))


@dataclass(frozen=True)
class Defaults:
    """Hold what is so where a rule or a person says nothing; `timezone` is an IANA name.

    One person gets `at_most` so many messages a day.
    """

    timezone: str = "UTC"
    expires_after_ms: int = EXPIRES_AFTER_MS
    at_most: int | None = None


@dataclass(frozen=True)
class RuleSet:
    """Hold a whole rule file.

    `channels` are URLs with the environment's secrets in them, so they are never printed; of
    those whose default stands in for a variable, `unset` names it.
    `fingerprint` is the SHA-256 of `text` in hex.
    """

    rules: tuple[Rule, ...]
    channels: dict[str, str] = field(repr=False)
    defaults: Defaults
    text: str = field(repr=False)
    fingerprint: str
    unset: dict[str, str] = field(default_factory=dict)
    brand: Brand = NO_BRAND

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        """Give each rule by its id."""
        return {rule.id: rule for rule in self.rules}


GROUP = "group:"
ROOM = "room:"
STEPS_UP = {"learner": 0, "manager": 1, "managers_manager": 2}
"""Roles, by how many steps up from the learner they are."""
LEFT, LEFT_GROUP = "left", "left_group"
"""Why nobody is told: who was to read it has left, or is not in the group any more."""


def recipients(entry: Entry, reading: Reading, decisions: Decisions) -> Iterable[str]:
    """Name the role, looked up when the message leaves, or each watcher or member as of now.

    Whom these `decisions` tell already is no watcher any more. Nobody hears by a channel that it
    fails itself.
    """
    if reading.subject.id == f"{CHANNEL}{entry.channel}":
        return ()
    if entry.post is not None:
        return (f"{ROOM}{entry.post}",)
    to = entry.to or ""
    if to == WATCHERS:
        return waiting(reading, decisions)
    if not to.startswith(GROUP):
        return (to,)
    about = reading.about
    return reading.world.members(to.removeprefix(GROUP), about.source, about.account)


def in_place_of(
    person: Person | None, role: str, manager: Callable[[Person], Person | None]
) -> Reader:
    """Find who reads what was made up for a person in a role: for a manager who left theirs."""
    found = climb(person, 0, manager)
    if not found.left or not STEPS_UP.get(role):
        return found
    above = climb(person, 1, manager)
    return Reader(above.person, (*found.passed, *above.passed))


def find_reader(recipient: str, learner: str | None, world: World, role: str = "") -> Reader:
    """Find who a role, or a person by id, is now; nobody for a room.

    `role` is what a person is told as.
    """
    if recipient.startswith(ROOM):
        return Reader(None)
    if recipient in STEPS_UP:
        person = world.person(learner) if learner else None
        return climb(person, STEPS_UP[recipient], world.manager)
    return in_place_of(world.person(recipient), role, world.manager)


def bundle_of(rule: Rule, entry: Entry, recipient: str, reading: Reading) -> str | None:
    """Name what one reader, as known now, is told of together; None for what leaves alone.

    While nobody knows who reads it, that is the role it is for and of whom it tells.
    """
    if not rule.bundle_ms or entry.post or entry.digest:
        return None
    learner, world = reading.learner, reading.world
    if recipient == "learner" and learner:
        return bundle_for(entry.channel, world.records_of(learner)[0])
    reader = find_reader(recipient, learner, world, role=entry.to or "").meant
    return bundle_for(entry.channel, reader.id if reader else f"{recipient}/{learner}")


def bundle_for(channel: str, reader: str) -> str:
    """Name what somebody is told of together by a channel."""
    return f"{channel}/{reader}"


def alike(notification: Notification) -> str:
    """Name what collapses into one thing to be told, be it in a bundle; else the one itself."""
    return notification.owed.collapse or notification.id


def names_told(reading: Reading) -> tuple[str, str]:
    """Give whom and what a thing tells of, to order by: the learner's name, the course's title."""
    name, title = reading("learner.name"), reading("course.title")
    return str(name or "").casefold(), str(title or "").casefold()


def company_of(notification: Notification) -> str | None:
    """Name what a notification leaves together with; None for nothing."""
    return notification.bundle or notification.owed.collapse


def joins(notification: Notification, first: Notification) -> bool:
    """Tell whether it leaves with the first one of its company.

    What collapses was decided while the first one waited. What is bundled need not be.
    """
    free = notification.claimed_until is None and notification.attempts == 0
    waits = notification.state in (OWED, SCHEDULED)
    meanwhile = first.bundle is not None or notification.owed.decided_at <= first.owed.due_at
    return waits and free and meanwhile and company_of(notification) == company_of(first)


def is_member_still(owed: Owed, world: World) -> bool:
    """Tell whether the group is not left in which somebody was to be told; true for all others."""
    to = route_of(owed.entry)
    if not to.startswith(GROUP) or owed.recipient.startswith(ROOM):
        return True
    group, who = to.removeprefix(GROUP), owed.recipient
    return bool(world.members(group, owed.source, owed.account, person=who))


def route_of(entry: str) -> str:
    """Say whom an entry of the key `to=group:NAME,via=…,template=…` writes to."""
    return entry.removeprefix("to=").rpartition(TEMPLATE)[0].rpartition(",via=")[0]


def zone_of(person: Person | None, defaults: Defaults) -> ZoneInfo:
    """Find where a reader's clock hangs; a room has the file's zone."""
    name = person.timezone if person else None
    try:
        return ZoneInfo(name or defaults.timezone)
    except (ValueError, OSError, KeyError):
        return ZoneInfo(defaults.timezone)


MUTING = "muting"
MUTED = "muted"


class MutingChanged(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Record what is muted since `at`: these rules, by id, and with `everything` all of them."""

    TOPIC: ClassVar[str] = "muting.changed"
    at: int
    everything: bool = False
    rules: tuple[str, ...] = ()

    def covers(self, rule: str) -> bool:
        """Tell whether a rule is muted."""
        return self.everything or rule in self.rules

    @property
    def names(self) -> str:
        """Say what is muted."""
        return "every rule" if self.everything else ", ".join(self.rules) or "nothing"


SHAPES: Mapping[str, Any] = {MutingChanged.TOPIC: MutingChanged}
NOTHING_MUTED = MutingChanged(at=0)


def muting_of(latest: Latest) -> tuple[int, MutingChanged]:
    """Tell what is muted now, and the version of the stream that says so."""
    version, newest = latest(MUTING) or (0, NOTHING_MUTED)
    assert isinstance(newest, MutingChanged)
    return version, newest
