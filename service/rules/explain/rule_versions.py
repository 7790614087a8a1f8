"""Editions: the rule files that were active, from which event on, and what a rule said in each."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from service.rules.explain.history import Past
from service.rules.explain.report import RuleThen, time_of
from service.rules.language.reader import read_rules
from service.rules.rule import Rule, RuleSet
from service.rules.scheduler import RULES_STREAM, RulesActivated

SAME = "the same"


class Anything(dict[str, str]):
    """An environment in which every variable is set, so that old files can be read."""

    def __missing__(self, name: str) -> str:
        return "drawer://"

    def get(self, name: str, default: object = None) -> str:
        """Gives an address that leads nowhere."""
        return self[name]


class Edition(msgspec.Struct, frozen=True):
    """A rule file as it became active; `rules` is None if it cannot be read any more."""

    activated: RulesActivated
    rules: RuleSet | None

    def rule(self, id: str) -> Rule | None:
        """The rule of this name in it."""
        return (
            next((rule for rule in self.rules.rules if rule.id == id), None) if self.rules else None
        )


class Editions:
    """The rule files of one ledger; each is read when it is first asked for."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._places = past.places(RULES_STREAM)
        self._activated: dict[int, RulesActivated] = {}
        self._rules: dict[str, RuleSet | None] = {}

    def after(self, position: int) -> Edition | None:
        """The file that was active when an event got its place in the log."""
        return self._edition(bisect_left(self._places, position))

    def as_of(self, at: int) -> Edition | None:
        """The file that was active at a moment (ms UTC)."""
        return self._edition(self._count_until(at))

    def today(self) -> Edition | None:
        """The file that is active now."""
        return self._edition(len(self._places))

    def nearest(self, id: str, at: int) -> Edition | None:
        """The file that says what a rule is: the last one before a moment, or the first after."""
        until = self._count_until(at)
        order = [*range(until, 0, -1), *range(until + 1, len(self._places) + 1)]
        found = (n for n in order if id in self._activation(n).modes)
        return self._edition(next(found, 0))

    def names(self) -> set[str]:
        """Every rule that ever was in a file."""
        all = (self._activation(n) for n in range(1, len(self._places) + 1))
        return {id for each in all for id in each.modes}

    def appeared(self, id: str, at: int) -> int | None:
        """When a rule came into the file after a moment in which it was not there (ms UTC)."""
        later = range(self._count_until(at) + 1, len(self._places) + 1)
        found = (self._activation(n) for n in later if id in self._activation(n).modes)
        return next((each.at for each in found), None)

    def _count_until(self, at: int) -> int:
        low, high = 0, len(self._places)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._activation(middle).at <= at else (low, middle - 1)
        return low

    def _activation(self, version: int) -> RulesActivated:
        if version not in self._activated:
            row = self._past.at(RULES_STREAM, version)
            assert row is not None and isinstance(row.body, RulesActivated)
            self._activated[version] = row.body
        return self._activated[version]

    def _edition(self, version: int) -> Edition | None:
        if not version:
            return None
        activated = self._activation(version)
        key = activated.fingerprint
        if key not in self._rules:
            self._rules[key] = read_rules(activated.text, environ=Anything())[0]
        return Edition(activated, self._rules[key])


def rule_then(edition: Edition, rule: Rule, today: Edition | None) -> RuleThen:
    """A rule as an answer shows it."""
    return RuleThen(
        id=rule.id,
        mode=rule.mode,
        line=rule.line,
        trigger=rule.trigger.words(),
        active_since=time_of(edition.activated.at),
        today=differs(rule, today),
        text="\n".join(lines_of(edition.activated.text, rule, edition.rules)),
    )


def differs(rule: Rule, today: Edition | None) -> str:
    """How a rule differs in the file that is active today."""
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
    """The lines of a rule in its file, up to the next rule."""
    following = [each.line for each in rules.rules if each.line > rule.line] if rules else []
    lines = text.removeprefix("\ufeff").splitlines()
    mine = lines[rule.line - 1 : min(following, default=len(lines) + 1) - 1]
    while mine and (not mine[-1].strip() or mine[-1].lstrip().startswith("#")):
        mine.pop()
    yield from mine


def without_lines(rule: Rule) -> Rule:
    """Give a rule wherever it stands in its file."""
    return replace(rule, line=0, description="")
