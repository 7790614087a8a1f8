"""List whose manager nobody could find, at the end of an import."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import msgspec

from service.learners.directory.managers import FoundManager, How, Managers
from service.learners.directory.people import People, Person, PersonRow, address_key
from service.ledger.sqlite.database import nameless_file

LINES_KEPT = 10

TABLE = "CREATE TABLE named (source, account, manager, lms_id, email, line)"
NAMED = """
SELECT source, account, manager, lms_id, email, MAX(line) FROM named
GROUP BY source, account, lms_id HAVING manager <> '' ORDER BY source, account, manager
"""
"""Of two rows of one person the later counts, whole
(https://www.sqlite.org/lang_select.html#bareagg)."""

WORDS: dict[How, tuple[str, str]] = {
    "nobody": ("person names a manager whom nobody is", "people name a manager whom nobody is"),
    "several": (
        "person names a manager whom several are",
        "people name a manager whom several are",
    ),
    "self": ("person is named as their own manager", "people are named as their own managers"),
    "circle": (
        "person stands in a circle of managers and has none",
        "people stand in a circle of managers and have none",
    ),
}

Named = tuple[str, str, str, str, str | None, int]
"""Source, account, how the manager is named, LMS id and address of who is led, and the line."""


class WithoutManager(msgspec.Struct):
    """Count the people whom an import names a manager they do not have, and their first lines."""

    why: How
    people: int = 0
    lines: list[int] = []

    def add(self, line: int) -> None:
        """Count one more."""
        self.people += 1
        self.lines = sorted([*self.lines, line])[:LINES_KEPT]

    def __str__(self) -> str:
        """Say how many and where, without a word of the rows."""
        one = self.people == 1
        more = ", …" * (self.people > len(self.lines))
        lines = ", ".join(map(str, self.lines))
        return f"{self.people:,} {WORDS[self.why][not one]} (line{'s'[: not one]} {lines}{more})"


class NamedManagers:
    """Note the managers that the rows of a file name, on disk, and look them up at its end.

    `moved` has one row for each who is named by an address that a later row took from them.
    """

    def __init__(self, people: People) -> None:
        self.moved: list[PersonRow] = []
        self._people = people
        self._managers = Managers(people)
        self._file = nameless_file(TABLE)

    def note(self, line: int, row: PersonRow) -> None:
        """Remember whom a row names."""
        if row.manager is not None:
            source, account, lms_id = row.key
            named: Named = (source, account, row.manager, lms_id, row.email, line)
            self._file.execute("INSERT INTO named VALUES (?, ?, ?, ?, ?, ?)", named)

    def without(self) -> list[WithoutManager]:
        """Look them all up, once the whole file is in; whom several name, once."""
        found = {why: WithoutManager(why) for why in WORDS}
        rows: Iterator[Named] = iter(self._file.execute(NAMED))
        for _, of_one in groupby(rows, itemgetter(0, 1, 2)):
            for how, line in self._judged(of_one):
                if how in found:
                    found[how].add(line)
        return [each for each in found.values() if each.people]

    def _judged(self, rows: Iterable[Named]) -> Iterator[tuple[How, int]]:
        """Say of rows that name one manager how each has found them, or why not."""
        manager, circular = None, False
        for row in rows:
            if manager is None:
                manager = self._managers.named((row[0], row[1], row[3], row[2]))
                if manager.how == "nobody" and "@" in row[2]:
                    self.moved.append(PersonRow(row[3], row[0], row[1], manager=row[2]))
                    manager = FoundManager(None, "address")
                above = manager.person
                circular = above is not None and self._managers.leads_to(above, above)
            doubtful = circular or _may_be_own(row, manager.person)
            yield self._looked_up(row) if doubtful else manager.how, row[5]

    def _looked_up(self, row: Named) -> How:
        led = self._people.find((row[0], row[1], row[3]))
        return self._managers.find(led).how if led else "none"

    def close(self) -> None:
        """Forget them."""
        self._file.close()


def _may_be_own(row: Named, manager: Person | None) -> bool:
    if manager is None:
        return False
    return manager.lms_id == row[3] or address_key(manager.email or "") == address_key(row[4] or "")
