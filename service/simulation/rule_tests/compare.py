"""The score: what was to be told beside what was, and what is missing or too much."""

from collections.abc import Iterator, Sequence

import msgspec

from service.simulation.rule_tests.near_miss import Nearest, message_in_words
from service.simulation.rule_tests.outcome import Told
from service.simulation.rule_tests.scenario import Expected, Scenario
from service.simulation.rule_tests.values import written


class Failure(msgspec.Struct, frozen=True):
    """What is not as the test says at `line`, and why, a fact a line."""

    line: int
    message: str
    why: tuple[str, ...] = ()


def failures(scenario: Scenario, told: Sequence[Told], nearest: Nearest) -> list[Failure]:
    """Everything that is not as expected; each message answers one expectation at most."""
    used: set[str] = set()
    missed = []
    for expected in sorted(scenario.expected, key=lambda each: -each.exactness):
        fits = (each for each in told if each.id not in used)
        found = next((t for t in fits if not differences(expected, t, scenario.start)), None)
        if found is not None:
            used.add(found.id)
        else:
            missed.append(expected)
    failed = [_missed(each, scenario, told, nearest, used) for each in missed]
    if scenario.nothing_else:
        failed += _surprises(scenario, told, nearest, used)
    return sorted(failed, key=lambda failure: failure.line)


def differences(expected: Expected, told: Told, start: int) -> list[str]:
    """What of a notification is not as expected, in words."""
    return list(_differences(expected, told, start))


def _differences(expected: Expected, told: Told, start: int) -> Iterator[str]:
    if told.rule != expected.rule:
        yield f"it is of rule {told.rule}"
    if expected.whom not in (None, told.whom):
        yield f"it is to {told.whom or told.role}"
    if expected.template not in (None, told.template):
        yield f"its template is {told.template}"
    if expected.skipped:
        yield from _skipped_otherwise(expected, told)
    elif told.message is None:
        yield f"it is not sent: {told.state}" + (f", {told.reason}" if told.reason else "")
    else:
        if expected.at not in (None, told.at - start):
            yield f"it was sent at {written(told.at - start)}"
        if not _has(told.message.subject, expected.subject):
            yield f"its subject is “{told.message.subject}”"
        if not _has(told.message.text, expected.text):
            yield f"its text is “{_flat(told.message.text)}”"


def _skipped_otherwise(expected: Expected, told: Told) -> Iterator[str]:
    if told.sent:
        yield "it was sent"
        return
    if expected.state not in (None, told.state):
        yield f"it is {told.state}"
    if not _has(told.reason or "", expected.reason):
        yield f"its reason is {told.reason or 'none'}"


def _has(whole: str, part: str | None) -> bool:
    """Whether words are there, however the lines are broken."""
    return part is None or _flat(part) in _flat(whole)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _missed(
    expected: Expected, scenario: Scenario, told: Sequence[Told], nearest: Nearest, used: set[str]
) -> Failure:
    """What came nearest to an expectation is told there, and is no surprise any more."""
    near = [each for each in told if _is_near(expected, each)]
    near.sort(key=lambda each: _distance(expected, each, scenario.start))
    free = [each for each in near if each.id not in used]
    if free:
        used.add(free[0].id)
        why = _near_miss(expected, free[0], scenario)
    elif near and expected.whom in (None, near[0].whom):
        words = message_in_words(near[0], scenario.start)
        why = [f"there is only one: {words}; another line expects that"]
    else:
        why = nearest.why_not(expected, told)
    words = expectation_in_words(expected)
    return Failure(expected.line, words, (*why, nearest.rule_in_words(expected.rule)))


def _is_near(expected: Expected, told: Told) -> bool:
    """Whether it is of the rule and to whom it should be; a message may be to somebody else."""
    if told.rule != expected.rule:
        return False
    return expected.whom in (None, told.whom) or (told.sent and not expected.skipped)


def _distance(expected: Expected, told: Told, start: int) -> tuple[bool, bool, int]:
    elsewhere = expected.whom not in (None, told.whom)
    return elsewhere, told.sent == expected.skipped, len(differences(expected, told, start))


def _near_miss(expected: Expected, told: Told, scenario: Scenario) -> list[str]:
    found = differences(expected, told, scenario.start)
    if not told.sent and not expected.skipped and told.due_at > scenario.start + scenario.until:
        found.append(f"it may leave at {written(told.due_at - scenario.start)}, after 'until'")
    return found


def _surprises(
    scenario: Scenario, told: Sequence[Told], nearest: Nearest, used: set[str]
) -> Iterator[Failure]:
    for each in told:
        if each.sent and each.id not in used:
            words = f"nobody expected {message_in_words(each, scenario.start)}"
            why = (nearest.rule_in_words(each.rule),)
            yield Failure(scenario.line, words, why)


def expectation_in_words(expected: Expected) -> str:
    """`expected completed to ada at 3d, with the subject “Done”`."""
    parts = [f"expected {expected.rule}"]
    if expected.whom:
        parts.append(f" to {expected.whom}")
    if expected.template:
        parts.append(f" with the template {expected.template}")
    if expected.skipped:
        state = expected.state or "not sent"
        parts.append(f" to be {state}" + (f", {expected.reason}" if expected.reason else ""))
    if expected.at is not None:
        parts.append(f" at {written(expected.at)}")
    named = {"subject": expected.subject, "text": expected.text}
    parts += [f", {name} “{part}”" for name, part in named.items() if part]
    return "".join(parts)
