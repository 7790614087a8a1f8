"""Explain what a rule made of the events of one stream, and which came nearest to it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from service.learners.enrollment import EnrollmentRecorded
from service.learners.facts import FactRecorded, SeatsReported
from service.learners.instance import seat_values
from service.learners.world import Happening
from service.rules.decider import evaluate, reading_of
from service.rules.explain.causes import Evidence, before, cause_of, standing
from service.rules.explain.history import Row
from service.rules.explain.notification import edge_in_words
from service.rules.explain.occasion import Then, asleep, found_by, occasion, states
from service.rules.explain.report import About, Matter, Occasion
from service.rules.rule import Rule
from service.rules.text import moment
from service.rules.trace import shown
from service.rules.triggers.event import EventOccurrence
from service.rules.triggers.seat_change import ChangeTrigger, change_trigger_of

OCCASIONS = 20
"""How many occasions of one thing are explained, the latest."""
NEAREST = 3
IMPORTED = "it came with an import, and nobody is told of what an import says"


def of_events(evidence: Evidence, reference: Rule, about: About, at: int) -> Matter:
    """What a rule made of a stream up to a moment; `reference` is how it read about then."""
    rows = [row for row in evidence.past.stream(about.stream) if row.body.recorded_at <= at]
    thens = {row.version: then(evidence, reference, about, row) for row in rows}
    hits = [row for row in rows if concerns(thens[row.version].rule or reference, row)]
    shown_hits = hits[-OCCASIONS:]
    known = states(about.stream, rows, [row.version for row in shown_hits], evidence)
    occasions = [
        judged_event(
            evidence, reference, thens[row.version], rows,
            row, Happening(about.stream, row.version, row.body, known[row.version]),
        )
        for row in shown_hits
    ]  # fmt: skip
    return Matter(
        about=about,
        standing=stood(rows),
        nearest=[] if occasions else list(nearest(reference, rows)),
        occasions=occasions,
        earlier=len(hits) - len(shown_hits),
    )


def then(evidence: Evidence, reference: Rule, about: About, row: Row) -> Then:
    """The rule as it was when an event was recorded."""
    if not row.body.transitions:
        return Then(None, None, about)
    edition = evidence.editions.after(row.position)
    return Then(edition, edition.rule(reference.id) if edition else None, about)


def concerns(rule: Rule, row: Row) -> bool:
    """Tell whether an event is what a rule waits for, were it armed."""
    trigger, event = rule.trigger, row.body
    return not trigger.transitions.isdisjoint(event.transitions) and trigger.admits(event)


def judged_event(
    evidence: Evidence, reference: Rule, then: Then, rows: Sequence[Row], row: Row,
    happening: Happening,
) -> Occasion:  # fmt: skip
    """Say what a rule made of one event."""
    event, rule = happening.event, then.rule
    cause = cause_of(evidence, then.about, rows, row)
    trigger = (rule or reference).trigger
    change = change_trigger_of(trigger)
    what = edge_in_words(event, change.field if change else "") or trigger.words()
    why_not = (
        IMPORTED if event.imported else asleep(evidence, reference.id, then, event.recorded_at)
    )
    found = None
    if rule is not None and why_not is None:
        world = evidence.past.world(row.position, happening.stream, row.version)
        occurrence = EventOccurrence.of(happening, event.recorded_at)
        evaluation = evaluate(rule, occurrence, reading_of(occurrence, world), world)
        why_not = evaluation.missed
        found = found_by(evidence, evaluation) if why_not is None else None
    return occasion(evidence, then, event.at, what, cause, why_not, found)


def stood(rows: Sequence[Row]) -> str:
    """How something stood after these events."""
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


def nearest(rule: Rule, rows: Sequence[Row]) -> Iterator[str]:
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


def counted(rows: Sequence[Row]) -> str:
    """`enrolled once, progressed 3 times, `."""
    events = [row.body for row in rows if isinstance(row.body, FactRecorded)]
    counts = Counter(name for event in events for name in event.transitions)
    times = {1: "once", 2: "twice"}
    return "".join(f"{_verb(n)} {times.get(c, f'{c} times')}, " for n, c in counts.items())


def _verb(name: str) -> str:
    return name.partition(".")[2].replace("_", " ")


def _seats(trigger: ChangeTrigger, rows: Sequence[Row]) -> Iterator[str]:
    edges = [(row.body, edge_in_words(row.body, trigger.field)) for row in rows]
    moved = [(event, words) for event, words in edges if words]
    wanted = " ".join(trigger.ranges())
    for event, words in moved[-NEAREST:]:
        yield f"{moment(event.at)}: {words}, not {wanted or 'another value'}"
    if not moved:
        yield "the first report is only what later ones are compared with" if rows else "no report"
