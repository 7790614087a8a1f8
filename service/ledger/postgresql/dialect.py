"""Write for PostgreSQL what engines say in different words: a `Dialect`."""

from collections.abc import Iterable
from typing import Any


class PostgresqlDialect:
    """Write SQL for PostgreSQL, where a list is an array; texts compare by bytes there too."""

    log = "events"
    log_order = "lane, seq"

    def listed(self, values: Iterable[str] | Iterable[int]) -> list[Any]:
        """Give the list: its driver makes an array of it."""
        return list(values)

    def any_of(self, column: str, values: str = "?") -> str:
        """Look each of them up, by an index of the column if there is one."""
        return f"{column} = ANY({values})"

    def each(self, values: str, name: str) -> str:
        """Take the list apart."""
        return _by_bytes(f"unnest(CAST({values} AS text[]))", name)

    def items(self, column: str, name: str) -> str:
        """Take the array apart."""
        return f"LATERAL {_by_bytes(f'json_array_elements_text(CAST({column} AS json))', name)}"

    def pairs(self, column: str, name: str) -> str:
        """Take the object apart."""
        return f"json_each_text(CAST({column} AS json)) AS {name} (key, value)"

    def text_in(self, state: str, *path: str) -> str:
        """Read it by a function of the ledger's own: in an index there may be no other."""
        keys = ", ".join(f"'{name}'" for name in path)
        return f"text_in({state}, {keys})"

    def begins(self, column: str, words: str) -> str:
        """Match the beginning."""
        return f"starts_with({column}, '{words}')"

    def has(self, column: str, signs: str) -> str:
        """Match by bytes, as the column compares."""
        return f"{column} ~ '{signs}'"


def _by_bytes(values: str, name: str) -> str:
    return f'(SELECT v.value COLLATE "C" AS value FROM {values} AS v (value)) {name}'
