"""Sum up the values of a file that could not be read: a line for each, not for each row."""

import msgspec

from service.learners.directory.tables.csv_file import RowProblem

VALUES_KEPT = 1_000
"""A column with more of them holds something else, and nobody reads so many."""


class UnreadValue(msgspec.Struct):
    """Say how many rows have a value that could not be read, or is doubtful, and the first line.

    Without a value they are those of all others in the column, which are too many to name.
    """

    column: str
    value: str
    doubt: str
    advice: str
    line: int
    rows: int = 0

    def __str__(self) -> str:
        """Say `timezone: 412 rows have 'Berlin', which is no zone (first line 17); …`."""
        rows = f"{self.rows:,} rows have" if self.rows != 1 else "1 row has"
        if not self.value:
            return f"{self.column}: {rows} other values (first line {self.line})"
        value = f"'{self.value}', which {self.doubt}"
        return f"{self.column}: {rows} {value} (first line {self.line}); {self.advice}"


class ValueTally:
    """Count the rows of each value, in little memory."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], UnreadValue] = {}

    def note(self, problem: RowProblem) -> None:
        """Count one row if its problem is one of a value."""
        told = problem.by_value()
        if told is None:
            return
        key = told.column, told.value
        if key not in self._found and len(self._found) >= VALUES_KEPT:
            key = told.column, ""
        found = self._found.get(key)
        if found is None:
            found = UnreadValue(*key, doubt=told.expected, advice=told.advice(), line=told.line)
            self._found[key] = found
        found.rows += 1

    def values(self) -> list[UnreadValue]:
        """List the values by column, those of most rows first, and last those without a name."""
        return sorted(
            self._found.values(), key=lambda each: (each.column, not each.value, -each.rows)
        )
