"""Set a rule off when a letter could not be used: `trigger: {event: letter.set_aside}`.

Each letter is told of once by every rule that asks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from service.learners.facts import FactRecorded
from service.learners.feed_subjects import LetterSetAside
from service.learners.world import Decisions, World
from service.learners.writer import Writer
from service.ledger.events import EventBody
from service.rules.conditions import Condition
from service.rules.decider import Decider
from service.rules.fields import EventSeen, Reading
from service.rules.notification import Owed
from service.rules.rule import Rule
from service.rules.scope import LETTER, Scope
from service.rules.triggers.trigger import Kind, Match, Miss, Occurrence, RuleIdentity

STREAM = "setbacks"
TRIGGER = "letter.set_aside"
LETTERS_PER_ASK = 500

After = Callable[[int, int], Sequence[LetterSetAside]]
"""The letters set aside beyond a number, in order, at most so many."""


class LetterMark(msgspec.Struct, frozen=True):
    """Mark up to which letter a rule was asked while it stood in this mode."""

    letter: int
    mode: str


class LettersAsked(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say how far each rule was asked at `at`, so that a restart neither repeats nor forgets."""

    TOPIC: ClassVar[str] = "setbacks.asked"
    at: int
    rules: dict[str, LetterMark]


SHAPES: Mapping[str, Any] = {LettersAsked.TOPIC: LettersAsked}


@dataclass(frozen=True)
class LetterTrigger:
    """Set a rule off when a letter, or a part of one, was set aside."""

    kind: ClassVar[Kind] = "letter"
    scope: ClassVar[Scope] = LETTER
    transitions: ClassVar[frozenset[str]] = frozenset()
    implied: ClassVar[tuple[Condition, ...]] = ()

    def admits(self, event: FactRecorded[Any]) -> bool:
        """Admit no event: a letter that leads to none matches."""
        return False

    def match(self, rule: RuleIdentity, occurrence: Occurrence, world: World) -> Match | Miss:
        """Match every letter that was set aside."""
        letter = occurrence.subject
        if not isinstance(letter, LetterSetAside):
            return Miss(lambda: f"it is not {TRIGGER}")
        return Match(TRIGGER, letter.occurrence, letter.at, 0)

    def still_holds(self, owed: Owed, reading: Reading) -> bool:
        """Tell whether no later try could use all of it."""
        letter = reading.subject
        return owed.trigger == TRIGGER and not (isinstance(letter, LetterSetAside) and letter.used)

    def words(self) -> str:
        """Say `letter.set_aside`."""
        return TRIGGER


def letter_rules(decider: Decider) -> list[Rule]:
    """Pick the rules that tell of letters which could not be used."""
    return [rule for rule in decider.active if isinstance(rule.trigger, LetterTrigger)]


def letter_occurrence(letter: LetterSetAside, now: int) -> Occurrence:
    """Ask about a letter at `now` (ms UTC)."""
    return Occurrence(letter, EventSeen(letter.source, "", letter.name, letter.at), now)


class LetterWatch:
    """Ask rules about letters that were set aside; what must be remembered is in the ledger."""

    def __init__(self, writer: Writer, after: After) -> None:
        self._writer = writer
        self._after = after

    def activate(self, decider: Decider, newest: int, now: int) -> None:
        """Begin at the `newest` letter with each rule that is new or has changed its mode.

        To be called before a rule file is recorded as active, so that a stop in between loses no
        letter. Twice changes nothing; without such a rule nothing is recorded.
        """
        version, before = self._latest()
        marks = {}
        for rule in letter_rules(decider):
            known = before.get(rule.id)
            same = known is not None and known.mode == rule.mode
            marks[rule.id] = known if known and same else LetterMark(newest, rule.mode)
        if marks != before:
            self._record(version, marks, decisions=Decisions(), now=now)

    def ask(self, decider: Decider, now: int) -> bool:
        """Ask about the next letters that were set aside; true when there may be more.

        What is owed and how far was asked are recorded together: a letter is neither forgotten
        nor told of twice.
        """
        rules = letter_rules(decider)
        version, marks = self._latest() if rules else (0, {})
        rules = [rule for rule in rules if rule.id in marks]
        if not rules:
            return False
        page = self._after(min(marks[rule.id].letter for rule in rules), LETTERS_PER_ASK)
        asked = (
            ([r for r in rules if each.letter > marks[r.id].letter], letter_occurrence(each, now))
            for each in page
            if not each.imported
        )
        decisions = decider.decide_each(asked, self._writer.world(now))
        if page:
            last = page[-1].letter
            moved = {id: LetterMark(max(m.letter, last), m.mode) for id, m in marks.items()}
            self._record(version, moved, decisions=decisions, now=now)
        return len(page) == LETTERS_PER_ASK

    def _latest(self) -> tuple[int, dict[str, LetterMark]]:
        version, last = self._writer.store.latest(STREAM) or (0, None)
        return version, last.rules if isinstance(last, LettersAsked) else {}

    def _record(
        self, version: int, marks: Mapping[str, LetterMark], decisions: Decisions, now: int
    ) -> None:
        event = LettersAsked(at=now, rules=dict(marks))
        decisions.following.append((STREAM, version + 1, event))
        self._writer.commit(decisions)
