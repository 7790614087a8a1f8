"""Describe the events of a rule test: what happens, and what is said of each."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from service.learners import facts
from service.learners.facts import (
    CourseFact,
    EnrollmentFact,
    FactBody,
    InstanceFact,
    LearnerFact,
)
from service.rules.fields import EVENTS as RULE_EVENTS
from service.rules.language.shape import Value
from service.rules.language.values import TRUTH, named
from service.rules.language.yaml_reader import Block
from service.simulation.rule_tests.script_values import (
    BACK_ON,
    COUNT,
    NAME,
    OWN_LIST,
    PERCENT,
    SPAN,
    TEXT,
    TEXTS,
    UNREACHABLE,
    ZONE_NAME,
    Known,
    Part,
)

SAID: Mapping[str, type[FactBody]] = {
    kind.TOPIC: kind
    for kind in (
        facts.Enrolled,
        facts.Started,
        facts.ProgressReported,
        facts.ModuleCompleted,
        facts.Completed,
        facts.CompletionRevoked,
        facts.Unenrolled,
        facts.CourseDrafted,
        facts.CourseModified,
        facts.CourseDeleted,
        facts.InstanceModified,
        facts.InstanceDeleted,
        facts.SeatsReported,
        facts.LearnerSeen,
        facts.LearnerLeft,
        facts.LearnerMerged,
    )
}
"""Facts by the name that rules give the event."""

FOLLOWS = {
    "enrollment.result_changed": (
        "expected what leads to it: a second enrollment.completed within a day, with another "
        "passed or score"
    ),
}
"""Events that no letter brings by themselves, and what to give instead."""

WISHES = ("watch.asked", "watch.stopped")
"""A person wishes to be told of a free seat, or not any more: no letter says so."""

CHOOSES = "choices.made"
"""A reader chooses what to be told, and how, as by the link in their mails."""

TURNS = ("channel.failing", "channel.working")
"""Messages do not leave by a channel any more, or do again."""

CALLED = {"percent": "progress"}
"""What a rule file calls a part of a fact by another name."""

ABOUT: tuple[tuple[type[FactBody], tuple[str, ...], tuple[str, ...]], ...] = (
    (EnrollmentFact, ("learner", "course"), ("instance",)),
    (InstanceFact, ("instance",), ("course",)),
    (CourseFact, ("course",), ()),
    (LearnerFact, ("learner",), ()),
)


def about(event: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell what an event must name, and what it may."""
    if event in WISHES:
        return ("learner", "instance"), ("course",)
    if event in TURNS:
        return ("channel",), ()
    if event == CHOOSES:
        return ("learner",), ()
    return next((must, may) for kind, must, may in ABOUT if issubclass(SAID[event], kind))


def said(event: str, values: Mapping[str, Any]) -> FactBody:
    """Make the content of a fact of what was read."""
    kind: Callable[..., FactBody] = SAID[event]
    names = {CALLED.get(name, name): name for name in SAID[event].__struct_fields__}
    return kind(**{names[key]: value for key, value in values.items() if key in names})


SOURCE, ACCOUNT = "adobe", "1"
EVENTS = (*SAID, *WISHES, CHOOSES, *TURNS)
DOCS = {
    **{event.name: event.doc for event in RULE_EVENTS.values()},
    "learner.merged": "`learner` turned out to be who is named at `into`, who counts from then on",
    "watch.asked": "a person asked to be told of a free seat",
    "watch.stopped": "a person does not wish to be told any more",
    CHOOSES: "a person chose what to be told, and how; what is not said stays as it was",
    "channel.failing": "messages do not leave by a channel any more",
    "channel.working": "messages leave by a channel again",
}


def _event(raw: Any) -> str:
    if raw in FOLLOWS:
        raise ValueError(FOLLOWS[raw])
    if not isinstance(raw, str) or raw not in EVENTS:
        raise ValueError(Known("event", EVENTS).lacks(raw))
    return raw


class EventPart(Part):
    """Say what happens, and when; which keys that takes depends on what happens."""

    at: Annotated[int, SPAN]
    """How long after the start, e.g. 2d or 1h30m."""
    event: Annotated[str, Value(_event, named(EVENTS, (DOCS[name] for name in EVENTS)))]
    """What happens."""
    name: Annotated[str | None, TEXT] = None
    """What the LMS calls the event, if conditions read it."""
    by_admin: Annotated[bool, TRUTH] = False
    """Whether an administrator did it."""
    learner: Annotated[str | None, NAME] = None
    """Who it is about, a name under `people`."""
    into: Annotated[str | None, NAME] = None
    """Said by learner.merged."""
    course: Annotated[str | None, NAME] = None
    """Which course, a name under `courses`."""
    instance: Annotated[str | None, TEXT] = None
    """Which session or batch of the course, any id."""
    channel: Annotated[str | None, NAME] = None
    """Which channel, a name under `channels` of the rule file."""
    source: Annotated[str, NAME] = SOURCE
    """Of which LMS; adobe if left out."""
    account: Annotated[str, TEXT] = ACCOUNT
    """Of which account of the LMS."""
    enrollment_source: Annotated[str | None, TEXT] = None
    """Said by enrollment.enrolled or enrollment.completed."""
    progress: Annotated[float | None, PERCENT] = None
    """Said by enrollment.progressed or enrollment.module_completed."""
    module: Annotated[str | None, TEXT] = None
    """Said by enrollment.module_completed."""
    score: Annotated[float | None, PERCENT] = None
    """Said by enrollment.module_completed or enrollment.completed."""
    passed: Annotated[bool | None, TRUTH] = None
    """Said by enrollment.completed."""
    enrollment_count: Annotated[int | None, COUNT] = None
    """Said by instance.seats_changed."""
    waitlist_count: Annotated[int | None, COUNT] = None
    """Said by instance.seats_changed."""
    seat_limit: Annotated[int | None, COUNT] = None
    """Said by instance.seats_changed."""

    stopped: Annotated[tuple[str, ...] | None, TEXTS] = None
    """Said by choices.made: which rules the reader has stopped, all in all."""
    stopped_all: Annotated[bool | None, TRUTH] = None
    """Said by choices.made: whether the reader has stopped whatever can be."""
    own_list: Annotated[str | None, OWN_LIST] = None
    """Said by choices.made: when their own list leaves, 08:00 or mon 08:00; none for at once."""
    back_on: Annotated[str | None, BACK_ON] = None
    """Said by choices.made: the first day on which they are back, e.g. 2026-02-02."""
    locale: Annotated[str | None, TEXT] = None
    """Said by choices.made: their language."""
    timezone: Annotated[str | None, ZONE_NAME] = None
    """Said by choices.made: their time zone."""
    unreachable: Annotated[str | None, UNREACHABLE] = None
    """Said by choices.made: why their address is not written to, bounced or complained."""

    @classmethod
    def keys_in(cls, block: Block) -> Mapping[str, bool]:
        """Give the keys that go with what happens; where that is not known no key is wrong."""
        if "event" not in block:
            return UNNAMED
        return KEYS.get(str(block["event"]), dict.fromkeys(block, False))

    @classmethod
    def of(cls, block: Block) -> str:
        """Say what happens."""
        return f" of {block['event']}" if "event" in block else ""


def carried(event: str) -> dict[str, Value]:
    """Give the values that an event carries, by what a rule file calls them."""
    names = SAID[event].__struct_fields__ if event in SAID else ()
    return {CALLED.get(name, name): READ[name] for name in names}


def _keys(event: str) -> dict[str, bool]:
    must, may = about(event)
    place = () if event in TURNS or event == CHOOSES else ("source", "account")
    may = CHOSEN if event == CHOOSES else may
    letter = ("name", "by_admin") if event in SAID else ()
    others = dict.fromkeys((*place, *letter), False)
    about_ = dict.fromkeys(must, True) | dict.fromkeys((*may, *carried(event)), False)
    return {"at": True, "event": True} | others | about_


CHOSEN = ("stopped", "stopped_all", "own_list", "back_on", "locale", "timezone", "unreachable")
READ = {
    name: EventPart.model_fields[CALLED.get(name, name)].metadata[0]
    for kind in SAID.values()
    for name in kind.__struct_fields__
}
"""What values of facts are written like."""
UNNAMED = {"at": False, "learner": False, "course": False, "instance": False, "event": True}
KEYS: Mapping[str, Mapping[str, bool]] = {event: _keys(event) for event in EVENTS}
"""The keys that go with each event; true for those that must be there."""
