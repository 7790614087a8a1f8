"""Inputs: which decisions read a person or a course, who are known as they are today only."""

from service.rehearsal.replay_needs import fields_of
from service.rules.language import Rule
from service.rules.notifications import Owed

OF_THE_EVENT = frozenset({"course.id", "course.kind"})
TODAY = ("learner.", "course.")
LOOKED_UP = ("to=group:", "to=watchers")


def reads_today(rule: Rule, owed: Owed) -> bool:
    """Whether a decision rests on a person, a course or a group."""
    if owed.entry.startswith(LOOKED_UP) or owed.digest:
        return True
    read = (field for field in fields_of(rule.conditions) if field not in OF_THE_EVENT)
    return any(field.startswith(TODAY) for field in read)
