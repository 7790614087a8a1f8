"""Keep every delivery exactly as it came, and what became of it."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from service.incoming.feeds import Feeds
from service.incoming.letter import (
    Arrival,
    EventOutcome,
    Letter,
    encode,
    letter_fields,
    outcomes_in,
)
from service.incoming.parts import Parts
from service.ledger.sql import STORE_ERRORS, Cursor, Statement, upsert
from service.ledger.store import END, Append, Reached, Store


def runs_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Find unbroken runs, so that a letter which began to wait in between is not lost."""
    runs: list[tuple[int, int]] = []
    for n in sorted(numbers):
        if runs and runs[-1][1] == n - 1:
            runs[-1] = (runs[-1][0], n)
        else:
            runs.append((n, n))
    return runs


def letter_state(outcomes: Sequence[EventOutcome]) -> str:
    """Give the state of a letter whose events became these."""
    return "set_aside" if any(o.state == "set_aside" for o in outcomes) else "taken"


LETTERS = """
CREATE TABLE IF NOT EXISTS letters (
    n INTEGER PRIMARY KEY, source TEXT NOT NULL, received_at INTEGER NOT NULL,
    headers TEXT NOT NULL, body BLOB
);
CREATE TABLE IF NOT EXISTS waiting (
    n INTEGER PRIMARY KEY, source TEXT NOT NULL, before TEXT, turn INTEGER
);
CREATE INDEX IF NOT EXISTS waiting_by_turn ON waiting (turn) WHERE turn IS NOT NULL;
CREATE TABLE IF NOT EXISTS doors (one INTEGER PRIMARY KEY, commits INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS turns (one INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS imported (n INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS taken (
    n INTEGER PRIMARY KEY, taken_at INTEGER NOT NULL, state TEXT NOT NULL, events TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS taken_by_state ON taken (state);
CREATE TABLE IF NOT EXISTS set_aside (
    n INTEGER, item INTEGER, name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (n, item)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS premature (n INTEGER PRIMARY KEY, again_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS premature_by_time ON premature (again_at);
"""
COLUMNS = (
    "l.n, l.source, l.received_at, l.headers, l.body IS NULL, i.n, w.n, w.before, t.taken_at, "
    "t.state, t.events FROM letters l LEFT JOIN imported i ON i.n = l.n "
    "LEFT JOIN waiting w ON w.n = l.n LEFT JOIN taken t ON t.n = l.n"
)
LETTER_STATES = ("taken", "set_aside", "waiting")
COUNTS = """
SELECT (SELECT COALESCE(MAX(n), 0) FROM letters),
    (SELECT COUNT(*) FROM taken WHERE state = 'taken'),
    (SELECT COUNT(*) FROM taken WHERE state = 'set_aside'),
    (SELECT COUNT(*) FROM waiting)
"""
WAITING = (
    "SELECT w.n, w.source, l.received_at, l.body, w.before, i.n, l.headers, w.turn "
    "FROM waiting w JOIN letters l ON l.n = w.n LEFT JOIN imported i ON i.n = w.n WHERE "
)
ANY = f"{WAITING} w.n > ? ORDER BY w.n LIMIT ?"
FRESH = f"{WAITING} w.turn IS NULL AND w.n > ? ORDER BY w.n LIMIT ?"
AGAIN = f"{WAITING} w.turn > ? ORDER BY w.turn LIMIT ?"
NEWS = (
    "SELECT EXISTS (SELECT 1 FROM waiting WHERE turn IS NULL AND n > ?), "
    "EXISTS (SELECT 1 FROM waiting WHERE turn > ?)"
)
ROWS_PER_INSERT = 64
LOOKS = (0.005, 0.25)
"""The shortest pause and the longest (s), of who waits for a letter that another process keeps."""

IN_LINE = upsert("doors", ("one",), (), counted=("commits",))
"""Holds the one row for which all doors wait. So numbers come in the order of commits: who has
passed a letter never sees one before it any more (decision 43)."""

LETTER = (
    "INSERT INTO letters (n, source, received_at, headers, body) "
    "SELECT last + column1, column2, column3, column4, column5 "
    "FROM (SELECT coalesce(MAX(n), 0) AS last FROM letters) AS there, (VALUES {}) AS came"
)
LAST = "SELECT coalesce(MAX(n), 0) FROM letters"
NEWEST = "WHERE n > (SELECT MAX(n) FROM letters) - ?"
NOW_WAITING = f"INSERT INTO waiting (n, source) SELECT n, source FROM letters {NEWEST}"
IMPORTED = f"INSERT INTO imported (n) SELECT n FROM letters {NEWEST}"
TAKEN = "INSERT INTO taken (n, taken_at, state, events) VALUES (?, ?, ?, ?)"
SET_ASIDE = "INSERT INTO set_aside (n, item, name, reason) VALUES (?, ?, ?, ?)"
NO_MORE_WAITING = "DELETE FROM waiting WHERE n BETWEEN ? AND ?"
LAST_TURN = "SELECT coalesce(MAX(last), 0) FROM turns"
TURNS = upsert("turns", ("one",), (), counted=("last",))


class ContentHeaders(msgspec.Struct, gc=False):
    """Hold the kept header that says what the bytes of a body are."""

    content_type: str = msgspec.field(name="content-type", default="")


CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^\s;"']+)""", re.IGNORECASE)
_content = msgspec.json.Decoder(ContentHeaders)


def charset_in(headers: str) -> str:
    """Read the charset that stored headers name (RFC 9110 §8.3.1), in small letters."""
    found = CHARSET.search(_content.decode(headers).content_type)
    return found[1].lower() if found else ""


class Letters:
    """Keep the letters of one ledger.

    A letter has one row, in `waiting` or in `taken` (as `taken` or `set_aside`): never both, never
    neither. `letters` is only added to; its bodies become NULL when their time is over. `came` is
    set when some wait that did not before, by this process.
    """

    def __init__(self, ledger: Store) -> None:
        """Make the tables if they are missing."""
        self._ledger = ledger
        self.came = threading.Event()
        self.feeds = Feeds(ledger)
        self.parts = Parts(ledger)
        ledger.create(LETTERS, remembered=False)
        ledger.remember_end("letters", "n")

    def keep(
        self,
        arrivals: Sequence[Arrival],
        *,
        imported: bool = False,
        skipped: Mapping[str, int] = {},
    ) -> list[int]:
        """Put arrivals on disk in one commit; return their receipts in the same order.

        Of `imported` ones nobody is told, and they say nothing about how their feed is.
        `skipped` are messages of queues that were not kept, counted by source.
        """
        count = len(arrivals)
        tables = [
            (IN_LINE, [(1, 1)]),
            *_inserts(arrivals),
            (NOW_WAITING, [(count,)]),
            (IMPORTED, [(count,)]) if imported else self.feeds.kept(count),
            self.feeds.skipped(skipped),
        ]
        last = self._ledger.append(Append(tables=tables, asked=LAST))
        self.came.set()
        return [*range(last + 1 - count, last + 1)]

    def from_queue(self, source: str) -> Callable[[Sequence[Arrival], int], object]:
        """Give what keeps messages of a queue, and counts those it skipped."""
        return lambda arrivals, skipped: self.keep(arrivals, skipped={source: skipped})

    def waiting(self, limit: int, limit_bytes: int = END, *, after: int = 0) -> list[Letter]:
        """Read the letters nobody has taken, oldest first; no more once they fill `limit_bytes`."""
        return self._letters(ANY, after, limit, limit_bytes=limit_bytes)

    def page(self, marks: Reached, limit: int, limit_bytes: int) -> list[Letter]:
        """Read letters beyond these marks: those first that wait again, then the oldest."""
        again = self._letters(AGAIN, marks.again, limit, limit_bytes=limit_bytes)
        left = limit_bytes - sum(len(letter.body) for letter in again)
        if len(again) == limit or left <= 0:
            return again
        return again + self._letters(FRESH, marks.upto, limit - len(again), limit_bytes=left)

    def _letters(self, query: str, after: int, limit: int, limit_bytes: int) -> list[Letter]:
        letters: list[Letter] = []
        rows = self._ledger.reader().execute(query, (after, limit))
        for n, source, at, body, before, imported, headers, turn in rows:
            outcomes = outcomes_in(before) if before else None
            of_import, charset = imported is not None, charset_in(headers)
            letters.append(Letter(n, source, at, body or b"", outcomes, of_import, charset, turn))
            limit_bytes -= len(body or b"")
            if limit_bytes <= 0:
                break
        return letters

    def wait(self, seconds: float, news: Callable[[], bool]) -> None:
        """Wait until there is `news`, whichever process has kept it; at most so long."""
        until, pause = time.monotonic() + seconds, LOOKS[0]
        while not self.came.wait(min(pause, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until or _may_be(news):
                return
            pause = min(2 * pause, LOOKS[1])

    def any_beyond(self, marks: Reached) -> bool:
        """Tell whether a letter waits beyond these marks."""
        return any(self._ledger.reader().execute(NEWS, marks).fetchone())

    def waiting_more_than(self, count: int) -> bool:
        """Tell whether so many letters and one more wait to be taken."""
        query = "SELECT 1 FROM waiting LIMIT 1 OFFSET ?"
        return self._ledger.reader().execute(query, (count,)).fetchone() is not None

    def imported_waiting(self) -> int:
        """Read how many imported letters nobody has taken yet."""
        query = "SELECT COUNT(*) FROM waiting JOIN imported USING (n)"
        return int(self._ledger.reader().execute(query).fetchone()[0])

    def outcomes(self, first: int, last: int) -> Iterator[list[EventOutcome]]:
        """Read what became of the events of each taken letter from `first` to `last`."""
        rows = self._ledger.reader().execute(
            "SELECT events FROM taken WHERE n BETWEEN ? AND ?", (first, last)
        )
        return (outcomes_in(row[0]) for row in rows)

    def oldest_waiting(self) -> int | None:
        """Read when the oldest waiting letter came, in ms; None when nothing waits."""
        query = "SELECT received_at FROM letters WHERE n = (SELECT MIN(n) FROM waiting)"
        found = self._ledger.reader().execute(query).fetchone()
        return None if found is None else int(found[0])

    def newest_taken_at(self) -> int | None:
        """Read when the newest letter was taken, in ms; None before the first."""
        row = self._ledger.reader().execute("SELECT taken_at FROM taken ORDER BY n DESC LIMIT 1")
        found = row.fetchone()
        return None if found is None else int(found[0])

    def marks(
        self, taken: Sequence[tuple[int, list[EventOutcome]]], now: int
    ) -> Iterator[Statement]:
        """Give what records what became of each letter, by its number."""
        yield (
            TAKEN,
            [(n, now, letter_state(outcomes), encode(outcomes).decode()) for n, outcomes in taken],
        )
        yield (
            SET_ASIDE,
            [
                (n, item, outcome.name, outcome.reason)
                for n, outcomes in taken
                for item, outcome in enumerate(outcomes)
                if outcome.state == "set_aside"
            ],
        )
        yield NO_MORE_WAITING, runs_of(n for n, _ in taken)

    def show(self, n: int) -> dict[str, Any] | None:
        """Read one letter and what became of each of its events; None for a receipt never given.

        Times are ms. `events` are the outcomes of the last taking, also while it waits again.
        """
        row = self._ledger.reader().execute(f"SELECT {COLUMNS} WHERE l.n = ?", (n,)).fetchone()
        return None if row is None else letter_fields(row)

    def body(self, n: int) -> bytes | None:
        """Read the bytes as they came; None when there is no such letter or its time is over."""
        row = self._ledger.reader().execute("SELECT body FROM letters WHERE n = ?", (n,)).fetchone()
        return None if row is None else row[0]

    def listing(self, state: str | None, limit: int, after: int | None) -> list[dict[str, Any]]:
        """Read letters as `show` gives them, newest first, in one state or in all.

        `after` is the `n` of the last letter of the page before.
        """
        special = {None: ("l.n", ""), "waiting": ("w.n", "w.n IS NOT NULL AND ")}
        driving, where = special.get(state, ("t.n", "t.state = :state AND "))
        rows = self._ledger.reader().execute(
            f"SELECT {COLUMNS} WHERE {where}{driving} < :after "
            f"ORDER BY {driving} DESC LIMIT :limit",
            {"state": state, "after": END if after is None else after, "limit": limit},
        )
        return [letter_fields(row) for row in rows]

    def retry(self, numbers: Sequence[int]) -> int:
        """Let set-aside letters wait again; return how many. Twice is harmless.

        A letter whose body is gone stays set aside.
        """
        with self._ledger.transaction() as cursor:
            last = cursor.execute(LAST_TURN).fetchone()[0]
            turns = enumerate(numbers, start=last + 1)
            count = sum(_wait_again(cursor, n, turn) for turn, n in turns)
            cursor.execute(TURNS, (1, len(numbers)))
        self.came.set()
        return count

    def try_again(self, moments: Sequence[tuple[int, int]]) -> Statement:
        """Give what notes when letters just set aside are to wait again (number, ms UTC)."""
        return "INSERT INTO premature (n, again_at) VALUES (?, ?)", moments

    def retry_due(self, now: int, limit: int) -> None:
        """Let letters wait again of which an event is from the future no more."""
        query = "SELECT n FROM premature WHERE again_at <= ? ORDER BY again_at LIMIT ?"
        found = self._ledger.reader().execute(query, (now, limit)).fetchall()
        if found:
            self.retry([n for (n,) in found])

    def counts(self) -> dict[str, int]:
        """Read how many letters were ever accepted, and how many are in each state now."""
        row = self._ledger.reader().execute(COUNTS).fetchone()
        return dict(zip(("accepted", *LETTER_STATES), row, strict=True))


def unaccounted(counts: Mapping[str, int]) -> int:
    """Count the letters in no state, of what `Letters.counts` gives: there must be none."""
    return counts["accepted"] - sum(counts[state] for state in LETTER_STATES)


def _inserts(arrivals: Sequence[Arrival]) -> Iterator[Statement]:
    """Insert many by one statement: each gives up the interpreter, and the webhook wants it."""
    for start in range(0, len(arrivals), ROWS_PER_INSERT):
        some = arrivals[start : start + ROWS_PER_INSERT]
        rows = [
            (place, each.source, each.received_at, encode(each.headers).decode(), each.body)
            for place, each in enumerate(some, start=1)
        ]
        marks = ",".join(["(?, ?, ?, ?, ?)"] * len(rows))
        yield LETTER.format(marks), [[value for row in rows for value in row]]


def _wait_again(cursor: Cursor, n: int, turn: int) -> int:
    cursor.execute("DELETE FROM premature WHERE n = ?", (n,))
    again = cursor.execute(
        "INSERT INTO waiting (n, source, before, turn) SELECT t.n, l.source, t.events, ? "
        "FROM taken t JOIN letters l ON l.n = t.n "
        "WHERE t.n = ? AND t.state = 'set_aside' AND l.body IS NOT NULL",
        (turn, n),
    )
    if again.rowcount:
        cursor.execute("DELETE FROM taken WHERE n = ?", (n,))
        cursor.execute("DELETE FROM set_aside WHERE n = ?", (n,))
        return 1
    return 0


def _may_be(news: Callable[[], bool]) -> bool:
    """Tell whether to go and look; whoever does meets what keeps this from being known."""
    try:
        return news()
    except STORE_ERRORS:
        return True
