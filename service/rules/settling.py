"""Tell until when a rule file is settling, and which rules read otherwise by it."""

from collections.abc import Iterator

from service.ledger.events import EventStore
from service.rules.calendar import Settling
from service.rules.explain.rule_versions import AnyEnvironment, without_lines
from service.rules.language.reader import read_rules
from service.rules.rule import RuleSet
from service.rules.scheduler import RULES_STREAM, RulesActivated


def settling(store: EventStore, rules: RuleSet, removal_delay: int, now: int) -> Settling:
    """Tell since when this rule file is active, now if it is not yet, and when it settles.

    It settles when it is active for longer than `removal_delay` (ms).
    """
    found = list(_not_settled(store, now - removal_delay))
    known = bool(found) and found[0].fingerprint == rules.fingerprint
    since = found[0].at if known else now
    if not found or now >= since + removal_delay:
        return Settling(since, since + removal_delay)
    return Settling(since, since + removal_delay, frozenset(_changed(rules, found[-1])))


def _not_settled(store: EventStore, since: int) -> Iterator[RulesActivated]:
    """Read what was activated since a moment (ms UTC), newest first, and what was active then."""
    for each in store.newest_first(RULES_STREAM):
        yield each
        if each.at <= since:
            return


def _changed(rules: RuleSet, settled: RulesActivated) -> Iterator[str]:
    """Name the rules that read otherwise than in the file that had settled."""
    if settled.fingerprint == rules.fingerprint:
        return
    before, _ = read_rules(settled.text, environ=AnyEnvironment())
    known = {rule.id: without_lines(rule) for rule in before.rules} if before else {}
    yield from (r.id for r in rules.rules if known.get(r.id, without_lines(r)) != without_lines(r))
