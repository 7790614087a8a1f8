"""Take in letters: they become facts, and facts events, in one transaction a round."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from service.incoming.feeds import FeedTally
from service.incoming.letter import EventOutcome, Letter
from service.incoming.letters import Letters
from service.incoming.repeats import Repeats
from service.incoming.sources.byte_forms import declared_utf8
from service.incoming.sources.source import Ignored, Item, SetAside, Source
from service.learners.facts import Fact, PlacedFact
from service.learners.world import FactOutcome
from service.learners.writer import Writer
from service.ledger.sql import STORE_ERRORS, Statement

LETTERS_PER_ROUND = 256
BYTES_PER_ROUND = 8 * 1024 * 1024
AT_ANY_TIME = 1 << 62
FIELD = re.compile(r"[^:']{1,60}(?=: )")
"""What a reason begins with: `data.userId`, `not JSON`."""

log = logging.getLogger(__name__)


class Intake:
    """Take waiting letters, oldest first, and hands their facts to the one writer."""

    def __init__(self, letters: Letters, sources: Mapping[str, Source], writer: Writer) -> None:
        self._letters = letters
        self._sources = sources
        self._writer = writer
        self._set_aside = Repeats()
        self.aloud = True
        """Whether letters set aside are logged; who tries something out tells of them otherwise."""

    def take(self, now: int) -> int:
        """Take one round of letters; return how many.

        A letter is taken in the transaction that records its facts: stopped in between, it
        still waits and none of its facts is recorded. Content never raises; a letter that
        breaks the program itself is set aside whole and its neighbours go on. Raises
        one of STORE_ERRORS when the ledger cannot commit.
        """
        self._letters.retry_due(now, LETTERS_PER_ROUND)
        letters = self._letters.waiting(LETTERS_PER_ROUND, BYTES_PER_ROUND)
        if letters:
            self._take_or_part(letters, now)
        return len(letters)

    def told_since(self, n: int) -> tuple[int, list[int]]:
        """Read when events happened (ms UTC) that wait in letters after the nth, and how far."""
        letters = self._letters.waiting(LETTERS_PER_ROUND, BYTES_PER_ROUND, after=n)
        live = (letter for letter in letters if not letter.imported)
        moments = moments_of(item for letter in live for item in self._read(letter, AT_ANY_TIME))
        return max((letter.n for letter in letters), default=n), moments

    def _take_or_part(self, letters: Sequence[Letter], now: int) -> None:
        try:
            self._take(letters, [self._read(letter, now) for letter in letters], now)
        except STORE_ERRORS:
            raise
        except Exception as error:
            if len(letters) > 1:
                for letter in letters:
                    self._take_or_part([letter], now)
                return
            log.exception(
                "letter %d breaks the intake and is set aside",
                letters[0].n,
                extra={"event": "letter.broken", "source": letters[0].source},
            )
            reason = f"the program failed on it ({type(error).__name__}); try it again after a fix"
            self._take(letters, [unread(letters[0], reason)], now)

    def _take(self, letters: Sequence[Letter], read: Sequence[list[Item]], now: int) -> None:
        pairs = list(zip(letters, read, strict=True))
        taken: list[tuple[Letter, list[EventOutcome]]] = []

        def marks(outcomes: list[FactOutcome]) -> Iterator[Statement]:
            became = iter(outcomes)
            taken[:] = [
                (letter, list(outcomes_of(letter, items, became))) for letter, items in pairs
            ]
            yield from self._letters.marks(taken, now)
            yield self._letters.try_again(premature(pairs))
            yield self._letters.feeds.taken(tallies_of(read, taken))

        told = [
            PlacedFact(item, letter.n, place, letter.imported)
            for letter, items in pairs
            for place, item in enumerate(items)
            if isinstance(item, Fact) and to_be_tried(letter, place)
        ]
        self._writer.write(told, now, marks)
        self._tell_of_set_aside(taken, now)

    def _tell_of_set_aside(
        self, taken: Sequence[tuple[Letter, list[EventOutcome]]], now: int
    ) -> None:
        """Log why letters could not be used, by source and the field that is wrong."""
        found = Counter(
            (letter.source, kind)
            for letter, became in taken
            if self.aloud and not letter.imported
            for kind in kinds_of_reasons(became)
        )
        for (source, kind), letters in found.items():
            if count := self._set_aside.count((source, kind), now, letters):
                about = {"event": "letters.set_aside", "source": source, "reason": kind}
                log.warning(
                    "letters could not be used, or not all of them; `coursebell letters reasons` "
                    "says why",
                    extra={**about, "letters": count},
                )

    def _read(self, letter: Letter, now: int) -> list[Item]:
        source = self._sources.get(letter.source)
        if source is None:
            reason = f"no source {letter.source!r} here; configure it and try the letter again"
            return unread(letter, reason)
        charset = letter.charset
        body = declared_utf8(letter.body, charset) if charset else letter.body
        items = source.read(body, max(letter.received_at, now))
        if len(items) == 1 < len(letter.before or ()) and (aside := set_asides(items)):
            return unread(letter, aside[0].reason)
        return items


def unread(letter: Letter, reason: str) -> list[Item]:
    """Set a letter aside whole; in a second try, what its first try could not use stays so."""
    if not letter.before:
        return [SetAside("", reason)]
    return [SetAside(event.name, reason) for event in letter.before]


def moments_of(items: Iterable[Item]) -> list[int]:
    """Say when each of the facts happened (ms UTC)."""
    return [item.occurred_at for item in items if isinstance(item, Fact)]


def set_asides(items: Iterable[Item]) -> list[SetAside]:
    """Pick what could not be used."""
    return [item for item in items if isinstance(item, SetAside)]


def premature(pairs: Iterable[tuple[Letter, Sequence[Item]]]) -> list[tuple[int, int]]:
    """Name the letters with an event from the future, each with when to try it again (ms UTC)."""
    moments = ((letter.n, [a.before for a in set_asides(items)]) for letter, items in pairs)
    return [(n, min(b)) for n, found in moments if (b := [at for at in found if at is not None])]


def kinds_of_reasons(outcomes: Sequence[EventOutcome]) -> set[str]:
    """Name the fields because of which events were set aside, `data.userId`; else `other`."""
    reasons = (each.reason for each in outcomes if each.state == "set_aside")
    return {found[0] if (found := FIELD.match(reason)) else "other" for reason in reasons}


def tallies_of(
    read: Sequence[list[Item]], taken: Sequence[tuple[Letter, list[EventOutcome]]]
) -> dict[str, FeedTally]:
    """Count what became of the events tried now, by source; imports tell nothing of a feed."""
    tallies: dict[str, FeedTally] = {}
    for items, (letter, outcomes) in zip(read, taken, strict=True):
        if letter.imported:
            continue
        tally = tallies.setdefault(letter.source, FeedTally())
        for place, (item, outcome) in enumerate(zip(items, outcomes, strict=True)):
            again = letter.before is not None and outcome.state == "set_aside"
            if to_be_tried(letter, place) and not again:
                at = item.occurred_at if isinstance(item, Fact) else None
                tally.count(outcome.state, at, letter.received_at)
    return tallies


def to_be_tried(letter: Letter, place: int) -> bool:
    """Tell whether an event is to be taken now: always, or in a second try if it was set aside."""
    before = letter.before
    return before is None or place >= len(before) or before[place].state == "set_aside"


def outcomes_of(
    letter: Letter, items: Sequence[Item], became: Iterator[FactOutcome]
) -> Iterator[EventOutcome]:
    """Give what became of each event of a letter; `became` yields for the facts tried, in order."""
    for place, item in enumerate(items):
        if not to_be_tried(letter, place) and letter.before is not None:
            yield letter.before[place]
        elif isinstance(item, Ignored):
            yield EventOutcome("ignored", item.name, item.reason)
        elif isinstance(item, SetAside):
            yield EventOutcome("set_aside", item.name, item.reason)
        else:
            outcome = next(became)
            yield EventOutcome(outcome.state, item.name, outcome.reason, outcome.stream)
