"""Find out from PostgreSQL which tables a ledger has beside its log, and bring older ones up."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from service.ledger.migration.table_shape import Column, TableShape
from service.ledger.postgresql.connections import Session, told
from service.ledger.postgresql.portable_sql import AS_HERE
from service.ledger.store import LedgerError

HERE = "relnamespace = current_schema()::regnamespace AND relkind = 'r'"
COLUMNS = f"""
SELECT relname, attname, format_type(atttypid, NULL), attnotnull, pg_get_expr(adbin, adrelid)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {HERE} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY relname, attnum
"""
CONSTRAINTS = f"""
SELECT relname, contype::text, pg_get_expr(conbin, conrelid), array(
  SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS part (n, place)
  JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = part.n ORDER BY place)
FROM pg_constraint JOIN pg_class AS c ON c.oid = conrelid WHERE {HERE} ORDER BY 1, 2, 4
"""
KINDS = {
    "bigint": "INTEGER",
    "integer": "INTEGER",
    "text": "TEXT",
    "bytea": "BLOB",
    "double precision": "REAL",
}
QUOTED = re.compile(r"^'(-?\d+)'$")
CAST = re.compile(r"::[\w ]+$")
BRACKETS = re.compile(r"^\((.*)\)$")


def tables_of(session: Session, wanted: Callable[[str], bool]) -> dict[str, TableShape]:
    """Describe the tables with wanted names; raises LedgerError for one that no ledger has."""
    with told():
        columns = session.execute(COLUMNS).fetchall()
        constraints = session.execute(CONSTRAINTS).fetchall()
    found: dict[str, list[Column]] = defaultdict(list)
    for table, name, kind, needed, default in columns:
        if wanted(table):
            found[table].append(
                Column(name, KINDS.get(kind) or str(kind), needed, _default(kind, default))
            )
    return {
        table: _shape(table, columns, [row for row in constraints if row[0] == table])
        for table, columns in found.items()
    }


def _default(kind: str, default: str | None) -> str | None:
    """Write a default as scripts do; PostgreSQL adds its type, and quotes a number below 0."""
    plain = None if default is None else CAST.sub("", default)
    return QUOTED.sub(r"\1", plain) if plain and KINDS.get(kind) != "TEXT" else plain


def _shape(table: str, columns: list[Column], constraints: list[Any]) -> TableShape:
    key: list[str] = next((names for _, kind, _, names in constraints if kind == "p"), [])
    if not key or not {each.kind for each in columns} <= set(KINDS.values()):
        raise LedgerError(
            f"PostgreSQL: the table {table}: expected a table of Coursebell's, with a primary key, "
            "got another; take it out of the schema"
        )
    unique = [names for _, kind, _, names in constraints if kind == "u"]
    checks = [BRACKETS.sub(r"\1", said) for _, kind, said, _ in constraints if kind == "c"]
    return TableShape(table, columns, key, unique=unique, checks=checks)


def bring_up(session: Session, meant: Mapping[str, TableShape]) -> None:
    """Give tables of an older version what columns they lack, if they may be empty.

    Numbers that an older file had as texts become numbers. Raises LedgerError for tables that
    cannot be used.
    """
    there = tables_of(session, meant.__contains__) if meant else {}
    for name in meant.keys() & there.keys():
        for change in _changes(meant[name], there[name]):
            with told():
                session.execute(f'ALTER TABLE "{name}" {change}')


def _changes(meant: TableShape, there: TableShape) -> list[str]:
    known: Mapping[str, Column] = {each.name: each for each in there.columns}
    wanted = {each.name for each in meant.columns}
    if odd := [each for each in there.columns if each.needed and each.name not in wanted]:
        return _refused(meant, f"a column {odd[0].name}, which must not be empty")
    changes = []
    for column in meant.columns:
        kind = AS_HERE[column.kind]
        if column.name not in known and column.needed:
            return _refused(meant, f"no column {column.name}, which this program expects")
        if column.name not in known:
            changes.append(f'ADD COLUMN IF NOT EXISTS "{column.name}" {kind}')
        elif known[column.name].kind == "TEXT" and column.kind == "INTEGER":
            name = f'"{column.name}"'
            changes.append(f"ALTER COLUMN {name} TYPE {kind} USING CAST({name} AS {kind})")
    return changes


def _refused(table: TableShape, why: str) -> list[str]:
    raise LedgerError(
        f"PostgreSQL: the table {table.name} has {why}; run the Coursebell version that made it"
    )
