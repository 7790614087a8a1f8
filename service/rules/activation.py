"""Activation: from which position of the log a rule file is active, recorded in the ledger."""

from collections.abc import Container, Mapping
from typing import Any, ClassVar

from service.learners.events import Body
from service.rules.language import Rule, RuleSet, StalledTrigger

STREAM = "rules"


class RulesActivated(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A rule file became active at `at`, after the events up to `position`.

    `modes` says how each rule stands since. The text has no secrets: its channels name the
    environment's.
    """

    TOPIC: ClassVar[str] = "rules.activated"
    at: int
    position: int
    fingerprint: str
    text: str
    modes: dict[str, str]


SHAPES: Mapping[str, Any] = {RulesActivated.TOPIC: RulesActivated}


def activated_stalled(
    rules: RuleSet, before: RulesActivated | None, marks: Container[str]
) -> list[Rule]:
    """The stalled rules that a file activates: every change of a rule to `live` or `shadow`.

    One without a mark (it had another trigger until now) is activated too.
    """
    known = before.modes if before else {}
    return [
        rule
        for rule in rules.rules
        if isinstance(rule.trigger, StalledTrigger)
        and rule.mode != "disabled"
        and (known.get(rule.id) != rule.mode or rule.id not in marks)
    ]
