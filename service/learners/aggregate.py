"""Fold facts into aggregates: what every kind of aggregate does, once."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec

from service.learners.facts import (
    AT_ONCE,
    Fact,
    FactBody,
    FactRecorded,
    Identity,
    PlacedFact,
    Timing,
)
from service.ledger.events import StreamId
from service.ledger.store import Store

KEYS_APART = 32


class FactKeys(msgspec.Struct, frozen=True, gc=False):
    """Hold the fact keys of one stream; unchanging, because a batch may be dropped uncommitted.

    Adding one to a plain set or tuple would copy them all, and a busy stream would cost the
    square of its length: so the last few stand apart, and each of the sets is larger than the
    next, as the digits of a number are. `settled` holds every key and every reference (the first
    half of one).
    """

    settled: tuple[frozenset[str], ...] = ()
    recent: tuple[str, ...] = ()

    def __contains__(self, key: object) -> bool:
        return key in self.recent or any(key in known for known in self.settled)

    def conflicts(self, key: str) -> bool:
        """Tell whether the LMS event id of a new key was already used for another story."""
        return key[:16] in [one[:16] for one in self.recent] or any(
            key[:16] in known for known in self.settled
        )

    def having(self, key: str) -> Self:
        """Add one more."""
        recent = (*self.recent, key)
        if len(recent) < KEYS_APART:
            return type(self)(self.settled, recent)
        settled, last = self.settled, frozenset(recent).union(one[:16] for one in recent)
        while settled and len(settled[-1]) <= len(last):
            settled, last = settled[:-1], settled[-1] | last
        return type(self)((*settled, last))


R = TypeVar("R", bound=FactRecorded[Any])


class Aggregate(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """Stand for one stream, as folded from its events; what it is `about`, the first one says.

    Unchanging, because a batch may be dropped uncommitted: `apply` and `record` make another.
    """

    RECORDED: ClassVar[type[FactRecorded[Any]]]
    id: StreamId
    about: Identity
    version: int = 0
    keys: FactKeys = FactKeys()

    @classmethod
    def begin(cls, fact: Fact, person: str) -> Self:
        """Make the aggregate as it is before its first fact; `person` is the learner's id."""
        raise NotImplementedError

    @property
    def gone_at(self) -> int | None:
        """Give when what it stands for was deleted (ms UTC); None for what is there."""
        return None

    @classmethod
    def load(cls, id: StreamId, events: Sequence[R], timing: Timing = AT_ONCE) -> Self:
        """Fold a stream's events, first to last."""
        folded = cls(id, named_by(id, events))
        for event in events:
            folded = folded.apply(event)
        return folded

    def apply(self, event: R) -> Self:
        """Fold in the next event of the stream."""
        raise NotImplementedError

    def effect(self, fact: Fact) -> dict[str, Any]:
        """Say what a new fact changes: `transitions`, `superseded`, and fields of the kind."""
        raise NotImplementedError

    def record(
        self, placed: PlacedFact, now: int, timing: Timing = AT_ONCE
    ) -> tuple[Self, R] | None:
        """Fold in a fact and make the event to append; None for a duplicate.

        `timing` is the source's.
        """
        if placed.fact.key in self.keys:
            return None
        event = self.event_of(placed, now, self.effect(placed.fact))
        return self.apply(event), event

    def told_by(self, version: int, event: Any) -> Self:
        """Give what rules read of an event of this stream: how things stand."""
        return self

    def event_of(self, placed: PlacedFact, now: int, effect: Mapping[str, Any]) -> R:
        """Make the event of a fact; the first one of a stream says what it is about."""
        fact = placed.fact
        event: Any = self.RECORDED(
            said=fact.said,
            at=fact.occurred_at,
            key=fact.key,
            name=fact.name,
            recorded_at=now,
            letter=placed.letter,
            item=placed.item,
            by_admin=fact.by_admin,
            conflict=self.keys.conflicts(fact.key),
            imported=placed.imported,
            about=self.about if self.version == 0 else None,
            **effect,
        )
        return event  # type: ignore[no-any-return]


def latest(known: int | None, at: int) -> int:
    """Give the later of two moments, of which the first may not have come."""
    return at if known is None else max(known, at)


def gone_at(deleted_at: int | None, changed_at: int | None) -> int | None:
    """Give when something was deleted; None if it was not, or was changed since: it lives again."""
    if deleted_at is None or changed_at is None:
        return deleted_at
    return None if changed_at > deleted_at else deleted_at


def named_by(id: str, events: Sequence[FactRecorded[Any]]) -> Identity:
    """Read off the first event what a stream is about."""
    about = events[0].about
    assert about is not None, f"{id}: the first event of a stream says what it is about"
    return about


def shapes_of(
    recorded: type[FactRecorded[Any]], kinds: Iterable[type[FactBody]]
) -> Mapping[str, Any]:
    """Make the stored shape of each kind of fact on an aggregate, by topic."""
    return {
        said.TOPIC: msgspec.defstruct(
            f"{said.__name__}Recorded",
            [("said", said)],
            bases=(recorded,),
            frozen=True,
            kw_only=True,
            omit_defaults=True,
        )
        for said in kinds
    }


K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ENTRIES_KEPT = 8_000
"""An enrolment takes 2 KiB. In an academy that enrols 480 a day 87 % are found, and with five times
as many entries 90 %: a fact costs the same (measured)."""


class Cache(Generic[K, V]):
    """Keep at least the last `size` values asked for, at most twice as many.

    Values stand in two generations, and whoever asks for one of the older brings it to the
    younger. So a hit costs one look-up: half of what a list in order of use costs (measured).
    """

    def __init__(self, size: int = ENTRIES_KEPT) -> None:
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._size = size

    def get(self, key: K) -> V | None:
        """Give the value, now of the younger generation; None if it was dropped."""
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep a value for a while."""
        if len(self._young) >= self._size and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def keep(self, key: K, value: V) -> None:
        """Keep a value that only who keeps it can change."""
        self.put(key, value)

    def drop(self, key: K) -> None:
        """Forget one value, if it is there."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young.clear()
        self._old.clear()


class Beside(Cache[K, V]):
    """Keep for a while, beside another cache, what others may change: that has only what is kept.

    So it is to be used once, and dropped.
    """

    def __init__(self, lasting: Cache[K, V]) -> None:
        super().__init__()
        self._lasting = lasting

    def get(self, key: K) -> V | None:
        """Give what either has."""
        return self._lasting.get(key) or super().get(key)

    def keep(self, key: K, value: V) -> None:
        """Keep it in the other cache."""
        self._lasting.put(key, value)


class Memory:
    """Remember the states of aggregates, as long as nobody but this process can change them."""

    def __init__(self, ledger: Store) -> None:
        self.known: Cache[str, Aggregate[Any]] = Cache()
        self._ledger = ledger
        self._seen = (ledger.revision(), ledger.lease.changes)

    @property
    def is_alone(self) -> bool:
        """Tell whether nobody else decides."""
        return len(self._ledger.lease.held) == self._ledger.lease.shards

    def now(self) -> Cache[str, Aggregate[Any]]:
        """Give what is known, and room for what is looked up of other shards."""
        return self.known if self.is_alone else Beside(self.known)

    def is_stale(self) -> bool:
        """Tell whether, since this was asked last, others may have changed what is remembered."""
        before, self._seen = self._seen, (self._ledger.revision(), self._ledger.lease.changes)
        return before != self._seen
