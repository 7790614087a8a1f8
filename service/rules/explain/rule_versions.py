"""Find the rule files that were active, from which event on, and what a rule said in each."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from service.rules.explain.answers import RuleThen, time_of
from service.rules.explain.history import LedgerHistory
from service.rules.language.reader import read_rules
from service.rules.rule import Rule, RuleSet
from service.rules.scheduler import RULES_STREAM, RulesActivated

SAME = "the same"


class AnyEnvironment(dict[str, str]):
    """Stand for an environment in which every variable is set, so that old files can be read."""

    def __missing__(self, name: str) -> str:
        return "drawer://"

    def get(self, name: str, default: object = None) -> str:
        """Give an address that leads nowhere."""
        return self[name]


class RuleFileVersion(msgspec.Struct, frozen=True):
    """Hold a rule file as it became active; `rules` is None if it cannot be read any more."""

    activated: RulesActivated
    rules: RuleSet | None

    def rule(self, id: str) -> Rule | None:
        """Find a rule by its name."""
        return (
            next((rule for rule in self.rules.rules if rule.id == id), None) if self.rules else None
        )


class RuleFileVersions:
    """Look up the rule files of one ledger; each is read when it is first asked for."""

    def __init__(self, past: LedgerHistory) -> None:
        self._past = past
        self._places = [row[0] for row in past.ledger.stream(RULES_STREAM)]
        self._activated: dict[int, RulesActivated] = {}
        self._rules: dict[str, RuleSet | None] = {}

    def after(self, position: int) -> RuleFileVersion | None:
        """Find the file that was active when an event got its place in the log."""
        return self._edition(bisect_left(self._places, position))

    def as_of(self, at: int) -> RuleFileVersion | None:
        """Find the file that was active at a moment (ms UTC)."""
        return self._edition(self._count_until(at))

    def today(self) -> RuleFileVersion | None:
        """Find the file that is active now."""
        return self._edition(len(self._places))

    def nearest(self, id: str, at: int) -> RuleFileVersion | None:
        """Find the file that says what a rule is: the last before a moment, or the first after."""
        until = self._count_until(at)
        order = [*range(until, 0, -1), *range(until + 1, len(self._places) + 1)]
        found = (n for n in order if id in self._activation(n).modes)
        return self._edition(next(found, 0))

    def names(self) -> set[str]:
        """Name every rule that ever was in a file."""
        all = (self._activation(n) for n in range(1, len(self._places) + 1))
        return {id for each in all for id in each.modes}

    def appeared(self, id: str, at: int) -> int | None:
        """Find when (ms UTC) a rule came into the file after a moment in which it was not there."""
        later = range(self._count_until(at) + 1, len(self._places) + 1)
        found = (self._activation(n) for n in later if id in self._activation(n).modes)
        return next((each.at for each in found), None)

    def _count_until(self, at: int) -> int:
        versions = range(1, len(self._places) + 1)
        return bisect_right(versions, at, key=lambda version: self._activation(version).at)

    def _activation(self, version: int) -> RulesActivated:
        if version not in self._activated:
            row = self._past.at(RULES_STREAM, version)
            assert row is not None and isinstance(row.body, RulesActivated)
            self._activated[version] = row.body
        return self._activated[version]

    def _edition(self, version: int) -> RuleFileVersion | None:
        if not version:
            return None
        activated = self._activation(version)
        key = activated.fingerprint
        if key not in self._rules:
            self._rules[key] = read_rules(activated.text, environ=AnyEnvironment())[0]
        return RuleFileVersion(activated, self._rules[key])


def rule_then(rule_file: RuleFileVersion, rule: Rule, today: RuleFileVersion | None) -> RuleThen:
    """Describe a rule as an answer shows it."""
    return RuleThen(
        id=rule.id,
        mode=rule.mode,
        line=rule.line,
        trigger=rule.trigger.words(),
        active_since=time_of(rule_file.activated.at),
        today=differs(rule, today),
        text="\n".join(lines_of(rule_file.activated.text, rule, rule_file.rules)),
    )


def differs(rule: Rule, today: RuleFileVersion | None) -> str:
    """Say how a rule differs in the file that is active today."""
    if today is None or today.rules is None:
        return "not known: the active file cannot be read"
    now = today.rule(rule.id)
    if now is None:
        return "gone from the file"
    if without_lines(now) == without_lines(rule):
        return SAME
    if now.mode != rule.mode and replace(without_lines(now), mode=rule.mode) == without_lines(rule):
        return f"{now.mode} instead of {rule.mode}"
    return f"it reads otherwise, in line {now.line}"


def lines_of(text: str, rule: Rule, rules: RuleSet | None) -> Iterator[str]:
    """Cut the lines of a rule out of its file, up to the next rule."""
    following = [each.line for each in rules.rules if each.line > rule.line] if rules else []
    lines = text.removeprefix("\ufeff").splitlines()
    mine = lines[rule.line - 1 : min(following, default=len(lines) + 1) - 1]
    while mine and (not mine[-1].strip() or mine[-1].lstrip().startswith("#")):
        mine.pop()
    yield from mine


def without_lines(rule: Rule) -> Rule:
    """Give a rule wherever it stands in its file."""
    return replace(rule, line=0, description="")
