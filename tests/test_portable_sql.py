"""SQL of the ledger's tables is what every engine takes: words that only one has are refused.

What must differ is written by the engine's `Dialect` (service/ledger/sql.py).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import ROOT, name_of, tree_of
from tests.test_house_shape import TABLES

ABOVE_THE_LEDGER = ("service/learners/", "service/incoming/", "service/rules/")
STAY_ON_SQLITE = {
    "service/learners/enrollment_views.py": "views are local files",
    "service/learners/directory/named_managers.py": "a file without a name, while one is read",
    "service/learners/directory/tables/seen_rows.py": "a file without a name, while one is read",
}
FILES = [
    ROOT / name
    for name in TABLES
    if name.startswith(ABOVE_THE_LEDGER) and name not in STAY_ON_SQLITE
]
IS_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|WHERE|FROM|AND|ORDER BY|CASE WHEN)\b")
REFUSED = {
    r"\bOR (IGNORE|REPLACE|ABORT|FAIL|ROLLBACK)\b|\bREPLACE INTO\b": "ON CONFLICT (…) DO …",
    r"\bifnull\(": "coalesce",
    r"\biif\(": "CASE WHEN",
    r"<> ''\) *[+*]|[+*] *\([^()]*[^<>]=[^()]*\)": "CASE WHEN, or filled_in: no truth is a number",
    r"\binstr\(|\bLIKE '[^']*[A-Za-z]": "a method of Dialect: LIKE tells capitals on one engine",
    r"\bGLOB\b|(?<![!<>=]) ~ ": "begins or has of Dialect",
    r"\bjson_\w+\(|->": "each, items, pairs or text_in of Dialect",
    r"= ANY\b|\bunnest\(": "any_of or each of Dialect",
    r"\bIN \(SELECT value\b|\bIN \(\{.*(marks|join)|\bIN \(\?(, ?\?){2,}": "any_of of Dialect",
    r"\bIN \(VALUES\b": "rows_of of people.py",
    r"(?<!WITHOUT )\browid\b|\blast_insert_rowid\b": "a number of the table's own",
    r"\brandom(blob)?\(|\bhex\(|\bchar\(|\bgen_random_uuid\(": "an id made by events.py",
    r"<<|\bLIMIT -": "a number",
    r"\bIS (NOT )?(\?|:\w|\w+\.\w)|\bIS (NOT )?DISTINCT FROM\b": "=, and IS NULL (SQLite < 3.39)",
    r"\bRETURNING\b": "rowcount, or a query: SQLite has it from 3.35 on",
    r"\b(MAX|MIN)\([^()]*,|\b(GREATEST|LEAST)\(": "CASE WHEN",
    r"= (\w+) \+ excluded\.": "the column with its table's name (upsert)",
    r"\bINSERT INTO \w+ +(VALUES|SELECT)\b|\bSELECT (\w+\.)?\*": "the columns by name",
    r"\bWHERE 1\b|^1 ": "TRUE",
    r"::\w|\bILIKE\b|\bstrftime\(|\bdatetime\(|\bnow\(|\btypeof\(|\bPRAGMA\b": "what both have",
}


def sql_in(path: Path) -> Iterator[tuple[int, str]]:
    """Give the texts of a file that are SQL, with their lines."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.JoinedStr | ast.Constant):
            text = str(node.value) if isinstance(node, ast.Constant) else _with_names(node)
            yield from [(node.lineno, text)] if IS_SQL.search(text) else []


def _with_names(text: ast.JoinedStr) -> str:
    """Give an f-string as it stands: what is put in by its name, in braces."""
    return "".join(
        f"{{{ast.unparse(each.value)}}}" if isinstance(each, ast.FormattedValue) else each.value
        for each in text.values
    )


def refused(sql: str) -> list[str]:
    """Say what to write instead of each word that one engine does not take."""
    text = " ".join(sql.split())
    return [
        f"{found[0]!r}: write {instead}"
        for word, instead in REFUSED.items()
        if (found := re.search(word, text))
    ]


def test_sql_above_the_ledger_is_what_every_engine_takes() -> None:
    assert len(FILES) > 15 and set(STAY_ON_SQLITE) <= set(TABLES)
    found = [
        f"{name_of(path)}:{line}: {why}"
        for path in FILES
        for line, sql in sql_in(path)
        for why in refused(sql)
    ]
    assert found == [], "\n".join(found)


def test_what_is_put_into_a_text_is_read_with_it(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("query = f\"SELECT 1 FROM a WHERE id IN ({','.join('?' * len(ids))})\"")
    assert next(refused(sql) for _, sql in sql_in(file))


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT OR REPLACE INTO courses (id) VALUES (?)",
        "UPDATE OR REPLACE people_in_groups SET name = ?",
        "SELECT ifnull(left_at, 0) FROM people",
        "SELECT iif(a = b, 1, 2) FROM people",
        "SELECT 1 FROM people ORDER BY (source <> '') + (account <> '')",
        "SELECT 1 FROM people WHERE told_at > a.at * (a.found = 1)",
        "SELECT 1 FROM people WHERE NOT instr(lms_id, '@')",
        "SELECT 1 FROM people WHERE lms_id LIKE '%after=%'",
        "CREATE INDEX x ON people (id) WHERE lms_id GLOB 'a*'",
        "SELECT e.key FROM people, json_each(fields) e",
        "SELECT state ->> 'a' FROM people",
        "SELECT 1 FROM people WHERE id = ANY(?)",
        "SELECT 1 FROM people WHERE id IN ({marks})",
        "SELECT 1 FROM people WHERE id IN (?, ?, ?)",
        "SELECT 1 FROM courses WHERE (id, source) IN (VALUES (?, ?))",
        "SELECT rowid FROM people",
        "INSERT INTO people (id) VALUES (lower(hex(randomblob(12))))",
        "SELECT 1 FROM people WHERE n < 1 << 62",
        "SELECT 1 FROM people WHERE name_key IS ?",
        "SELECT 1 FROM people WHERE c.address IS NOT p.address",
        "SELECT 1 FROM people WHERE a IS DISTINCT FROM b",
        "INSERT INTO people (id) VALUES (?) RETURNING id",
        "UPDATE feeds SET newest_at = MAX(newest_at, ?)",
        "INSERT INTO f (n) VALUES (?) ON CONFLICT (n) DO UPDATE SET n = n + excluded.n",
        "INSERT INTO people VALUES (?)",
        "INSERT INTO imported SELECT n FROM letters",
        "SELECT * FROM people",
        "SELECT id FROM people WHERE 1 ORDER BY id",
        "SELECT id::text FROM people",
    ],
)
def test_what_one_engine_does_not_take_is_refused(sql: str) -> None:
    assert IS_SQL.search(sql) and refused(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY) WITHOUT ROWID",
        "SELECT n FROM a WHERE b IN (?, '') AND c IN ('x', 'y') AND d IS NOT NULL",
        "INSERT INTO f (n) VALUES (?) ON CONFLICT (n) DO UPDATE SET n = f.n + excluded.n",
        "SELECT MAX(n), COUNT(*) FROM letters WHERE lms_id NOT LIKE '%@%'",
        "INSERT INTO a (n, b) SELECT coalesce(MAX(n), 0) + 1, ? FROM a",
    ],
)
def test_what_both_take_is_not(sql: str) -> None:
    assert refused(sql) == []
