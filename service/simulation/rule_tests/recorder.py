"""Watching: a decider that remembers what it was asked, and how each rule came to its answer."""

from collections.abc import Sequence
from typing import NamedTuple

from service.learners.enrollment import Enrollment
from service.learners.world import Decisions, Happening, World
from service.rules.decider import SEATS_CHANGED, Decider, seen
from service.rules.describe import Line, judged
from service.rules.field_values import EventSeen, Reading
from service.rules.rule import ChangeTrigger, EventTrigger, Rule, RuleSet
from service.rules.triggers.missed import not_triggered


class Judged(NamedTuple):
    """What one rule made of one event or silence at `at` (ms UTC).

    `why_not` says why it was not triggered; `terms` are only there when it was.
    """

    rule: str
    at: int
    why_not: str | None
    terms: Sequence[Line]


class Watched(Decider):
    """Decides as ever; `judged` is how."""

    def __init__(self, rules: RuleSet) -> None:
        super().__init__(rules)
        self.judged: list[Judged] = []

    def __call__(self, happening: Happening, world: World, now: int) -> Decisions | None:
        """What follows from one event; noted before it changes what `rearm` remembers."""
        for rule in self.by_id.values():
            if isinstance(rule.trigger, EventTrigger) or (
                isinstance(rule.trigger, ChangeTrigger)
                and SEATS_CHANGED in happening.event.transitions
            ):
                why_not = not_triggered(rule, happening, world)
                reading = Reading(happening.aggregate, seen(happening), world, now)
                self._note(rule, why_not, reading)
        return super().__call__(happening, world, now)

    def stalled(
        self, rule: Rule, subject: Enrollment, world: World, now: int, live_since: int
    ) -> Decisions | None:
        """What a silence leads to."""
        decisions = super().stalled(rule, subject, world, now, live_since)
        if decisions is not None:
            event = EventSeen(subject.about.source, subject.about.account)
            self._note(rule, None, Reading(subject, event, world, now))
        return decisions

    def _note(self, rule: Rule, why_not: str | None, reading: Reading) -> None:
        terms = list(judged(rule.conditions, reading)) if why_not is None else []
        self.judged.append(Judged(rule.id, reading.now, why_not, terms))
