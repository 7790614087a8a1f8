"""Setbacks: which letters could not be used, each told of once by every rule that asks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from service.learners.feed_subjects import LetterSetAside
from service.learners.world import Decisions, World
from service.learners.writer import Writer
from service.ledger.events import EventBody
from service.rules.decider import Decider, holds
from service.rules.fanout import Match, Owing
from service.rules.field_values import EventSeen, Reading
from service.rules.rule import EventTrigger, Rule

STREAM = "setbacks"
TRIGGER = "letter.set_aside"
LETTERS_PER_ASK = 500

After = Callable[[int, int], Sequence[LetterSetAside]]
"""The letters set aside beyond a number, in order, at most so many."""


class Asked(msgspec.Struct, frozen=True):
    """Up to which letter a rule was asked while it stood in this mode."""

    letter: int
    mode: str


class SetbacksAsked(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """How far each rule had been asked at `at`, so that a restart neither repeats nor forgets."""

    TOPIC: ClassVar[str] = "setbacks.asked"
    at: int
    rules: dict[str, Asked]


SHAPES: Mapping[str, Any] = {SetbacksAsked.TOPIC: SetbacksAsked}


def asking(decider: Decider) -> list[Rule]:
    """The rules that tell of letters which could not be used."""
    return [rule for rule in decider.by_id.values() if of_letters(rule)]


def of_letters(rule: Rule) -> bool:
    """Whether a rule tells of letters which could not be used."""
    return isinstance(rule.trigger, EventTrigger) and rule.trigger.event == TRIGGER


def owe(
    rule: Rule, owing: Owing, letter: LetterSetAside, world: World, now: int, decisions: Decisions
) -> None:
    """Adds what a rule owes for one letter."""
    reading = Reading(letter, EventSeen(letter.source, "", letter.name, letter.at), world, now)
    if holds(rule, reading):
        match = Match(TRIGGER, letter.occurrence, letter.at, 0)
        owing.owe(rule, rule.notify, match, reading, world, decisions)


class Setbacks:
    """Asks rules about letters that were set aside; all that it must remember is in the ledger."""

    def __init__(self, writer: Writer, after: After) -> None:
        self._writer = writer
        self._after = after

    def activate(self, decider: Decider, newest: int, now: int) -> None:
        """Begins at the `newest` letter with each rule that is new or has changed its mode.

        To be called before a rule file is recorded as active, so that a stop in between loses no
        letter. Twice changes nothing; without such a rule nothing is recorded.
        """
        version, before = self._latest()
        marks = {}
        for rule in asking(decider):
            known = before.get(rule.id)
            same = known is not None and known.mode == rule.mode
            marks[rule.id] = known if known and same else Asked(newest, rule.mode)
        if marks != before:
            self._record(version, marks, Decisions(), now)

    def ask(self, decider: Decider, now: int) -> bool:
        """Asks about the next letters that were set aside; true when there may be more.

        What is owed and how far was asked are recorded together: a letter is neither forgotten
        nor told of twice.
        """
        rules = asking(decider)
        version, marks = self._latest() if rules else (0, {})
        rules = [rule for rule in rules if rule.id in marks]
        if not rules:
            return False
        page = self._after(min(marks[rule.id].letter for rule in rules), LETTERS_PER_ASK)
        world, decisions = self._writer.world(now), Decisions()
        for letter in page:
            for rule in rules:
                if letter.letter > marks[rule.id].letter and not letter.imported:
                    owe(rule, decider.owing, letter, world, now, decisions)
        if page:
            last = page[-1].letter
            moved = {id: Asked(max(m.letter, last), m.mode) for id, m in marks.items()}
            self._record(version, moved, decisions, now)
        return len(page) == LETTERS_PER_ASK

    def _latest(self) -> tuple[int, dict[str, Asked]]:
        latest = self._writer.lookup.latest(STREAM)
        if latest is None:
            return 0, {}
        version, last = latest
        assert isinstance(last, SetbacksAsked)
        return version, last.rules

    def _record(
        self, version: int, marks: Mapping[str, Asked], decisions: Decisions, now: int
    ) -> None:
        event = SetbacksAsked(at=now, rules=dict(marks))
        decisions.following.append((STREAM, version + 1, event))
        self._writer.commit(decisions)
