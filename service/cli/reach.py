"""Reach: how many silences a rule that goes live would find already due."""

from collections.abc import Iterator
from typing import NamedTuple

from rich.progress import MofNCompleteColumn

from service.cli.console import progress
from service.cli.office import Office
from service.learners import roster
from service.learners.courses import Courses
from service.learners.knowledge import Knowledge, events_of
from service.learners.people import People
from service.learners.writer import Writer
from service.rules.activation import STREAM, RulesActivated
from service.rules.decide import Decider
from service.rules.language import Rule, RuleSet, StalledTrigger
from service.rules.words import counted
from service.settings import Settings

AT_A_TIME = 1_000


class Reach(NamedTuple):
    """Enrollments that are silent for as long as a rule says, and of how many it would tell."""

    rule: Rule
    silent: int
    told: int


def reached(rules: RuleSet, chosen: Settings, now: int) -> list[Reach]:
    """What each stalled rule that saving the file would make live finds already due.

    Nothing, when there is no installation yet, or every such rule has been live before.
    """
    if not (chosen.data / "ledger.db").is_file():
        return []
    with Office(chosen.data) as office:
        activations = events_of(office.ledger, office.mapper, STREAM)
        newest = activations[-1].body if activations else None
        before = newest.modes if isinstance(newest, RulesActivated) else {}
        fresh = [r for r in Decider(rules).stalled_rules if before.get(r.id) != r.mode]
        return [_reach(rule, rules, office, chosen, now) for rule in fresh]


def _reach(rule: Rule, rules: RuleSet, office: Office, chosen: Settings, now: int) -> Reach:
    lateness = {name: source.lateness for name, source in chosen.sources.items()}
    ledger, mapper = office.ledger, office.mapper
    people = People(ledger)
    knowledge = Knowledge(ledger, mapper, people, Courses(ledger))
    writer = Writer(ledger, mapper, people, knowledge, lateness, lambda *_: None)
    world, decider = writer.world(now), Decider(rules)
    late = max(lateness.values(), default=0)
    silent = told = 0
    with progress(MofNCompleteColumn()) as bar:
        task = bar.add_task(f"Counting for {rule.id}", total=None)
        for ids in _silent(rule, office, now - late):
            for enrollment in writer.enrollments(ids):
                decided = decider.stalled(rule, enrollment, world, now, now)
                told += bool(decided and decided.once)
            silent += len(ids)
            bar.update(task, completed=silent)
    return Reach(rule, silent, told)


def _silent(rule: Rule, office: Office, bound: int) -> Iterator[list[str]]:
    trigger = rule.trigger
    assert isinstance(trigger, StalledTrigger)
    after, until = -1, bound - trigger.silence_ms
    while found := roster.silent(office.views, trigger.count_from, after, until, AT_A_TIME):
        after = found[-1][1]
        yield [id for id, _ in found]


def in_words(reach: Reach) -> str:
    """What becomes of them when the file is saved as it is."""
    rule, told = reach.rule, f"{reach.told:,} of them"
    are = "is" if reach.silent == 1 else "are"
    silent = f"rule '{rule.id}': {counted(reach.silent, 'enrollment')} {are} silent for that long"
    silent += " already"
    if rule.on_activate == "current":
        return f"{silent}; on_activate: current writes about {told} as soon as it is live"
    return f"{silent} and {are} left alone; on_activate: current would write about {told}"
