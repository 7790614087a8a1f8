"""Explain what a rule made of the events of one stream, and which came nearest to it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from service.learners.aggregate import Aggregate
from service.learners.enrollment import EnrollmentRecorded
from service.learners.facts import FactRecorded, SeatsReported
from service.learners.instance import seat_values
from service.learners.world import AppendedEvent
from service.rules.explain.answers import Matter, Occasion
from service.rules.explain.causes import before, cause_of, standing
from service.rules.explain.history import RecordedEvent
from service.rules.explain.occasion import OCCASIONS, Inquiry, Judgement, OccasionEvent, RuleAsOf
from service.rules.explain.provenance import edge_in_words
from service.rules.rule import Rule
from service.rules.text import moment
from service.rules.trace import shown
from service.rules.triggers.event import EventOccurrence
from service.rules.triggers.seat_change import ChangeTrigger, change_trigger_of

NEAREST = 3
IMPORTED = "it came with an import, and nobody is told of what an import says"


def of_events(inquiry: Inquiry) -> Matter:
    """Explain what a rule made of a stream."""
    rows = inquiry.rows()
    thens = {row.version: then(inquiry, row) for row in rows}
    hits = [row for row in rows if concerns(thens[row.version].rule or inquiry.rule, row)]
    latest = hits[-OCCASIONS:]
    known = inquiry.states(rows, [row.version for row in latest])
    occasions = [
        judged_event(inquiry, thens[row.version], rows, row, known[row.version]) for row in latest
    ]
    earlier = len(hits) - len(latest)
    return inquiry.matter(stood(rows), nearest(inquiry.rule, rows), occasions, earlier)


def then(inquiry: Inquiry, row: RecordedEvent) -> RuleAsOf:
    """Give the rule as it was when an event was recorded."""
    changes = bool(row.body.transitions)
    return inquiry.then(inquiry.evidence.rule_files.after(row.position) if changes else None)


def concerns(rule: Rule, row: RecordedEvent) -> bool:
    """Tell whether an event is what a rule waits for, were it armed."""
    trigger, event = rule.trigger, row.body
    return not trigger.transitions.isdisjoint(event.transitions) and trigger.admits(event)


def judged_event(
    inquiry: Inquiry,
    then: RuleAsOf,
    rows: Sequence[RecordedEvent],
    row: RecordedEvent,
    subject: Aggregate[Any],
) -> Occasion:
    """Say what a rule made of one event, with its subject as it stood then."""
    event, rule, evidence = row.body, then.rule, inquiry.evidence
    trigger = (rule or inquiry.rule).trigger
    change = change_trigger_of(trigger)
    what = edge_in_words(event, change.field if change else "") or trigger.words()
    happened = OccasionEvent(event.at, what, cause_of(evidence, inquiry.about, rows, row))
    why_not = IMPORTED if event.imported else inquiry.asleep(then, event.recorded_at)
    judgement = Judgement(why_not)
    if rule is not None and why_not is None:
        stream = inquiry.about.stream
        appended = AppendedEvent(stream, row.version, event, subject)
        occurrence = EventOccurrence.of(appended, event.recorded_at)
        world = evidence.past.world(row.position, stream, row.version, event.saw)
        judgement = inquiry.judge(rule, occurrence, world)
    return inquiry.occasion(then, happened, judgement)


def stood(rows: Sequence[RecordedEvent]) -> str:
    """Say how something stood after these events."""
    if not rows:
        return "nothing was known of it then"
    last = rows[-1]
    if isinstance(last.body, EnrollmentRecorded):
        return standing(before(rows, last.version + 1))
    newest = (row.body.said for row in reversed(rows) if getattr(row.body, "newest", False))
    seats = next((said for said in newest if isinstance(said, SeatsReported)), None)
    if seats is None:
        return f"{last.body.topic} at {moment(last.body.at)}"
    values = seat_values(seats)
    return ", ".join(f"{n.partition('.')[2]} {shown(n, v)}" for n, v in values.items())


def nearest(rule: Rule, rows: Sequence[RecordedEvent]) -> Iterator[str]:
    """Say what came nearest to a trigger that never was."""
    change = change_trigger_of(rule.trigger)
    if change is not None:
        yield from _seats(change, rows)
        return
    name = rule.trigger.words()
    said = [row for row in rows if row.body.topic == name]
    late = [row for row in said if name not in row.body.transitions]
    for row in late[-NEAREST:]:
        yield (
            f"{row.body.name} of {moment(row.body.at)} led to no {name}: when it "
            "came, that was so already or later news was known"
        )
    yield f"{counted(rows)}never {_verb(name)}"


def counted(rows: Sequence[RecordedEvent]) -> str:
    """Count transitions: `enrolled once, progressed 3 times, `."""
    events = [row.body for row in rows if isinstance(row.body, FactRecorded)]
    counts = Counter(name for event in events for name in event.transitions)
    times = {1: "once", 2: "twice"}
    return "".join(f"{_verb(n)} {times.get(c, f'{c} times')}, " for n, c in counts.items())


def _verb(name: str) -> str:
    return name.partition(".")[2].replace("_", " ")


def _seats(trigger: ChangeTrigger, rows: Sequence[RecordedEvent]) -> Iterator[str]:
    edges = [(row.body, edge_in_words(row.body, trigger.field)) for row in rows]
    moved = [(event, words) for event, words in edges if words]
    wanted = " ".join(trigger.ranges())
    for event, words in moved[-NEAREST:]:
        yield f"{moment(event.at)}: {words}, not {wanted or 'another value'}"
    if not moved:
        yield "the first report is only what later ones are compared with" if rows else "no report"
