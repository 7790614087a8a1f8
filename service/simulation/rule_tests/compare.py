"""Compare who was told what with what a rule test expects."""

from collections.abc import Iterator, Sequence

import msgspec

from service.learners.text_form import text_form
from service.simulation.rule_tests.near_miss import NearMisses, message_in_words
from service.simulation.rule_tests.outcome import Actual
from service.simulation.rule_tests.scenario import Expected, Scenario
from service.simulation.rule_tests.script_values import written


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
            if each.id not in self._used and not list(differences(expected, each)):
                self._used.add(each.id)
                return True
        return False

    def _missed(self, expected: Expected) -> Failure:
        """Say what came nearest to an expectation; used up there, so that it is no surprise."""
        near = [each for each in self._actual if _is_near(expected, each)]
        near.sort(key=lambda each: _distance(expected, each))
        free = [each for each in near if each.id not in self._used]
        if free:
            self._used.add(free[0].id)
            why = list(_near_miss(expected, free[0], self._scenario.until))
        elif near and expected.whom in (None, near[0].whom):
            words = message_in_words(near[0])
            why = [f"there is only one: {words}; another line expects that"]
        else:
            why = self._nearest.why_not(expected, self._actual)
        place = self._nearest.rule_in_words(expected.rule)
        return Failure(expected.line, expectation_in_words(expected), (*why, place))

    def _surprises(self) -> Iterator[Failure]:
        for each in self._actual:
            if each.sent and each.id not in self._used:
                words = f"nobody expected {message_in_words(each)}"
                why = (self._nearest.rule_in_words(each.rule),)
                yield Failure(self._scenario.line, words, why)


def differences(expected: Expected, actual: Actual) -> Iterator[str]:
    """Say what of a notification is not as expected."""
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
        if expected.at not in (None, actual.at):
            yield f"it was sent at {written(actual.at)}"
        if not _has(actual.message.subject, expected.subject):
            yield f"its subject is “{actual.message.subject}”"
        if not _has(actual.message.text, expected.text):
            yield f"its text is “{text_form(actual.message.text)}”"


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
    return part is None or text_form(part) in text_form(whole)


def _is_near(expected: Expected, actual: Actual) -> bool:
    """Tell whether rule and reader are the expected ones; a message may be to somebody else."""
    if actual.rule != expected.rule:
        return False
    return expected.whom in (None, actual.whom) or (actual.sent and not expected.skipped)


def _distance(expected: Expected, actual: Actual) -> tuple[bool, bool, int]:
    elsewhere = expected.whom not in (None, actual.whom)
    return elsewhere, actual.sent == expected.skipped, len(list(differences(expected, actual)))


def _near_miss(expected: Expected, actual: Actual, until: int) -> Iterator[str]:
    yield from differences(expected, actual)
    if not actual.sent and not expected.skipped and actual.due_at > until:
        yield f"it may leave at {written(actual.due_at)}, after 'until'"


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
