"""Bring what older versions kept as it came into the form by which it is found."""

from service.learners.directory.people_table import (
    DATA,
    DERIVED,
    PersonKey,
    address_key,
    derived,
)
from service.learners.text_form import text_form
from service.ledger.sql import Cursor, Dialect, TableReader
from service.ledger.store import Store

ODD = """
CREATE INDEX IF NOT EXISTS people_with_odd_ids ON people (lms_id) WHERE {ids};
CREATE INDEX IF NOT EXISTS people_with_odd_keys ON people (id) WHERE {keys};
CREATE INDEX IF NOT EXISTS groups_with_odd_names ON people_in_groups (name) WHERE {groups};
"""
"""What may be spelled in several ways is little."""
FIRST_THERE = """(
    SELECT f.id FROM people f
    WHERE f.address = people.address AND f.source = people.source AND f.account = people.account
    ORDER BY f.lms_id IS NULL, f.id LIMIT 1
)"""
MERGE_AT = f"""
UPDATE people SET address = NULL, merged_into = {FIRST_THERE}
WHERE address = ? AND lms_id IS NULL AND id <> {FIRST_THERE}
"""
"""Who is known by their address alone becomes whoever else has it, in another spelling."""

JOIN_ANEW = """
INSERT INTO people_in_groups (name, person) SELECT ?, person FROM people_in_groups WHERE name = ?
ON CONFLICT DO NOTHING
"""
TAKEN = "SELECT id, told_at IS NULL FROM people WHERE source = ? AND account = ? AND lms_id = ?"
TAKE_OVER = (
    f"UPDATE people SET ({DATA}, left_at, {', '.join(DERIVED)}) = "
    f"(SELECT {DATA}, left_at, {', '.join(DERIVED)} FROM people WHERE id = ?) WHERE id = ?"
)


def odd_texts(dialect: Dialect) -> dict[str, str]:
    """Write which ids, keys of people, and names of groups may not be in their form."""
    capitals = dialect.has("address", "[A-Z]")
    return {
        "ids": dialect.has("lms_id", "[^!-~]"),
        "keys": f"{capitals} OR (name IS NOT NULL AND name_key IS NULL)",
        "groups": f"{dialect.has('name', '[^ -~]')} OR {dialect.has('name', '  ')}",
    }


def odd_indexes(dialect: Dialect) -> str:
    """Write the indexes by which they are found at once."""
    return ODD.format(**odd_texts(dialect))


def spell_people_anew(ledger: Store) -> None:
    """Bring ids and group names that older versions kept as they came into their form."""
    if not any(_old_spellings(ledger.reader())):
        return
    with ledger.transaction() as cursor:
        ids, groups, keys = _old_spellings(cursor)
        cursor.executemany("UPDATE people SET address = ?, name_key = ? WHERE id = ?", keys)
        cursor.executemany(MERGE_AT, sorted({key[:1] for key in keys if key[0]}))
        for row in ids:
            _rename(cursor, *row)
        cursor.executemany(JOIN_ANEW, [(text_form(name), name) for name in groups])
        cursor.executemany("DELETE FROM people_in_groups WHERE name = ?", [(n,) for n in groups])


def _old_spellings(
    cursor: TableReader,
) -> tuple[list[tuple[str, PersonKey]], list[str], list[tuple[str | None, ...]]]:
    """Find the people, the groups, and the keys by which people are found, not in their form."""
    odd = odd_texts(cursor.dialect)
    rows = cursor.execute(f"SELECT id, source, account, lms_id FROM people WHERE {odd['ids']}")
    ids = [(row[0], row[1:]) for row in rows if text_form(row[3]) != row[3]]
    names = cursor.execute(f"SELECT DISTINCT name FROM people_in_groups WHERE {odd['groups']}")
    groups = [name for (name,) in names if text_form(name) != name]
    rows = cursor.execute(f"SELECT id, name, email FROM people WHERE {odd['keys']}")
    return ids, groups, [(*derived(row[1:]), row[0]) for row in rows]


def _rename(cursor: Cursor, old: str, key: PersonKey) -> None:
    """Rename a person; who has the id already takes over what they were never told themselves."""
    source, account, lms_id = key
    taken = cursor.execute(TAKEN, (source, account, text_form(lms_id))).fetchone()
    if taken is None:
        cursor.execute("UPDATE people SET lms_id = ? WHERE id = ?", (text_form(lms_id), old))
        return
    person, knows_nothing = taken
    if knows_nothing:
        cursor.execute(TAKE_OVER, (old, person))
        cursor.execute("UPDATE people_in_groups SET person = ? WHERE person = ?", (person, old))
    cursor.execute("DELETE FROM people_in_groups WHERE person = ?", (old,))
    cursor.execute("DELETE FROM people WHERE id = ?", (old,))


def spell_contacts_anew(ledger: Store) -> None:
    """Bring addresses that older versions told apart by case into their form."""
    odd = ledger.reader().dialect.has("address", "[A-Z]")
    capitals = f"SELECT person, email FROM contacts WHERE {odd}"
    if ledger.reader().execute(capitals).fetchone():
        with ledger.transaction() as cursor:
            keys = [(address_key(email), p) for p, email in cursor.execute(capitals).fetchall()]
            cursor.executemany("UPDATE contacts SET address = ? WHERE person = ?", keys)
