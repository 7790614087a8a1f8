"""The sweep: which enrolments have fallen silent, asked along the activity axis, each once."""

from collections.abc import Callable, Mapping

import msgspec

from service.learners.enrollment import Enrollment
from service.learners.world import Decisions, UncommittedWorld
from service.rules.decider import Decider
from service.rules.rule import Rule, StalledTrigger

ASKED_AT_A_TIME = 1_000


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Silences that began up to `mark` were asked; none that began up to `floor` ever is.

    `since` is when the rule went live (all three in ms UTC).
    """

    mark: int
    floor: int
    since: int = 0


Candidates = Callable[[str, int, int, int], list[tuple[str, int]]]
"""Open enrolments by (count_from, after, until, limit): id and when silence began."""
Enrollments = Callable[[list[str]], list[Enrollment]]


class Ask(msgspec.Struct):
    """What one ask came to; `more` when it was too much for one transaction."""

    decisions: Decisions
    marks: dict[str, Mark]
    more: bool = False


def started(rule: Rule, now: int) -> Mark:
    """The mark of a rule that goes live now (design §6, `on_activate`)."""
    trigger = rule.trigger
    assert isinstance(trigger, StalledTrigger)
    begin = 0 if rule.on_activate == "current" else now - trigger.silence_ms
    return Mark(begin, begin, now)


def ask(
    decider: Decider,
    marks: Mapping[str, Mark],
    touched: Mapping[str, Mapping[str, int | None]],
    candidates: Candidates,
    enrollments: Enrollments,
    world: UncommittedWorld,
    now: int,
    lateness: int,
) -> Ask:
    """Asks every stalled rule; candidates only suggest, each enrolment is checked itself.

    `touched` are the enrolments that moved since the last ask, with where their silence begins
    by what it is counted from: one that lies behind the mark is asked about now. `lateness`
    (ms) is the longest allowance of any source.
    """
    asked = Ask(Decisions(), dict(marks))
    for rule in decider.stalled_rules:
        mark = marks.get(rule.id) or started(rule, now)
        asked.marks[rule.id] = ask_rule(
            rule, mark, touched, decider, candidates, enrollments, world, now, lateness, asked
        )
    return asked


def ask_rule(
    rule: Rule,
    mark: Mark,
    touched: Mapping[str, Mapping[str, int | None]],
    decider: Decider,
    candidates: Candidates,
    enrollments: Enrollments,
    world: UncommittedWorld,
    now: int,
    lateness: int,
    asked: Ask,
) -> Mark:
    """Asks one rule and returns its new mark."""
    trigger = rule.trigger
    assert isinstance(trigger, StalledTrigger)
    bound = now - lateness - trigger.silence_ms
    begin = max(min(mark.mark, bound), mark.floor)
    due = candidates(trigger.count_from, begin, bound, ASKED_AT_A_TIME) if bound > begin else []
    end = max(bound, begin)
    if len(due) >= ASKED_AT_A_TIME:
        end = due[-1][1]
        asked.more = True
    moved = (
        id for id, since in touched.items() if mark.floor < (since[trigger.count_from] or 0) <= end
    )
    for enrollment in enrollments(list(dict.fromkeys([*(id for id, _ in due), *moved]))):
        silence = enrollment.state.silence(trigger.count_from)
        if silence is not None and mark.floor < silence[0] <= end:
            decided = decider.stalled(rule, enrollment, world, now, mark.since)
            if decided is not None:
                asked.decisions.extend(decided)
                world.remember(decided)
    return Mark(end, mark.floor, mark.since)
