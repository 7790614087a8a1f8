"""Explain why a notification came to be, from the letter to its end."""

from collections.abc import Sequence
from typing import NamedTuple

from service.learners.enrollment import EnrollmentRecorded
from service.learners.facts import FactRecorded
from service.learners.feed_subjects import letter_of
from service.learners.instance import InstanceRecorded, seat_values
from service.rules.decider import first_ids
from service.rules.digests import DigestClosed
from service.rules.explain.answers import About, Cause, Chain, Delivery, Named, terms_of, time_of
from service.rules.explain.causes import Evidence, before, cause_of
from service.rules.explain.history import RecordedEvent
from service.rules.explain.outlook import missing_now, outlook
from service.rules.explain.rule_versions import RuleFileVersion, rule_then
from service.rules.explain.steps_in_words import ended, turns
from service.rules.notification import DIGEST, SENT, Notification, Owed
from service.rules.rule import AFTER, ROOM, STEPS_UP, Rule, route_of
from service.rules.text import counted, format_duration, moment
from service.rules.trace import shown, trace_recorded
from service.rules.triggers import channel_failing, letter_set_aside, source_silent
from service.rules.triggers.stalled import STALLED, stalled_trigger_of


class Provenance(NamedTuple):
    """Say how it came about: in a sentence, and by which event, letter or notifications."""

    because: str
    cause: Cause | None = None
    letter: Delivery | None = None
    items: Sequence[Named] = ()


def chain_of(evidence: Evidence, id: str) -> Chain | None:
    """Explain why a notification came to be; None when there is none of this id."""
    rows = evidence.past.stream(id) if id.startswith("n") else []
    if not rows:
        return None
    found = Notification.load(id, [row.body for row in rows])
    owed, kept = found.owed, evidence.past.kept(id)
    rule_file = evidence.rule_files.after(rows[0].position)
    rule = rule_file.rule(owed.rule) if rule_file else None
    told = about(evidence, owed)
    story = story_of(evidence, owed, rule, told)
    history = turns(rows, kept)
    terms = trace_recorded(rule.conditions, owed.read, kept) if rule else []
    beside = (named(evidence, each) for each in found.speaks_for)
    return Chain(
        id=id,
        state=found.state,
        reason=found.reason,
        to=whom(evidence, owed),
        channel=owed.channel,
        template=owed.template,
        about=told,
        because=story.because,
        cause=story.cause,
        letter=story.letter,
        rule=rule_then(rule_file, rule, evidence.rule_files.today())
        if rule_file and rule
        else None,
        terms=terms_of(terms),
        decided_at=time_of(owed.decided_at),
        history=history,
        ended=ended(found, history[-1]),
        first=firsts(evidence, owed, rule),
        items=[*story.items, *filter(None, beside)],
        into=found.into,
        speaks_for=list(found.speaks_for),
        notes=[
            *notes(rule_file, rule, owed),
            *missing_now(evidence, found),
            *filter(None, [outlook(evidence, found)]),
        ],
    )


def notes(rule_file: RuleFileVersion | None, rule: Rule | None, owed: Owed) -> list[str]:
    """Say what the answer leaves out, and why."""
    if rule is not None:
        return []
    if rule_file is None:
        return ["the ledger does not say which rule file was active then"]
    if rule_file.rules is None:
        return ["the rule file as it was then cannot be read by this version"]
    return [f"the rule file of {moment(rule_file.activated.at)} has no rule '{owed.rule}'"]


def about(evidence: Evidence, owed: Owed) -> About:
    """Say what a notification is about, in the LMS's ids."""
    people = evidence.past.people.lms_ids([owed.person] if owed.person else [])
    return About(
        stream=owed.subject,
        source=owed.source,
        account=owed.account,
        learner=people.get(owed.person or ""),
        course=owed.course or None,
        instance=owed.instance,
    )


def whom(evidence: Evidence, owed: Owed) -> str:
    """Say whom a notification is for: a role, `room:NAME`, or which member of what."""
    if owed.recipient in STEPS_UP or owed.recipient.startswith(ROOM):
        return owed.recipient
    route = route_of(owed.entry)
    member = evidence.past.people.lms_ids([owed.recipient]).get(owed.recipient)
    if route in STEPS_UP:
        return f"{route} {member}" if member else route
    return f"{member or 'somebody of whom no LMS id is known'} of {route}"


def named(evidence: Evidence, id: str) -> Named | None:
    """Describe a notification in short; None when there is none of this id."""
    found = evidence.past.notification(id)
    if found is None:
        return None
    into = evidence.past.notification(found.into) if found.into else None
    return Named(
        id=id,
        to=whom(evidence, found.owed),
        channel=found.owed.channel,
        template=found.owed.template,
        state=found.state,
        reason=found.reason,
        decided_at=time_of(found.owed.decided_at),
        told=found.state == SENT or (into is not None and into.state == SENT),
        into=found.into,
    )


def firsts(evidence: Evidence, owed: Owed, rule: Rule | None) -> list[Named]:
    """Find what an escalation goes on from: what the rule owed at once for the occurrence."""
    if rule is None or AFTER not in owed.entry:
        return []
    return [found for id in first_ids(rule, owed) if (found := named(evidence, id))]


def story_of(evidence: Evidence, owed: Owed, rule: Rule | None, about: About) -> Provenance:
    """Say how a notification came about."""
    if owed.trigger == source_silent.TRIGGER:
        letter = evidence.delivery(int(owed.occurrence.rpartition("/")[2]), owed.source)
        return Provenance(f"{owed.source} fell silent after letter {letter.number}", letter=letter)
    if owed.trigger == letter_set_aside.TRIGGER:
        letter = evidence.delivery(letter_of(owed.subject), owed.source)
        return Provenance(f"not all of letter {letter.number} could be used", letter=letter)
    if owed.trigger == channel_failing.TRIGGER:
        name, _, since = owed.occurrence.rpartition("/")
        return Provenance(f"no message left by channel {name} since {moment(int(since))}")
    if owed.trigger == DIGEST:
        return _digest(evidence, owed)
    rows = evidence.past.stream(owed.subject, 0, owed.version)
    if owed.trigger == STALLED:
        return _silence(evidence, owed, rule, about, rows)
    return _happened(evidence, owed, about, rows)


def _digest(evidence: Evidence, owed: Owed) -> Provenance:
    closing = evidence.past.at(owed.subject, owed.version)
    ids = closing.body.items if closing and isinstance(closing.body, DigestClosed) else ()
    items = [found for id in ids if (found := named(evidence, id))]
    count = counted(len(items), "notification")
    return Provenance(f"the digest of {owed.occurrence} was made up of {count}", items=items)


def _silence(
    evidence: Evidence, owed: Owed, rule: Rule | None, about: About, rows: Sequence[RecordedEvent]
) -> Provenance:
    since = int(owed.occurrence.rpartition("/")[2])
    trigger = stalled_trigger_of(rule)
    lasted = format_duration(trigger.silence_ms) if trigger else "long"
    column = "active_at" if trigger and trigger.count_from == "started" else "silent_since"
    begun = began(rows, column, since)
    cause = cause_of(evidence, about, rows, begun) if begun else None
    words = f"nothing happened for {lasted} since {moment(since)}"
    if cause is not None:
        words += f"; that silence began with {cause.fact}"
    return Provenance(words, cause, cause.letter if cause else None)


def began(rows: Sequence[RecordedEvent], column: str, since: int) -> RecordedEvent | None:
    """Find the event with which a silence began: the last one that moved its beginning there."""
    for row in reversed(rows):
        event = row.body
        if not isinstance(event, EnrollmentRecorded) or event.after is None:
            continue
        was = getattr(before(rows, row.version), column)
        if getattr(event.after, column) == since and was != since:
            return RecordedEvent(*row)
    return None


def _happened(
    evidence: Evidence, owed: Owed, about: About, rows: Sequence[RecordedEvent]
) -> Provenance:
    version = int(owed.occurrence.rpartition("/")[2])
    row = next((row for row in rows if row.version == version), None)
    if row is None or not isinstance(row.body, FactRecorded):
        return Provenance(f"{owed.trigger}, of which the ledger knows nothing any more")
    cause = cause_of(evidence, about, rows, row)
    edge = edge_in_words(row.body, owed.trigger)
    return Provenance(edge or f"{owed.trigger} at {moment(row.body.at)}", cause, cause.letter)


def edge_in_words(event: object, field: str) -> str | None:
    """Say `instance.seats_available went from 0 to 1`; None when it is no edge of this field."""
    if not isinstance(event, InstanceRecorded) or event.was is None:
        return None
    was, now = seat_values(event.was), seat_values(event.said)  # type: ignore[arg-type]
    if field not in now:
        return None
    return f"{field} went from {shown(field, was[field])} to {shown(field, now[field])}"
