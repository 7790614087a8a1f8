"""Keep many facts in reading order, and remember what each stretch of them does to a state.

A fact that comes late stands in the middle, and all that is read after it is read anew. So that a
burst of facts, newest first, does not cost the square of its length, they stand in a tree whose
every node remembers what it did to the states it met: only the path to the new fact is walked
(decision 28).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, Self

import msgspec
from msgspec.structs import replace

from service.learners.enrollment_state import MODULES_MAX, Entry, State, advance
from service.learners.facts import Timing

WIDTH = 16
PASSAGES_REMEMBERED = 8
FIRST_SAID = ("enrolled_at", "started_at", "source", "done_at")
"""Of these it matters only whether anything is known: the first to say it, or any, is enough."""
ENDS = ("ended_at", "completed_at")
"""The moments that facts are measured by."""
NAMES = tuple(name for name in State.__struct_fields__ if name != "modules")


class Kept(int):
    """Stand for the value of a field that a stretch met; a moment stays a moment."""

    field: str

    @classmethod
    def of(cls, field: str, state: State) -> Self:
        """Stand for that field of a state, as large as it is if it is a moment."""
        kept = cls(getattr(state, field) if field in ENDS else 0)
        kept.field = field
        return kept


class Passage(NamedTuple):
    """Say what a stretch of facts does to a state: what it sets, and the modules it adds.

    What is Kept is set to what another field was. `begins`: an episode began in it, so that
    nothing of the modules before is left.
    """

    sets: dict[str, Any]
    modules: tuple[str, ...]
    begins: bool

    def after(self, state: State) -> State:
        """Give how such a state stands then."""
        modules = self.modules if self.begins else _united(state.modules, self.modules)
        sets = {
            name: getattr(state, value.field) if type(value) is Kept else value
            for name, value in self.sets.items()
        }
        return replace(state, modules=modules, **sets)


def _united(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    if len(some) >= MODULES_MAX or not more:
        return some
    return tuple(dict.fromkeys((*some, *more)))[:MODULES_MAX] if some else more


OF_BEFORE: tuple[Any, ...] = (Kept(),)
"""Stands for the modules before a stretch."""


def _met_by(state: State, modules: tuple[str, ...]) -> State:
    """Give a state in whose place any other that is read alike can be put afterwards."""
    told = {"status"} | {name for name in (*FIRST_SAID, *ENDS) if getattr(state, name) is None}
    if state.passed is False:
        told.add("passed")
    kept = {name: Kept.of(name, state) for name in NAMES if name not in told}
    return replace(state, modules=modules, **kept)


def _changed_in(state: State) -> dict[str, Any]:
    values = {name: getattr(state, name) for name in NAMES}
    return {
        name: value
        for name, value in values.items()
        if type(value) is not Kept or value.field != name
    }


class FactTree(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Hold some facts, one at least, that follow one another in reading order.

    Unchanging, but for what it remembers: how it passed, by what of a state makes a difference.
    """

    oldest: Entry
    newest: Entry
    count: int
    parts: tuple[Any, ...]
    passages: dict[tuple[Any, ...], Passage]

    @classmethod
    def of(cls, parts: Sequence[Any]) -> Self:
        """Hold these parts."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Entry]:
        raise NotImplementedError

    def passage(self, state: State, timing: Timing) -> Passage:
        """Say what it does to a state, and to all that are read alike."""
        met = (
            state.status,
            state.passed is False,
            self.within(state.ended_at, timing.lateness),
            self.within(state.completed_at, timing.again_after),
            *[getattr(state, name) is None for name in FIRST_SAID],
        )
        found = self.passages.get(met)
        if found is None:
            found = self._pass(state, timing)
            if len(self.passages) >= PASSAGES_REMEMBERED:
                self.passages.clear()
            self.passages[met] = found
        return found

    def _pass(self, state: State, timing: Timing) -> Passage:
        raise NotImplementedError

    def within(self, at: int | None, time: int | None) -> int | None:
        """Count the facts no later than so long after a moment; all of them for any time."""
        if at is None:
            return None
        if time is None or self.newest[0] <= at + time:
            return self.count
        return 0 if at + time < self.oldest[0] else self._until(at + time)

    def _until(self, at: int) -> int:
        raise NotImplementedError

    def having(self, entry: Entry) -> tuple[Self, ...]:
        """Add a fact in its place; gives two where there would be too many for one."""
        raise NotImplementedError

    def with_fact(self, entry: Entry) -> "FactTree":
        """Add a fact in its place."""
        parts = self.having(entry)
        return parts[0] if len(parts) == 1 else Branch.of(parts)

    @classmethod
    def _halved(cls, parts: tuple[Any, ...]) -> tuple[Self, ...]:
        if len(parts) <= WIDTH:
            return (cls.of(parts),)
        half = len(parts) // 2
        return cls.of(parts[:half]), cls.of(parts[half:])


class Leaf(FactTree, frozen=True, eq=False, gc=False):
    """Hold the facts themselves."""

    @classmethod
    def of(cls, parts: Sequence[Entry]) -> Self:
        """Hold these facts, which are in reading order."""
        return cls(parts[0], parts[-1], len(parts), tuple(parts), {})

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.parts)

    def _pass(self, state: State, timing: Timing) -> Passage:
        state = _met_by(state, OF_BEFORE)
        for entry in self.parts:
            state = advance(state, entry, timing)
        begins = state.modules[:1] != OF_BEFORE
        return Passage(_changed_in(state), state.modules[0 if begins else 1 :], begins)

    def _until(self, at: int) -> int:
        return bisect_right(self.parts, at, key=lambda entry: entry[0])

    def having(self, entry: Entry) -> tuple[Self, ...]:
        """Add a fact in its place."""
        place = bisect_right(self.parts, entry[:3], key=lambda known: known[:3])
        return self._halved((*self.parts[:place], entry, *self.parts[place:]))


class Branch(FactTree, frozen=True, eq=False, gc=False):
    """Hold stretches."""

    @classmethod
    def of(cls, parts: Sequence[FactTree]) -> Self:
        """Hold these stretches, one after the other."""
        count = sum(part.count for part in parts)
        return cls(parts[0].oldest, parts[-1].newest, count, tuple(parts), {})

    def __iter__(self) -> Iterator[Entry]:
        return chain.from_iterable(self.parts)

    def _pass(self, state: State, timing: Timing) -> Passage:
        state, begins = _met_by(state, ()), False
        for part in self.parts:
            passed = part.passage(state, timing)
            state, begins = passed.after(state), begins or passed.begins
        return Passage(_changed_in(state), state.modules, begins)

    def _until(self, at: int) -> int:
        return sum(part.within(at, 0) or 0 for part in self.parts)

    def having(self, entry: Entry) -> tuple[Self, ...]:
        """Add a fact to the stretch in which it has its place."""
        parts = self.parts
        place = bisect_right(parts, entry[:3], 1, key=lambda part: part.oldest[:3]) - 1
        return self._halved((*parts[:place], *parts[place].having(entry), *parts[place + 1 :]))


def tree_of(entries: Sequence[Entry]) -> FactTree:
    """Hold facts that are in reading order; there is one at least."""
    return _over(Leaf.of, entries)


def _over(made: Callable[[Sequence[Any]], FactTree], parts: Sequence[Any]) -> FactTree:
    stretches = [made(parts[start : start + WIDTH]) for start in range(0, len(parts), WIDTH)]
    return stretches[0] if len(stretches) == 1 else _over(Branch.of, stretches)
