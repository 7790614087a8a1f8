"""Agree on what a store of events can do, whatever the engine: a write is a value."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from eventsourcing.persistence import PersistenceError

from service.ledger.sql import Statement, TableReader, TableWriter

Row = tuple[str, int, str, bytes]
"""One event as stored: stream id, version, topic, state."""
LogRow = tuple[int, str, int, str, bytes]
"""One event as the log has it, its position first."""
END = 2**62


class LedgerError(Exception):
    """Say where and why the ledger cannot be used as it is, and what to do."""


class LeaseLost(PersistenceError):
    """Say that another process has taken over what this one had: it decides nothing more."""


class Unknown(PersistenceError):
    """Say that what was written may be kept or not: look before it is written again."""


class Reached(NamedTuple):
    """Say how far a shard has come: letters up to `upto`, and those tried `again` up to a turn."""

    upto: int = 0
    again: int = 0

    def beyond(self, other: "Reached") -> "Reached":
        """Give what either has passed."""
        return Reached(max(self.upto, other.upto), max(self.again, other.again))


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """Say what is written together, or not at all: tried again it means the same.

    Of `rows` no version may be taken; of `once` one that is taken is passed over, as their ids are
    derived from what they say. `erasable` are (stream, field, value) that an event may not hold
    for ever. The streams of `rests_on` have just this newest version, 0 for none. Statements
    `in_turn` are run last, when nobody else can commit until this has: what they find is so, and
    one may fail by it. What is `asked`, a query, is read behind all of them: one number, which is
    given back instead of a position. Unless it is `waking`, who waits for a commit sleeps on. With
    the lease, all shards held have `passed` the letters up to these marks.
    """

    rows: Sequence[Row] = ()
    once: Sequence[Row] = ()
    erasable: Sequence[tuple[str, str, str]] = ()
    tables: Sequence[Statement] = ()
    in_turn: Sequence[Statement] = ()
    asked: str = ""
    rests_on: Mapping[str, int] = {}
    waking: bool = True
    passed: Reached = Reached()


class AtWork(NamedTuple):
    """Name a process that works, and how many shards it has; who has the `first` has the office."""

    host: str
    pid: int
    shards: int
    first: bool


class Sharing(NamedTuple):
    """Say how far each shard of a ledger has come, and which processes that live have them."""

    shards: Mapping[int, Reached]
    at_work: Sequence[AtWork]

    @property
    def unheld(self) -> int:
        """Count the shards that nobody has who lives."""
        return len(self.shards) - sum(each.shards for each in self.at_work)

    @property
    def lowest(self) -> Reached:
        """Give how far all shards have come."""
        return Reached(*map(min, zip(*self.shards.values(), strict=True)))


class Durability(NamedTuple):
    """Say in words what a letter survives that was answered, and whether to look at that."""

    words: str
    doubtful: bool = False


class Mark(Protocol):
    """Keep beside a ledger how far what is named has come: never ahead of it."""

    def write(self, ends: Mapping[str, int]) -> None: ...
    def end(self, name: str) -> int: ...


class Lease(Protocol):
    """Decide for some shards of a ledger while they are held, and nobody else for these.

    Each learner is of one shard. Who holds the first decides what is no learner's as well.
    """

    renew_every: float | None
    """In seconds; None where it is held until the process ends."""

    @property
    def shards(self) -> int:
        """Count those that the ledger has, held by whomever."""
        ...

    @property
    def held(self) -> Mapping[int, Reached]:
        """Give the shards that this process has, and how far each has come."""
        ...

    def acquire(self, *, first: bool = False) -> bool:
        """Take the share of one who works, or give back what is more; false for none at all.

        To be called by the thread that decides, between two writes, again and again. It takes
        none while another has the `first`, if that is wanted.
        """
        ...

    def release(self) -> None:
        """Leave all of it to whoever works."""
        ...

    @property
    def changes(self) -> int:
        """Count how often `acquire` left other shards held than before."""
        ...

    def lowest(self) -> Reached:
        """Read how far all shards have come."""
        ...

    def is_held(self) -> bool:
        """Tell whether some process has it, this one or another."""
        ...

    def renew(self) -> None:
        """Hold on to it, also while nothing is written; raises LeaseLost."""
        ...

    def append(self, what: Append) -> int:
        """Write as `Store.append` does, if all is held until that is on disk; raises LeaseLost."""
        ...


class Store(Protocol):
    """Keep the log, and the tables beside it.

    `folder` is this machine's own, for views and what else is no ledger. `as_others` is counted up
    by who has told of people or courses beside the writer.
    """

    folder: Path
    as_others: int

    @property
    def mark(self) -> Mark: ...
    @property
    def lease(self) -> Lease: ...

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Run a wing's `CREATE … IF NOT EXISTS` script; twice is harmless. Tell whether it may be.

        Tables of an older version gain columns. Raises LedgerError for one that cannot be used.
        """
        ...

    def remember_end(self, table: str, column: str) -> None:
        """Let the mark say how far a table has come, from each commit on."""
        ...

    shared: bool
    """Whether others may write whom no lock of the folder shows: then nothing may take long."""

    def append(self, what: Append) -> int:
        """Write all of it, on disk when this returns; return the position of its last event.

        Or else the number that was `asked` for. Raises IntegrityError, and nothing is kept.

        Then somebody else was quicker. What to do only the caller knows: read again and decide
        anew, or leave it to them. Where several processes write it also raises LeaseLost, and
        nothing is kept; or Unknown, and only a look can tell.
        """
        ...

    def transaction(self, *, waking: bool = True) -> AbstractContextManager[TableWriter]:
        """Begin a transaction of tables: all of it is on disk when the block ends, or none of it.

        Unless `waking`, who waits for a commit sleeps on.
        """
        ...

    def one_moment(self) -> AbstractContextManager[None]:
        """Let this thread read as of one commit."""
        ...

    def end(self) -> int:
        """Read the position of the newest event; 0 for an empty log."""
        ...

    def log(
        self, after: int, limit: int, topics: Collection[str] = (), until: int = END
    ) -> list[LogRow]:
        """Read a page of the log behind a position, or only what has these topics."""
        ...

    def stream(
        self,
        id: str,
        after: int = 0,
        until: int = END,
        *,
        newest_first: bool = False,
        limit: int = END,
    ) -> list[LogRow]:
        """Read one stream in order of version, behind one and up to another."""
        ...

    def ids(self, beginning: str, limit: int) -> list[str]:
        """Find the streams whose id begins so, at most so many."""
        ...

    def firsts(self, beginning: str, containing: bytes) -> Iterable[Row]:
        """Read the first events of streams whose id begins so, of those with these bytes."""
        ...

    def streams(self, ids: Sequence[str]) -> Iterator[Row]:
        """Read many streams at once, each in order of version."""
        ...

    def newest(self, ids: Sequence[str]) -> dict[str, int]:
        """Read the newest version of many streams, 0 for one that is not there."""
        ...

    def erasable(self, stream: str) -> dict[str, str]:
        """Read what is kept beside one stream and not erased yet."""
        ...

    def wait(self, seen: int, seconds: float) -> int:
        """Wait until something was committed since `seen`, at most so long; return the next `seen`.

        With -1 it gives the first one at once.
        """
        ...

    def wake(self) -> None:
        """Tell all who wait for a commit to look again."""
        ...

    def revision(self) -> int:
        """Give what grows as another process writes what may be remembered."""
        ...

    def reader(self) -> TableReader:
        """Give this thread its own connection for reading tables."""
        ...

    def columns(self, table: str) -> frozenset[str]:
        """Name the columns of a table; none where there is no such table."""
        ...

    def sharing(self) -> Sharing | None:
        """Say who has which shards; None where one process has the whole ledger."""
        ...

    def durability(self) -> Durability:
        """Say what is promised of a letter that was answered 202."""
        ...

    def damage(self) -> list[str]:
        """List what is wrong with the ledger as it is kept."""
        ...

    def give_room(self) -> None:
        """Make ready for writing in many places of large tables."""
        ...

    def checkpoint(self) -> None:
        """Leave the ledger tidy for whoever opens it next."""
        ...

    def close(self) -> None:
        """Close every connection; it is of no use afterwards. Twice is harmless."""
        ...


class ReadOnlyStore(Store, Protocol):
    """Read a ledger that may belong to somebody else, and change nothing of it."""

    def is_out_of_date(self) -> bool:
        """Tell whether what was read may have changed meanwhile: read again."""
        ...
