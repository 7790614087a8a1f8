"""Explain what a rule made of the silences of one enrolment, or of one feed."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.enrollment_state import OPEN
from service.learners.facts import longest_lateness
from service.learners.feed_subjects import SilentSource
from service.learners.world import World
from service.rules.decider import Evaluation, reading_of
from service.rules.done_or_gone import done_or_gone
from service.rules.explain.answers import Matter, Occasion
from service.rules.explain.causes import Evidence, cause_of
from service.rules.explain.event_occasions import stood
from service.rules.explain.history import LATER, RecordedEvent
from service.rules.explain.occasion import OCCASIONS, Inquiry, Judgement, OccasionEvent, found_by
from service.rules.scheduler import CLOCK_STREAM as CLOCK
from service.rules.scheduler import TimeAsked
from service.rules.text import format_duration, moment, span
from service.rules.triggers.source_silent import STREAM as FEEDS
from service.rules.triggers.source_silent import FeedsWatched, SourceOccurrence, source_trigger_of
from service.rules.triggers.stalled import (
    IMPORTED,
    SilenceOccurrence,
    StalledTrigger,
    silence_match,
    stalled_trigger_of,
)

COLUMNS = {"enrolled": "silent_since", "started": "active_at"}


class EnrollmentSilence(NamedTuple):
    """Hold a silence: since when (ms UTC), by which event it began, and by which it ended."""

    since: int
    began: RecordedEvent
    ended: RecordedEvent | None

    def known_from(self) -> int:
        """Say when the ledger first knew of it (ms UTC)."""
        recorded_at: int = self.began.body.recorded_at
        return recorded_at

    def lasted_until(self, at: int) -> int:
        """Say until when it lasted, as the ledger knew it; `at` (ms UTC) while it lasts."""
        return min(at, self.ended.body.recorded_at) if self.ended else at


def silences(rows: Sequence[RecordedEvent], trigger: StalledTrigger) -> Iterator[EnrollmentSilence]:
    """Find the silences of an enrolment as a rule counts them, first to last."""
    column, began, since = COLUMNS[trigger.count_from], None, None
    for row in rows:
        event = row.body
        if not isinstance(event, EnrollmentRecorded) or event.after is None:
            continue
        now = getattr(event.after, column)
        if now == since:
            continue
        if began is not None and since is not None:
            yield EnrollmentSilence(since, began, row)
        began, since = (row, now) if now is not None else (None, None)
    if began is not None and since is not None:
        yield EnrollmentSilence(since, began, None)


def of_silences(inquiry: Inquiry) -> Matter:
    """Explain what a rule made of the silences of an enrolment."""
    rows, at = inquiry.rows(), inquiry.at
    trigger = stalled_trigger_of(inquiry.rule)
    assert trigger is not None
    known = list(silences(rows, trigger))
    long = [q for q in known if due_at(inquiry.evidence, trigger, q) <= q.lasted_until(at)]
    latest = long[-OCCASIONS:]
    nearest = shortfall(inquiry, trigger, known, rows)
    occasions = [judged_silence(inquiry, trigger, rows, quiet) for quiet in latest]
    standing = "; ".join(filter(None, (stood(rows), needless_now(inquiry, rows))))
    return inquiry.matter(standing, nearest, occasions, len(long) - len(latest))


def needless_now(inquiry: Inquiry, rows: Sequence[RecordedEvent]) -> str | None:
    """Say why nobody is reminded of an enrolment as it stood at the moment asked for."""
    if not rows:
        return None
    folded = inquiry.states(rows, [rows[-1].version])[rows[-1].version]
    assert isinstance(folded, Enrollment)
    return needless(folded, inquiry.evidence.past.world_at(inquiry.at))


def needless(enrollment: Enrollment, world: World) -> str | None:
    """Say why nobody is reminded of an enrolment, if what it asks for is done or gone."""
    found = done_or_gone(enrollment, world) if enrollment.state.status in OPEN else None
    return found.words() if found else None


def due_at(evidence: Evidence, trigger: StalledTrigger, quiet: EnrollmentSilence) -> int:
    """Say when the clock was to be asked about a silence (ms UTC)."""
    lateness = longest_lateness(evidence.timings)
    return max(quiet.since + trigger.silence_ms + lateness, quiet.known_from())


def shortfall(
    inquiry: Inquiry,
    trigger: StalledTrigger,
    known: Sequence[EnrollmentSilence],
    rows: Sequence[RecordedEvent],
) -> Iterator[str]:
    """Say why no silence was long enough."""
    at = inquiry.at
    wanted = format_duration(trigger.silence_ms)
    over = [quiet for quiet in known if quiet.ended is not None]
    for quiet in sorted(over, key=lambda q: q.lasted_until(at) - q.since)[-1:]:
        assert quiet.ended is not None
        lasted = span(max(0, quiet.lasted_until(at) - quiet.since))
        yield (
            f"its longest silence until then was {lasted} of {wanted}, from {moment(quiet.since)}, "
            f"ended by {quiet.ended.body.topic}"
        )
    if known and known[-1].ended is None:
        quiet = known[-1]
        yield (
            f"silent for {span(max(0, at - quiet.since))} of {wanted}; the clock would be asked at "
            f"{moment(due_at(inquiry.evidence, trigger, quiet))}"
        )
    elif trigger.count_from == "started" and not known:
        yield "it was never started, and this rule counts from the first activity"
    else:
        yield f"only an open enrollment can be silent: {stood(rows)}"


def judged_silence(
    inquiry: Inquiry,
    asking: StalledTrigger,
    rows: Sequence[RecordedEvent],
    quiet: EnrollmentSilence,
) -> Occasion:
    """Say what a rule made of one silence that lasted long enough."""
    evidence = inquiry.evidence
    due = due_at(evidence, asking, quiet)
    then = inquiry.then(evidence.rule_files.as_of(due))
    rule = then.rule or inquiry.rule
    trigger, judgement = stalled_trigger_of(rule), Judgement(inquiry.asleep(then, due))
    if judgement.why_not is None and trigger is not None:
        asked = evidence.past.since(CLOCK, due)
        version = quiet.ended.version - 1 if quiet.ended else rows[-1].version
        subject = inquiry.states(rows, [version])[version]
        assert isinstance(subject, Enrollment)
        position = asked.position if asked else LATER
        saw = asked.body.saw if asked else None
        world = evidence.past.world(position, inquiry.about.stream, version, saw)
        occurrence = SilenceOccurrence.of(subject, asked.body.at if asked else due, 0)
        match = silence_match(subject, quiet.since, quiet.since)
        evaluation = Evaluation(rule, match, True, reading_of(occurrence, world))
        in_time = asked if asked and asked.body.at <= inquiry.at else None
        imported_due = partial(trigger.was_imported_due, subject, quiet.since)
        why_not = not_asked(rule.id, quiet, in_time, imported_due) or needless(subject, world)
        judgement = Judgement(why_not, found_by(evidence, evaluation))
    lasts = format_duration(trigger.silence_ms if trigger else 0)
    what = f"silent for {lasts} since {moment(quiet.since)}"
    happened = OccasionEvent(due, what, cause_of(evidence, inquiry.about, rows, quiet.began))
    return inquiry.occasion(then, happened, judgement)


def not_asked(
    rule: str,
    quiet: EnrollmentSilence,
    asked: RecordedEvent | None,
    imported_due: Callable[[int], bool],
) -> str | None:
    """Say why the clock asked nothing about a silence; None when it did.

    `imported_due` tells, of a rule live since then, whether an import brought it when it was due.
    """
    if asked is None:
        return "the clock was not asked: the service did not run, or letters were waiting"
    assert isinstance(asked.body, TimeAsked)
    mark = asked.body.marks.get(rule)
    if mark is None:
        return "the rule was not live when the clock was asked"
    if quiet.since <= mark.floor:
        return f"the silence began before the rule went live at {moment(mark.since)} (on_activate)"
    if quiet.ended is not None and quiet.ended.body.recorded_at <= asked.body.at:
        return f"it was over when the clock was asked at {moment(asked.body.at)}"
    return IMPORTED if imported_due(mark.since) else None


def of_source(inquiry: Inquiry) -> Matter:
    """Explain what a rule made of the silence of a feed."""
    evidence, source = inquiry.evidence, inquiry.about.source
    trigger = source_trigger_of(inquiry.rule)
    assert trigger is not None
    row = evidence.past.until(FEEDS, inquiry.at)
    watched = row.body if row else None
    silence = watched.silences.get(source) if isinstance(watched, FeedsWatched) else None
    if row is None or silence is None:
        return inquiry.matter(
            "no letter of this source was known to the watch over the feeds", (), []
        )
    ran = f"the service ran {span(silence.ran_ms)} since letter {silence.letter}, its last"
    if silence.ran_ms < trigger.silence_ms:
        return inquiry.matter(ran, [f"{ran}, of {format_duration(trigger.silence_ms)}"], [])
    then = inquiry.then(evidence.rule_files.after(row.position))
    delivery = evidence.delivery(silence.letter, source)
    came = int(delivery.came_at.timestamp() * 1000) if delivery.came_at else row.body.at
    judgement = Judgement(inquiry.asleep(then, row.body.at))
    if judgement.why_not is None and then.rule is not None:
        last = SilentSource(source, silence.letter, came)
        occurrence = SourceOccurrence.of(last, row.body.at, was_ms=0, ran_ms=silence.ran_ms)
        judgement = inquiry.judge(then.rule, occurrence, evidence.past.world(row.position))
    happened = OccasionEvent(came, f"silent: {ran}", None)
    return inquiry.matter(ran, (), [inquiry.occasion(then, happened, judgement)])
