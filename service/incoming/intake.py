"""Take in letters: they become facts, and facts events, in one transaction a round."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from zlib import crc32

from service.incoming.feeds import FeedTally
from service.incoming.letter import EventOutcome, Letter
from service.incoming.letters import Letters, runs_of
from service.incoming.parts import LetterPart, Outcomes
from service.incoming.repeats import Repeats
from service.incoming.sources.byte_forms import declared_utf8
from service.incoming.sources.source import (
    AT_ANY_TIME,
    Ignored,
    Item,
    Mine,
    SetAside,
    Source,
    Whose,
)
from service.learners.facts import Fact, PlacedFact
from service.learners.world import FactOutcome
from service.learners.writer import Writer
from service.ledger.sql import STORE_ERRORS, Statement
from service.ledger.store import Append, Reached

LETTERS_PER_ROUND = 256
BYTES_PER_ROUND = 8 * 1024 * 1024
Items = Sequence[Item | None]
"""The items of a letter; None for what another process takes."""
Taken = Sequence[tuple[Letter, Outcomes]]
NO_FACTS = {Ignored: "ignored", SetAside: "set_aside"}
FIELD = re.compile(r"[^:']{1,60}(?=: )")
"""What a reason begins with: `data.userId`, `not JSON`."""

log = logging.getLogger(__name__)


OFFICE = 0
"""Who holds this shard does as well what is no learner's."""


def shard_of(whose: Whose | None, letter: int, shards: int) -> int:
    """Give the shard of what is about a learner; about nobody known, that of its letter."""
    number = letter if whose is None else crc32("\x1f".join(whose).encode())
    return number % shards


class TakingShare:
    """Pick what this process is to take: of each letter what is of its shards, once."""

    def __init__(self, held: Mapping[int, Reached], shards: int) -> None:
        """Take the shards held, each with how far it has come, and how many there are."""
        self._held = held
        self._shards = shards
        self.reached = Reached(*map(min, zip(*held.values(), strict=True)))
        self._level = len(set(held.values())) == 1
        self.whole = self._level and len(held) == shards
        """Whether what waits is all to be taken here and now."""
        self.first = min(held)

    def shards_of(self, letter: Letter) -> list[int]:
        """List the shards held that have not passed a letter yet."""
        held = self._held.items()
        return [shard for shard, came in held if self._level or _waits(letter, came)]

    def mine(self, letter: Letter) -> Mine | None:
        """Give what tells what of a letter is to be taken here and now; None for all of it."""
        if self.whole:
            return None
        own, n, shards = {*self.shards_of(letter)}, letter.n, self._shards
        return lambda whose: shard_of(whose, n, shards) in own


def _waits(letter: Letter, came: Reached) -> bool:
    return letter.n > came.upto if letter.turn is None else letter.turn > came.again


def passed_with(letters: Sequence[Letter]) -> Reached:
    """Say how far a shard has come that passed these letters, and what waited before them."""
    upto = max((letter.n for letter in letters if letter.turn is None), default=0)
    return Reached(upto, max((letter.turn or 0 for letter in letters), default=0))


class Intake:
    """Take waiting letters, oldest first, and hands their facts to the one writer."""

    def __init__(self, letters: Letters, sources: Mapping[str, Source], writer: Writer) -> None:
        self._letters = letters
        self._sources = sources
        self._writer = writer
        self._lease = writer.ledger.lease
        self._set_aside = Repeats()
        self.aloud = True
        """Whether letters set aside are logged; who tries something out tells of them otherwise."""

    @property
    def is_office(self) -> bool:
        """Tell whether what is no learner's is this process's to decide, too."""
        return OFFICE in self._lease.held

    def recover(self) -> None:
        """Forget parts of letters that another engine has left, or that wait no more."""
        if left := self._letters.parts.left_over(self._lease.shards):
            self._lease.append(Append(tables=left, waking=False))

    def take(self, now: int) -> int:
        """Take one round of letters; return how many, or how many of other rounds are whole now.

        A letter is taken in the transaction that records its facts: stopped in between, it
        still waits and none of its facts is recorded. Content never raises; a letter that
        breaks the program itself is set aside whole and its neighbours go on. Raises
        one of STORE_ERRORS when the ledger cannot commit.
        """
        if not self._lease.held:
            return 0
        share = TakingShare(self._lease.held, self._lease.shards)
        put_together = 0
        if self.is_office:
            self._letters.retry_due(now, LETTERS_PER_ROUND)
            put_together = self._put_together(share, now)
        letters = self._letters.page(share.reached, LETTERS_PER_ROUND, BYTES_PER_ROUND)
        if letters:
            self._take_or_part(letters, share, now)
        return max(len(letters), put_together)

    def wait(self, seconds: float) -> None:
        """Wait until there may be something to take; at most so long."""
        self._letters.wait(seconds, self._any_news)

    def _any_news(self) -> bool:
        held = self._lease.held
        return bool(held) and self._letters.any_beyond(
            TakingShare(held, self._lease.shards).reached
        )

    def _put_together(self, share: TakingShare, now: int) -> int:
        """Let letters be taken that all shards have passed; return how many."""
        if self._lease.shards == 1:
            return 0
        lowest = share.reached if share.whole else self._lease.lowest()
        if whole := [*self._letters.parts.passed(lowest, LETTERS_PER_ROUND)]:
            tables = [
                *self._letters.marks([(each.n, each.outcomes) for each in whole], now),
                self._letters.try_again([(w.n, w.again_at) for w in whole if w.again_at]),
                self._letters.parts.forgotten(runs_of(each.n for each in whole)),
            ]
            self._lease.append(Append(tables=tables, waking=False))
        return len(whole)

    def told_since(self, n: int) -> tuple[int, list[int]]:
        """Read when events happened (ms UTC) that wait in letters after the nth, and how far."""
        letters = self._letters.waiting(LETTERS_PER_ROUND, BYTES_PER_ROUND, after=n)
        live = (letter for letter in letters if not letter.imported)
        moments = moments_of(item for letter in live for item in self._read(letter, AT_ANY_TIME))
        return max((letter.n for letter in letters), default=n), moments

    def _take_or_part(self, letters: Sequence[Letter], share: TakingShare, now: int) -> None:
        try:
            own = [self._read(letter, now, share.mine(letter)) for letter in letters]
            self._take(letters, own, share, now=now)
        except STORE_ERRORS:
            raise
        except Exception as error:
            if len(letters) > 1:
                for letter in letters:
                    self._take_or_part([letter], share, now)
                return
            log.exception(
                "letter %d breaks the intake and is set aside",
                letters[0].n,
                extra={"event": "letter.broken", "source": letters[0].source},
            )
            reason = f"the program failed on it ({type(error).__name__}); try it again after a fix"
            self._take(letters, [unread(letters[0], reason)], share, now=now)

    def _take(
        self, letters: Sequence[Letter], read: Sequence[Items], share: TakingShare, now: int
    ) -> None:
        pairs = list(zip(letters, read, strict=True))
        taken: list[tuple[Letter, Outcomes]] = []

        def marks(outcomes: list[FactOutcome]) -> Iterator[Statement]:
            became = iter(outcomes)
            taken[:] = [
                (letter, list(outcomes_of(letter, items, became))) for letter, items in pairs
            ]
            yield from self._marks(taken, share, premature(pairs), now=now)
            yield self._letters.feeds.taken(tallies_of(read, taken), share.first)

        told = [
            PlacedFact(item, letter.n, place, letter.imported)
            for letter, items in pairs
            for place, item in enumerate(items)
            if isinstance(item, Fact) and to_be_tried(letter, place)
        ]
        self._writer.write(told, now, marks, passed=passed_with(letters))
        self._tell_of_set_aside(taken, now)

    def _marks(
        self, taken: Taken, share: TakingShare, premature: Sequence[tuple[int, int]], now: int
    ) -> Iterator[Statement]:
        """Give what records what became of letters, or of the parts that were this process's."""
        if share.whole:
            whole = [(letter.n, [each for each in became if each]) for letter, became in taken]
            yield from self._letters.marks(whole, now)
            yield self._letters.try_again(premature)
        else:
            again = dict(premature)
            parts = ((letter, min(share.shards_of(letter)), became) for letter, became in taken)
            yield self._letters.parts.kept(
                LetterPart(letter.n, shard, became, again_at=again.get(letter.n))
                for letter, shard, became in parts
            )

    def _tell_of_set_aside(self, taken: Taken, now: int) -> None:
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

    def _read(self, letter: Letter, now: int, mine: Mine | None = None) -> Items:
        """Read a letter, or what of it is `mine`."""
        source = self._sources.get(letter.source)
        if source is None:
            reason = f"no source {letter.source!r} here; configure it and try the letter again"
            return unread(letter, reason) if mine is None or mine(None) else []
        charset, at = letter.charset, max(letter.received_at, now)
        body = declared_utf8(letter.body, charset) if charset else letter.body
        items = source.read_own(body, at, mine) if mine else source.read(body, at)
        if len(items) == 1 < len(letter.before or ()) and (aside := set_asides(items)):
            return unread(letter, aside[0].reason)
        return items


def unread(letter: Letter, reason: str) -> list[Item]:
    """Set a letter aside whole; in a second try, what its first try could not use stays so."""
    if not letter.before:
        return [SetAside("", reason)]
    return [SetAside(event.name, reason) for event in letter.before]


def moments_of(items: Iterable[Item | None]) -> list[int]:
    """Say when each of the facts happened (ms UTC)."""
    return [item.occurred_at for item in items if isinstance(item, Fact)]


def set_asides(items: Iterable[Item | None]) -> list[SetAside]:
    """Pick what could not be used."""
    return [item for item in items if isinstance(item, SetAside)]


def premature(pairs: Iterable[tuple[Letter, Items]]) -> list[tuple[int, int]]:
    """Name the letters with an event from the future, each with when to try it again (ms UTC)."""
    moments = ((letter.n, [a.before for a in set_asides(items)]) for letter, items in pairs)
    return [(n, min(b)) for n, found in moments if (b := [at for at in found if at is not None])]


def kinds_of_reasons(outcomes: Outcomes) -> set[str]:
    """Name the fields because of which events were set aside, `data.userId`; else `other`."""
    reasons = (each.reason for each in outcomes if each and each.state == "set_aside")
    return {found[0] if (found := FIELD.match(reason)) else "other" for reason in reasons}


def tallies_of(read: Sequence[Items], taken: Taken) -> dict[str, FeedTally]:
    """Count what became of the events tried now, by source; imports tell nothing of a feed."""
    tallies: dict[str, FeedTally] = {}
    for items, (letter, outcomes) in zip(read, taken, strict=True):
        if letter.imported:
            continue
        tally = tallies.setdefault(letter.source, FeedTally())
        for place, (item, outcome) in enumerate(zip(items, outcomes, strict=True)):
            if outcome is None:
                continue
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
    letter: Letter, items: Items, became: Iterator[FactOutcome]
) -> Iterator[EventOutcome | None]:
    """Give what became of each event of a letter; `became` yields for the facts tried, in order."""
    for place, item in enumerate(items):
        if item is None:
            yield None
        elif not to_be_tried(letter, place) and letter.before is not None:
            yield letter.before[place]
        elif not isinstance(item, Fact):
            yield EventOutcome(NO_FACTS[type(item)], item.name, item.reason)
        else:
            outcome = next(became)
            yield EventOutcome(outcome.state, item.name, outcome.reason, outcome.stream)
