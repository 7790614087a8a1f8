"""Put the history of a notification into words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.ledger.events import EventBody
from service.rules.explain.answers import Turn, time_of
from service.rules.explain.history import RecordedEvent
from service.rules.notification import (
    HELD,
    OPEN_STATES,
    RULE_GONE,
    SENT,
    SHADOW,
    TITLE,
    WAITING_ADDRESS,
    AddressFound,
    AttemptEnded,
    AttemptStarted,
    Deferred,
    Ended,
    Held,
    Notification,
    Owed,
    Redriven,
    RuleReturned,
    WaitingForAddress,
)
from service.rules.text import moment

REASONS = {
    "no_longer_true": "it was not true any more",
    "conditions_changed": "the rule's conditions did not hold any more",
    "rule_removed": "no live rule said so any more",
    "rule_gone": "no live rule says so now; cancelled then, unless the rule is back",
    "collapse": "it waits for others of the same moment",
    "pace": "as many were on their way to that domain as may leave in a minute",
    "escalation": "what its reader was told before it came late, and it keeps its distance",
    "collapsed": "another message stood for it too",
    "bundle": "it is told in one message with what else its reader gets",
    "at_most": "its reader got enough that day; it leaves with what comes the next day",
    "earlier": "what it waited for is over: its reader chose anew, or the rules changed",
    "digest": "it is told of in a digest",
    "throttle": "too many had gone to the same recipient",
    "storm": "too many were owed at once; a person must release it",
    "muted": "the rule was muted",
    "watch_over": "whoever asked does not wait for it any more",
    "title": "the title of its course is being asked for",
    "merged": "another record of the same person is told of it, or was",
    "no address": "no address is known",
    "left": "who was to read it has left",
    "left_group": "who was to read it has left the group",
    "stopped": "who was to read it has stopped messages of this kind",
    "stopped_all": "who was to read it has stopped all messages that can be stopped",
    "bounced": "the mail server says that there is no such address; nothing more is sent there",
    "complained": "its reader reported a message as spam; nothing more is sent to the address",
    "away": "its reader is away until then",
    "own_list": "its reader wants one list at that time",
    "send_window own_hours": "its reader wants messages at other hours",
    "learner_left": "the learner has left, and silences of those who left are told to nobody",
}


def reason_in_words(reason: str | None) -> str:
    """Write a recorded reason as a person reads it."""
    text = reason or ""
    if text.startswith("cancel_on "):
        return f"{text.removeprefix('cancel_on ')} came meanwhile (cancel_on)"
    if text.startswith("send_window ") and text not in REASONS:
        return f"{text.removeprefix('send_window ')} is closed (send_window)"
    return REASONS.get(text, text)


def turns(rows: Sequence[RecordedEvent], kept: Mapping[str, str]) -> list[Turn]:
    """Describe the events of a notification; `kept` is what is kept beside it, not erased yet."""
    return [
        Turn(
            at=time_of(row.body.decided_at if isinstance(row.body, Owed) else row.body.at),
            event=row.body.topic.removeprefix("notification."),
            words=in_words(row.body),
            reply=kept.get(f"reply/{row.version}"),
        )
        for row in rows
    ]


def _decided(owed: Owed) -> str:
    if owed.mode == "shadow":
        return "decided in shadow: nobody is told"
    if owed.held:
        return f"decided, and held: {reason_in_words(owed.held)}"
    if owed.digest:
        return f"decided; waits for the digest of {moment(owed.due_at)}"
    return f"decided{f'; leaves at {moment(owed.due_at)}' if owed.due_at > owed.decided_at else ''}"


def _attempted(event: AttemptEnded) -> str:
    code = " ".join(filter(None, (str(event.code or ""), event.status)))
    words = f"attempt ended: {event.outcome}{f' ({code})' if code else ''}; {event.then}"
    return words + (f", again at {moment(event.next_at)}" if event.next_at else "")


def _begun(event: AttemptStarted) -> str:
    also = f", for {len(event.speaks_for)} others too" if event.speaks_for else ""
    return f"attempt started{also}"


def _ended(event: Ended) -> str:
    into = f" (notification {event.into})" if event.into else ""
    return f"{event.state}: {reason_in_words(event.reason)}{into}"


def _deferred(event: Deferred) -> str:
    why = reason_in_words(event.reason)
    if event.since is not None:
        return f"held until {moment(event.until)}, rule gone since {moment(event.since)}: {why}"
    return f"not before {moment(event.until)}: {why}"


def _released(event: Redriven) -> str:
    if event.released_by:
        return f"released: notification {event.released_by} does not stand for it any more"
    return "a person lets it leave"


def _fields(event: EventBody) -> str:
    names: Sequence[str] = event.__struct_fields__
    values: Mapping[str, Any] = {name: getattr(event, name) for name in names if name != "at"}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, ""))


AN = {"address": "an address", TITLE: "the title"}
WORDS: Mapping[type[EventBody], Callable[[Any], str]] = {
    Owed: _decided,
    AttemptStarted: _begun,
    AttemptEnded: _attempted,
    Ended: _ended,
    WaitingForAddress: lambda event: f"no address is known; waits until {moment(event.until)}",
    AddressFound: lambda event: f"{AN[event.what]} is known now",
    Deferred: _deferred,
    RuleReturned: lambda event: "its rule is back",
    Held: lambda event: f"held: {reason_in_words(event.reason)}",
    Redriven: _released,
}


def in_words(event: EventBody) -> str:
    """Describe an event in a few words; one of an unknown kind by its fields."""
    return WORDS.get(type(event), _fields)(event)


def ended(notification: Notification, newest: Turn) -> str:
    """Say how a notification ended, or what it waits for, and why."""
    state = notification.state.replace("_", " ")
    why = reason_in_words(notification.reason)
    if notification.state == SENT:
        return f"sent at {newest.at:%Y-%m-%d %H:%M:%SZ}"
    if notification.state == SHADOW:
        return "the rule was in shadow: nobody is told"
    if notification.state == HELD:
        return f"held: {why}"
    if notification.state == WAITING_ADDRESS:
        return f"nobody knows the address; it waits until {moment(notification.due_at)}"
    if notification.reason == RULE_GONE:
        return f"held until {moment(notification.due_at)}: {why}"
    if notification.state in OPEN_STATES:
        return f"{state}; leaves at {moment(notification.due_at)}{f': {why}' if why else ''}"
    return f"{state}: {why}"
