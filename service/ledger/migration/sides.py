"""Agree on what is asked of the ledger that is moved, and of the one that is made of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from service.ledger.migration.table_shape import ColumnShape, TableShape
from service.ledger.sql import TableReader
from service.ledger.store import LedgerError, LogRow

UNFINISHED, MOVED = 1_000_001, 1_000_002
"""Stand where the number of the schema does: programs of all versions leave such a ledger alone."""

WHAT_UNFINISHED_IS = (
    "holds a copy of a ledger that is not finished; run `coursebell migrate` again to go on, or "
    "begin with an empty one"
)
WHAT_MOVED_IS = (
    "this ledger was moved, and goes on where it was moved to; use that one (see "
    "COURSEBELL_DATABASE_URL), or move it back with `coursebell migrate`. Without what came since, "
    "`coursebell fsck --accept-loss` lets this one be used again"
)


def refuse_marked(where: object, schema: int, *, reading: bool) -> None:
    """Raise LedgerError for a copy that is not finished, and for one moved unless for `reading`."""
    if schema == UNFINISHED:
        raise LedgerError(f"{where}: {WHAT_UNFINISHED_IS}")
    if schema == MOVED and not reading:
        raise LedgerError(f"{where}: {WHAT_MOVED_IS}")


class LedgerReading(Protocol):
    """Read a ledger that nobody writes meanwhile."""

    def log(
        self, after: int, limit: int, topics: Collection[str] = ..., until: int = ...
    ) -> list[LogRow]: ...
    def end(self) -> int: ...
    def reader(self) -> TableReader: ...
    def close(self) -> None: ...


class Side(Protocol):
    """Read one of the two, and find its tables but for those of the log."""

    @property
    def reading(self) -> LedgerReading: ...
    def tables(self) -> Mapping[str, TableShape]: ...
    def close(self) -> None: ...


class SourceLedger(Side, Protocol):
    """Hold a ledger so that nobody writes to it."""

    is_moved: bool

    def leave(self) -> None:
        """Mark it as moved, on disk when this returns: nobody writes to it any more."""
        ...


class TargetLedger(Side, Protocol):
    """Make a ledger that nobody opens before it is finished.

    Each call is kept whole or not at all, none without those before it.
    """

    is_begun: bool
    """Is there a copy that is not finished?"""
    has_log: bool
    """Is there a log, of such a copy or of this ledger's past?"""
    takes_all: bool
    """Can every value be kept here?"""

    def begin(self) -> None:
        """Mark it as not finished."""
        ...

    def refusal(self, column: ColumnShape, value: Any) -> str:
        """Say why a value cannot be kept here; nothing when it can."""
        ...

    def make(self, table: TableShape) -> None:
        """Make a table if there is none; one that is there gains what columns it lacks."""
        ...

    def add_log(self, page: Sequence[LogRow]) -> None:
        """Append events with their positions."""
        ...

    def add(self, table: TableShape, rows: Sequence[Any]) -> None:
        """Add rows to a table."""
        ...

    def empty(self, table: TableShape) -> None:
        """Take all rows out of a table."""
        ...

    def settle(self) -> None:
        """Have all on disk, and make ready for being read."""
        ...

    def finish(self) -> None:
        """Let it be opened."""
        ...
