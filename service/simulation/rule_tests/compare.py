"""Compare who was told what with what a rule test expects."""

from collections.abc import Iterator, Sequence

import msgspec

from service.simulation.rule_tests.near_miss import NearMisses, message_in_words
from service.simulation.rule_tests.outcome import Actual
from service.simulation.rule_tests.scenario import Expected, Scenario
from service.simulation.rule_tests.values import written


class Failure(msgspec.Struct, frozen=True):
    """State what is not as the test says at `line`, and why, a fact a line."""

    line: int
    message: str
    why: tuple[str, ...] = ()


class Comparison:
    """Compare what came of a test with what it expects; `nearest` says why something is missing.

    Each notification answers one expectation at most.
    """

    def __init__(self, scenario: Scenario, actual: Sequence[Actual], nearest: NearMisses) -> None:
        self._scenario = scenario
        self._actual = actual
        self._nearest = nearest
        self._used: set[str] = set()

    def failures(self) -> list[Failure]:
        """Find all that is not as expected, in the order of the file."""
        by_exactness = sorted(self._scenario.expected, key=lambda each: -each.exactness)
        missed = [expected for expected in by_exactness if not self._is_answered(expected)]
        failed = [self._missed(expected) for expected in missed]
        if self._scenario.nothing_else:
            failed += self._surprises()
        return sorted(failed, key=lambda failure: failure.line)

    def _is_answered(self, expected: Expected) -> bool:
        for each in self._actual:
            if each.id in self._used or differences(expected, each, self._scenario.start):
                continue
            self._used.add(each.id)
            return True
        return False

    def _missed(self, expected: Expected) -> Failure:
        """Say what came nearest to an expectation; used up there, so that it is no surprise."""
        start = self._scenario.start
        near = [each for each in self._actual if _is_near(expected, each)]
        near.sort(key=lambda each: _distance(expected, each, start))
        free = [each for each in near if each.id not in self._used]
        if free:
            self._used.add(free[0].id)
            why = _near_miss(expected, free[0], self._scenario)
        elif near and expected.whom in (None, near[0].whom):
            words = message_in_words(near[0], start)
            why = [f"there is only one: {words}; another line expects that"]
        else:
            why = self._nearest.why_not(expected, self._actual)
        place = self._nearest.rule_in_words(expected.rule)
        return Failure(expected.line, expectation_in_words(expected), (*why, place))

    def _surprises(self) -> Iterator[Failure]:
        for each in self._actual:
            if each.sent and each.id not in self._used:
                words = f"nobody expected {message_in_words(each, self._scenario.start)}"
                why = (self._nearest.rule_in_words(each.rule),)
                yield Failure(self._scenario.line, words, why)


def differences(expected: Expected, actual: Actual, start: int) -> list[str]:
    """Say what of a notification is not as expected."""
    return list(_differences(expected, actual, start))


def _differences(expected: Expected, actual: Actual, start: int) -> Iterator[str]:
    if actual.rule != expected.rule:
        yield f"it is of rule {actual.rule}"
    if expected.whom not in (None, actual.whom):
        yield f"it is to {actual.whom or actual.role}"
    if expected.template not in (None, actual.template):
        yield f"its template is {actual.template}"
    if expected.skipped:
        yield from _skipped_otherwise(expected, actual)
    elif actual.message is None:
        yield f"it is not sent: {actual.state}" + (f", {actual.reason}" if actual.reason else "")
    else:
        if expected.at not in (None, actual.at - start):
            yield f"it was sent at {written(actual.at - start)}"
        if not _has(actual.message.subject, expected.subject):
            yield f"its subject is “{actual.message.subject}”"
        if not _has(actual.message.text, expected.text):
            yield f"its text is “{_flat(actual.message.text)}”"


def _skipped_otherwise(expected: Expected, actual: Actual) -> Iterator[str]:
    if actual.sent:
        yield "it was sent"
        return
    if expected.state not in (None, actual.state):
        yield f"it is {actual.state}"
    if not _has(actual.reason or "", expected.reason):
        yield f"its reason is {actual.reason or 'none'}"


def _has(whole: str, part: str | None) -> bool:
    """Tell whether words are there, however the lines are broken."""
    return part is None or _flat(part) in _flat(whole)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _is_near(expected: Expected, actual: Actual) -> bool:
    """Tell whether rule and reader are the expected ones; a message may be to somebody else."""
    if actual.rule != expected.rule:
        return False
    return expected.whom in (None, actual.whom) or (actual.sent and not expected.skipped)


def _distance(expected: Expected, actual: Actual, start: int) -> tuple[bool, bool, int]:
    elsewhere = expected.whom not in (None, actual.whom)
    return elsewhere, actual.sent == expected.skipped, len(differences(expected, actual, start))


def _near_miss(expected: Expected, actual: Actual, scenario: Scenario) -> list[str]:
    found = differences(expected, actual, scenario.start)
    if not actual.sent and not expected.skipped and actual.due_at > scenario.start + scenario.until:
        found.append(f"it may leave at {written(actual.due_at - scenario.start)}, after 'until'")
    return found


def expectation_in_words(expected: Expected) -> str:
    """Say `expected completed to ada at 3d, with the subject “Done”`."""
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
