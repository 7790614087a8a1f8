"""Find the event by which something came to be, with the letter and the fact behind it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec

from service.learners.enrollment import EnrollmentRecorded
from service.learners.enrollment_state import Snapshot
from service.learners.facts import FactRecorded, SeatsReported, Timing
from service.learners.instance import InstanceRecorded, seat_values
from service.rules.explain.answers import About, Cause, Delivery, time_of
from service.rules.explain.history import LedgerHistory, RecordedEvent
from service.rules.explain.rule_versions import RuleFileVersions
from service.rules.text import moment
from service.rules.trace import shown

STANDING = ("status", "progress", "passed", "score", "completed_at")
"""What an enrolment's events may change and rules may ask for."""


LetterLookup = Callable[[int], Mapping[str, Any] | None]
"""What is known of a letter, by its number."""


class Evidence(NamedTuple):
    """Hold all that an explanation may look at."""

    past: LedgerHistory
    rule_files: RuleFileVersions
    letter: LetterLookup

    @classmethod
    def of(cls, past: LedgerHistory, letter: LetterLookup) -> Self:
        """Gather all there is in a ledger."""
        return cls(past, RuleFileVersions(past), letter)

    @property
    def timings(self) -> Mapping[str, Timing]:
        """Give how the dates of each source are read."""
        return self.past.timings

    def delivery(self, number: int, source: str) -> Delivery:
        """Look up a letter; of one that is gone only the number is known."""
        found = self.letter(number)
        if found is None:
            return Delivery(number=number, source=source)
        return Delivery(
            number=number,
            source=found["source"],
            came_at=time_of(found["received_at"]),
            state=found["state"],
            imported=found["imported"],
        )


def cause_of(
    evidence: Evidence, about: About, rows: Sequence[RecordedEvent], row: RecordedEvent
) -> Cause:
    """Explain one event of a stream; `rows` are those that stand before it there, or more."""
    event = row.body
    assert isinstance(event, FactRecorded)
    return Cause(
        fact=event.topic,
        name=event.name,
        source=about.source,
        happened_at=time_of(event.at),
        recorded_at=time_of(event.recorded_at),
        said=msgspec.to_builtins(event.said),
        by_admin=event.by_admin,
        imported=event.imported,
        item=event.item,
        stream=about.stream,
        version=row.version,
        position=row.position,
        transitions=list(event.transitions),
        changed=changed(event, before(rows, row.version)),
        letter=evidence.delivery(event.letter, about.source),
    )


def before(rows: Sequence[RecordedEvent], version: int) -> Snapshot:
    """Find how an enrolment stood before one of its events."""
    afters = (
        row.body.after
        for row in reversed(rows)
        if row.version < version and isinstance(row.body, EnrollmentRecorded) and row.body.after
    )
    return next(afters, Snapshot())


def changed(event: FactRecorded[Any], before: Snapshot) -> list[str]:
    """Say what an event changed: `status enrolled → completed`."""
    if isinstance(event, EnrollmentRecorded) and event.after is not None:
        pairs = [(n, getattr(before, n), getattr(event.after, n)) for n in STANDING]
        return [f"{n} {_value(n, old)} → {_value(n, new)}" for n, old, new in pairs if old != new]
    if isinstance(event, InstanceRecorded) and event.was is not None:
        assert isinstance(event.said, SeatsReported)
        was, now = seat_values(event.was), seat_values(event.said)
        return [
            f"{name.partition('.')[2]} {shown(name, was[name])} → {shown(name, now[name])}"
            for name in now
            if was[name] != now[name]
        ]
    return []


def _value(name: str, value: object) -> str:
    return "none" if value is None else shown(f"enrollment.{name}", value)


def standing(after: Snapshot) -> str:
    """Say how an enrolment stands: `in_progress, progress 60, silent since 2026-…`."""
    if after.status is None:
        return "nothing is known of it"
    words = [after.status.replace("_", " ")]
    if after.progress is not None:
        words.append(f"progress {after.progress:g}")
    if after.passed is not None:
        words.append("passed" if after.passed else "not passed")
    if after.silent_since is not None:
        words.append(f"silent since {moment(after.silent_since)}")
    return ", ".join(words)
