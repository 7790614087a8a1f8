"""Record how rules come to their answers, while they decide as ever."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from service.learners.world import AppendedEvent, Decisions, World
from service.rules.decider import Decider, Evaluation
from service.rules.notification import Owed
from service.rules.rule import Rule, RuleSet
from service.rules.trace import TermResult
from service.rules.triggers.trigger import Occurrence


class Judged(NamedTuple):
    """State what one rule made of one occurrence, and what it owes because of it, by id.

    `missed` says why it was not triggered; `terms` are only there when it was.
    """

    rule: str
    occurrence: Occurrence
    missed: str | None
    terms: Sequence[TermResult]
    owed: Mapping[str, Owed] = {}


class Recorder(Decider):
    """Decide as ever; `judged` is how. With `every`, each rule is asked about every event."""

    def __init__(self, rules: RuleSet, *, every: bool = False) -> None:
        super().__init__(rules, observe=self._note)
        self.judged: list[Judged] = []
        self._every = every

    def candidates(self, appended: AppendedEvent) -> Sequence[Rule]:
        """Pick the rules to be asked about an event."""
        return self.active if self._every else super().candidates(appended)

    def decide(
        self, rules: Iterable[Rule], occurrence: Occurrence, world: World
    ) -> Decisions | None:
        """Decide by some rules on one occurrence, and note what each owes."""
        begun = len(self.judged)
        decisions = super().decide(rules, occurrence, world)
        once = decisions.once if decisions else []
        owed = [(id, body) for id, body in once if isinstance(body, Owed)]
        for place, judged in enumerate(self.judged[begun:], begun):
            mine = {id: body for id, body in owed if body.rule == judged.rule}
            self.judged[place] = judged._replace(owed=mine)
        return decisions

    def _note(self, evaluation: Evaluation, occurrence: Occurrence) -> None:
        missed = evaluation.missed
        terms = evaluation.terms() if missed is None else []
        self.judged.append(Judged(evaluation.rule.id, occurrence, missed, terms=terms))
