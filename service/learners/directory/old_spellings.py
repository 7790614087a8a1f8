"""Bring what older versions kept as it came into the form by which it is found."""

from service.learners.directory.people_table import (
    DATA,
    DERIVED,
    ODD_GROUPS,
    ODD_IDS,
    ODD_KEYS,
    PersonKey,
    address_key,
    derived,
)
from service.learners.text_form import text_form
from service.ledger.ledger import Ledger
from service.ledger.sql import Connection, Cursor

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

TAKEN = "SELECT id, told_at IS NULL FROM people WHERE source = ? AND account = ? AND lms_id = ?"
TAKE_OVER = (
    f"UPDATE people SET ({DATA}, left_at, {', '.join(DERIVED)}) = "
    f"(SELECT {DATA}, left_at, {', '.join(DERIVED)} FROM people WHERE id = ?) WHERE id = ?"
)


def spell_people_anew(ledger: Ledger) -> None:
    """Bring ids and group names that older versions kept as they came into their form."""
    if not any(_old_spellings(ledger.reader())):
        return
    with ledger.transaction() as cursor:
        ids, groups, keys = _old_spellings(cursor)
        cursor.executemany("UPDATE people SET address = ?, name_key = ? WHERE id = ?", keys)
        cursor.executemany(MERGE_AT, {key[:1] for key in keys})
        for row in ids:
            _rename(cursor, *row)
        cursor.executemany(
            "UPDATE OR REPLACE people_in_groups SET name = ? WHERE name = ?",
            [(text_form(name), name) for name in groups],
        )


def _old_spellings(
    cursor: Connection,
) -> tuple[list[tuple[str, PersonKey]], list[str], list[tuple[str | None, ...]]]:
    """Find the people, the groups, and the keys by which people are found, not in their form."""
    rows = cursor.execute(f"SELECT id, source, account, lms_id FROM people WHERE {ODD_IDS}")
    ids = [(row[0], row[1:]) for row in rows if text_form(row[3]) != row[3]]
    names = cursor.execute(f"SELECT DISTINCT name FROM people_in_groups WHERE {ODD_GROUPS}")
    groups = [name for (name,) in names if text_form(name) != name]
    rows = cursor.execute(f"SELECT id, name, email FROM people WHERE {ODD_KEYS}")
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


def spell_contacts_anew(ledger: Ledger) -> None:
    """Bring addresses that older versions told apart by case into their form."""
    capitals = "SELECT person, email FROM contacts WHERE address GLOB '*[A-Z]*'"
    if ledger.reader().execute(capitals).fetchone():
        with ledger.transaction() as cursor:
            keys = [(address_key(email), p) for p, email in cursor.execute(capitals).fetchall()]
            cursor.executemany("UPDATE contacts SET address = ? WHERE person = ?", keys)
