"""Keep what the numbers mean by which a learning management system names time zones."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import attrgetter

import msgspec

from service.learners.directory.tables.csv_cells import CsvColumns, Key, RowCells, RowScope
from service.learners.directory.tables.csv_file import (
    CsvTable,
    RowProblem,
    UnreadableCsv,
    column_key,
)
from service.learners.directory.tables.csv_import import read_rows
from service.learners.directory.time_zones import ReadName, read_zone
from service.ledger.sql import Cursor, upsert
from service.ledger.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS zone_codes (
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    code TEXT NOT NULL,
    zone TEXT NOT NULL,
    PRIMARY KEY (source, account, code)
) WITHOUT ROWID;
"""
WRITE = upsert("zone_codes", ("source", "account", "code"), ("zone",))
COLUMNS = {"code": "id", "zone": "zone", "source": "source", "account": "account"}


class ZoneCode(msgspec.Struct, frozen=True):
    """Say which zone a source and account mean by a code; empty ones mean everywhere."""

    source: str
    account: str
    code: str
    zone: str

    @property
    def key(self) -> Key:
        """Give the key that tells this code from any other."""
        return self.source, self.account, self.code


class ZoneCodes:
    """Keep the codes of one ledger; what was read is remembered until others are stored."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        ledger.create(TABLE)

    def read(self, source: str, account: str, text: str) -> ReadName:
        """Read a zone as an account writes it, by a code of its own list or by any name."""
        places = (source, account), (source, ""), ("", "")
        codes = (self._zones.get((*place, text)) for place in places) if self._zones else ()
        return read_zone(next(filter(None, codes), text))

    def store(self, cursor: Cursor, rows: Sequence[ZoneCode], now: int) -> tuple[int, int, int]:
        """Keep codes; return how many were added, changed and unchanged. Twice changes nothing."""
        known = {row.key: self._zones.get(row.key) for row in rows}
        changes = [row for row in rows if known[row.key] != row.zone]
        in_order = sorted(changes, key=attrgetter("key"))
        cursor.executemany(WRITE, [(*row.key, row.zone) for row in in_order])
        del self._zones
        added = sum(known[row.key] is None for row in changes)
        return added, len(changes) - added, len(rows) - len(changes)

    @cached_property
    def _zones(self) -> dict[Key, str]:
        query = "SELECT source, account, code, zone FROM zone_codes"
        rows = self._ledger.reader().execute(query)
        return {(source, account, code): zone for source, account, code, zone in rows}


def zone_codes_in(table: CsvTable, scope: RowScope) -> Iterator[ZoneCode | RowProblem]:
    """Read codes and their zones from a file; raises UnreadableCsv if a column is not there.

    Those of an account without a source are Adobe's.
    """
    if not {"code", "zone"} <= {column_key(title) for title in table.header}:
        raise UnreadableCsv(f"{table.name}:1: expected the columns code and zone")
    if scope.account and not scope.source:
        scope = scope._replace(source="adobe")
    return read_rows(table, CsvColumns(table, COLUMNS), lambda cells: _code(cells, scope))


def _code(cells: RowCells, scope: RowScope) -> ZoneCode:
    source, account, code = cells.key(scope, "the account's code of a zone")
    found = read_zone(cells.raw("zone") or "")
    if found.name is None:
        raise cells.unusable("zone", f"expected a zone; {found.advice}")
    return ZoneCode(source, account, code, zone=found.name)
