"""Say of what may still leave that it will not: its rule is gone, or who it is for has left."""

from service.rules.done_or_gone import LEARNER_LEFT
from service.rules.explain.causes import Evidence
from service.rules.explain.history import LATER, WorldAsOf
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.notification import CANCELLED, SUPPRESSED, Notification, Owed
from service.rules.rule import LEFT, LEFT_GROUP, find_reader, is_member_still, route_of
from service.rules.text import moment
from service.rules.triggers.stalled import STALLED


def missing_now(evidence: Evidence, found: Notification) -> list[str]:
    """Say that what may still leave is owed by no live rule of the file that is active now."""
    today = evidence.rule_files.today()
    if not found.is_open or today is None or today.rules is None:
        return []
    rule = today.rule(found.owed.rule)
    if rule is not None and rule.mode == "live":
        return []
    since = moment(today.activated.at)
    return [
        f"rule gone since {since}: the file that is active since then has no live rule "
        f"'{found.owed.rule}'; it is cancelled when that file has settled, unless the rule is back"
    ]


def outlook(evidence: Evidence, found: Notification) -> str | None:
    """Say how a notification will end as people are known today; None if nobody has left.

    Until it is due, or a person releases it, nothing looks at who has left.
    """
    end = _end(found.owed, evidence.past.world(LATER)) if found.is_open else None
    if end is None:
        return None
    state, reason = end
    ends = f"instead of being sent it ends `{state}: {reason}`, unless they are back by then"
    return f"{reason_in_words(reason)}; {ends}"


def _end(owed: Owed, world: WorldAsOf) -> tuple[str, str] | None:
    """Foresee the state and the reason, in the order of the checks of a verdict."""
    if find_reader(owed.recipient, owed.person, world, role=route_of(owed.entry)).left:
        return SUPPRESSED, LEFT
    learner = world.person(owed.person) if owed.person else None
    if owed.trigger == STALLED and learner and learner.left_as:
        return CANCELLED, LEARNER_LEFT
    return None if is_member_still(owed, world) else (SUPPRESSED, LEFT_GROUP)
