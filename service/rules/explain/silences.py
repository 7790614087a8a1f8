"""Explain what a rule made of the silences of one enrolment, or of one feed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.feed_subjects import SilentSource
from service.rules.decider import Evaluation, evaluate, reading_of
from service.rules.explain.causes import Evidence, cause_of
from service.rules.explain.events import OCCASIONS, stood
from service.rules.explain.history import Row
from service.rules.explain.occasion import Then, asleep, found_by, occasion, states
from service.rules.explain.report import About, Matter, Occasion
from service.rules.rule import Rule
from service.rules.scheduler import CLOCK_STREAM as CLOCK
from service.rules.scheduler import TimeAsked
from service.rules.text import duration, moment, span
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


class Quiet(NamedTuple):
    """A silence: since when (ms UTC), the event it began with, and the one that ended it."""

    since: int
    began: Row
    ended: Row | None

    def known_from(self) -> int:
        """When the ledger first knew of it (ms UTC)."""
        recorded_at: int = self.began.body.recorded_at
        return recorded_at

    def lasted_until(self, at: int) -> int:
        """Until when it lasted, as the ledger knew it; `at` (ms UTC) while it lasts."""
        return min(at, self.ended.body.recorded_at) if self.ended else at


def silences(rows: Sequence[Row], trigger: StalledTrigger) -> Iterator[Quiet]:
    """The silences of an enrolment as a rule counts them, first to last."""
    column, began, since = COLUMNS[trigger.count_from], None, None
    for row in rows:
        event = row.body
        if not isinstance(event, EnrollmentRecorded) or event.after is None:
            continue
        now = getattr(event.after, column)
        if now == since:
            continue
        if began is not None and since is not None:
            yield Quiet(since, began, row)
        began, since = (row, now) if now is not None else (None, None)
    if began is not None and since is not None:
        yield Quiet(since, began, None)


def of_silences(evidence: Evidence, reference: Rule, about: About, at: int) -> Matter:
    """What a rule made of the silences of an enrolment up to a moment."""
    trigger = stalled_trigger_of(reference)
    assert trigger is not None
    rows = [row for row in evidence.past.stream(about.stream) if row.body.recorded_at <= at]
    known = list(silences(rows, trigger))
    long = [quiet for quiet in known if due_at(evidence, trigger, quiet) <= quiet.lasted_until(at)]
    latest = long[-OCCASIONS:]
    return Matter(
        about=about,
        standing=stood(rows),
        nearest=[] if latest else list(shortfall(evidence, trigger, known, rows, at)),
        occasions=[judged_silence(evidence, reference, about, rows, q, at) for q in latest],
        earlier=len(long) - len(latest),
    )


def due_at(evidence: Evidence, trigger: StalledTrigger, quiet: Quiet) -> int:
    """When the clock was to be asked about a silence (ms UTC)."""
    lateness = max(evidence.past.lateness.values(), default=0)
    return max(quiet.since + trigger.silence_ms + lateness, quiet.known_from())


def shortfall(
    evidence: Evidence,
    trigger: StalledTrigger,
    known: Sequence[Quiet],
    rows: Sequence[Row],
    at: int,
) -> Iterator[str]:
    """Why no silence was long enough."""
    wanted = duration(trigger.silence_ms)
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
            f"{moment(due_at(evidence, trigger, quiet))}"
        )
    elif trigger.count_from == "started" and not known:
        yield "it was never started, and this rule counts from the first activity"
    else:
        yield f"only an open enrollment can be silent: {stood(rows)}"


def judged_silence(
    evidence: Evidence, reference: Rule, about: About, rows: Sequence[Row], quiet: Quiet, at: int
) -> Occasion:
    """What a rule made of one silence that lasted long enough."""
    asking = stalled_trigger_of(reference)
    assert asking is not None
    due = due_at(evidence, asking, quiet)
    edition = evidence.editions.as_of(due)
    then = Then(edition, edition.rule(reference.id) if edition else None, about)
    rule = then.rule or reference
    cause = cause_of(evidence, about, rows, quiet.began)
    why_not = asleep(evidence, reference.id, then, due)
    found, trigger = None, stalled_trigger_of(rule)
    if why_not is None and trigger is not None:
        asked = evidence.past.since(CLOCK, due)
        version = quiet.ended.version - 1 if quiet.ended else rows[-1].version
        subject = states(about.stream, rows, [version], evidence)[version]
        assert isinstance(subject, Enrollment)
        world = evidence.past.world(asked.position if asked else 2**62, about.stream, version)
        occurrence = SilenceOccurrence.of(subject, asked.body.at if asked else due, 0)
        reading = reading_of(occurrence, world)
        match = silence_match(subject, quiet.since, quiet.since)
        found = found_by(evidence, Evaluation(rule, match, True, reading))
        why_not = not_asked(rule, trigger, subject, quiet, asked, at)
    lasts = duration(trigger.silence_ms if trigger else 0)
    what = f"silent for {lasts} since {moment(quiet.since)}"
    return occasion(evidence, then, due, what, cause, why_not, found)


def not_asked(
    rule: Rule, trigger: StalledTrigger, subject: Enrollment, quiet: Quiet, asked: Row | None,
    at: int,
) -> str | None:  # fmt: skip
    """Why the clock asked nothing about a silence; None when it did."""
    if asked is None or asked.body.at > at:
        return "the clock was not asked: the service did not run, or letters were waiting"
    assert isinstance(asked.body, TimeAsked)
    mark = asked.body.marks.get(rule.id)
    if mark is None:
        return "the rule was not live when the clock was asked"
    if quiet.since <= mark.floor:
        return f"the silence began before the rule went live at {moment(mark.since)} (on_activate)"
    if quiet.ended is not None and quiet.ended.body.recorded_at <= asked.body.at:
        return f"it was over when the clock was asked at {moment(asked.body.at)}"
    return IMPORTED if trigger.was_imported_due(subject, quiet.since, mark.since) else None


def of_source(evidence: Evidence, reference: Rule, about: About, at: int) -> Matter:
    """What a rule made of the silence of a feed as of a moment."""
    trigger = source_trigger_of(reference)
    assert trigger is not None
    row = evidence.past.until(FEEDS, at)
    watched = row.body if row else None
    silence = watched.silences.get(about.source) if isinstance(watched, FeedsWatched) else None
    if row is None or silence is None:
        words = "no letter of this source was known to the watch over the feeds"
        return Matter(about=about, standing=words, nearest=[], occasions=[])
    ran = f"the service ran {span(silence.ran_ms)} since letter {silence.letter}, its last"
    wanted = duration(trigger.silence_ms)
    if silence.ran_ms < trigger.silence_ms:
        return Matter(about=about, standing=ran, nearest=[f"{ran}, of {wanted}"], occasions=[])
    edition = evidence.editions.after(row.position)
    then = Then(edition, edition.rule(reference.id) if edition else None, about)
    why_not = asleep(evidence, reference.id, then, row.body.at)
    delivery = evidence.delivery(silence.letter, about.source)
    came = int(delivery.came_at.timestamp() * 1000) if delivery.came_at else row.body.at
    found = None
    if why_not is None and then.rule is not None:
        last = SilentSource(about.source, silence.letter, came)
        world = evidence.past.world(row.position)
        occurrence = SourceOccurrence.of(last, row.body.at, was_ms=0, ran_ms=silence.ran_ms)
        evaluation = evaluate(then.rule, occurrence, reading_of(occurrence, world), world)
        why_not = evaluation.missed
        found = found_by(evidence, evaluation) if why_not is None else None
    happened = occasion(evidence, then, came, f"silent: {ran}", None, why_not, found)
    return Matter(about=about, standing=ran, nearest=[], occasions=[happened])
