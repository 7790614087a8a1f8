"""Turn what is said about people into rows; twice changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec

from service.learners.directory.group_lists import MAIN, groups_in, with_list
from service.learners.facts import id_form
from service.learners.text_form import name_words, text_form
from service.ledger.events import random_id
from service.ledger.sql import Cursor, TableReader, TableWriter, filled_in
from service.ledger.store import Store

KEYS_REMEMBERED = 16_384

PersonKey = tuple[str, str, str]
"""Source, account and LMS id; empty source and account mean everywhere."""


class Person(msgspec.Struct, frozen=True):
    """Describe a person as seen from one source and account.

    `manager` is an id, an address or a name; `unique_id` is the employer's own id; `left_as` says
    why they are not written to any more, e.g. `deleted`, and is empty while they are there: as
    was said of the moment `left_at` (ms UTC), None if nothing was.
    """

    id: str
    source: str
    account: str
    lms_id: str | None
    name: str | None = None
    email: str | None = None
    manager: str | None = None
    timezone: str | None = None
    locale: str | None = None
    unique_id: str | None = None
    left_as: str | None = None
    groups: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    left_at: int | None = None


class PersonRow(msgspec.Struct, frozen=True):
    """Hold what an import says of a person: None says nothing, empty says there is none."""

    lms_id: str
    source: str = ""
    account: str = ""
    name: str | None = None
    email: str | None = None
    manager: str | None = None
    timezone: str | None = None
    locale: str | None = None
    groups: tuple[str, ...] | None = None
    fields: dict[str, str] = {}
    unique_id: str | None = None
    left_as: str | None = None

    @property
    def key(self) -> PersonKey:
        """Give the key that tells this person from any other."""
        return self.source, self.account, id_form(self.lms_id)


@lru_cache(KEYS_REMEMBERED)
def address_key(address: str) -> str:
    """Make what two spellings of one address share: all but the case.

    RFC 5321 §2.4 leaves the case of the first part to its host; no mail host in use tells two
    people apart by it, and people write one address in many ways.
    """
    return text_form(address).lower()


@lru_cache(KEYS_REMEMBERED)
def name_key(name: str) -> str:
    """Make what spellings of one name share: its words, in whatever case, accents and order."""
    return " ".join(sorted(name_words(name)))


MISSING = "missing"
"""Why somebody has left who is in no full file any more."""

TABLE = """
CREATE TABLE IF NOT EXISTS people (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    lms_id TEXT,
    name TEXT,
    email TEXT,
    manager TEXT,
    timezone TEXT,
    locale TEXT,
    group_names TEXT NOT NULL DEFAULT '[]',
    fields TEXT NOT NULL DEFAULT '{}',
    address TEXT,
    told_at INTEGER,
    unique_id TEXT,
    left_as TEXT,
    left_at INTEGER,
    name_key TEXT,
    merged_into TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS people_by_lms_id ON people (lms_id, source, account);
CREATE INDEX IF NOT EXISTS people_by_address ON people (address) WHERE address IS NOT NULL;
CREATE INDEX IF NOT EXISTS people_by_unique_id ON people (unique_id) WHERE unique_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS people_missing ON people (id) WHERE left_as = 'missing';
CREATE INDEX IF NOT EXISTS people_by_name ON people (name_key) WHERE name_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS people_merged ON people (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE IF NOT EXISTS people_in_groups (
    name TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (name, person)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS groups_of_people ON people_in_groups (person);
CREATE TABLE IF NOT EXISTS choosers (
    address TEXT PRIMARY KEY,
    stream TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
"""
DATA = "name, email, manager, timezone, locale, unique_id, left_as, group_names, fields"
KEY = "id, source, account, lms_id"
COLUMNS = f"{KEY}, {DATA}, left_at"
DERIVED = ("address", "name_key", "told_at")
WRITTEN = f"{KEY}, {DATA}, left_at, {', '.join(DERIVED)}"
WRITE = (
    f"INSERT INTO people ({WRITTEN}) VALUES ({','.join('?' * len(WRITTEN.split(',')))}) "
    "ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("lms_id", *DERIVED, *DATA.split(", ")))
    + ", left_at = coalesce(excluded.left_at, people.left_at)"
)

SAY_AGAIN = "UPDATE people SET told_at = ?, left_at = coalesce(?, left_at) WHERE id = ?"
MERGE = "UPDATE people SET address = NULL, merged_into = ? WHERE id = ?"
SEEN = f"""
SELECT 1 FROM people p
WHERE p.address = :address AND p.source IN (:source, '') AND p.account IN (:account, '')
AND NOT EXISTS (
    SELECT 1 FROM people c WHERE c.lms_id = p.lms_id AND c.told_at IS NOT NULL
    AND c.source IN (:source, '') AND c.account IN (:account, '')
    AND {filled_in("c.source", "c.account")} > {filled_in("p.source", "p.account")}
    AND (c.address IS NULL OR c.address <> p.address)
)
"""
"""Rows at an address that no closer row with another address hides."""

CHOSEN = "SELECT address FROM choosers WHERE {of_these}"
AT = f"""(address IN ({CHOSEN})
OR id IN (SELECT person FROM contacts WHERE address IN ({CHOSEN})))"""
CHOOSING = f"SELECT id FROM people WHERE lms_id IN (SELECT lms_id FROM people WHERE {AT}) OR {AT}"

Data = tuple[str | None, ...]
"""What is known of a person, as stored, in the order of DATA."""

Addresses = dict[tuple[str, str, str], tuple[str, bool]]
"""By source, account and address: a person's id, and whether their LMS id is unknown."""

NOTHING: Data = (None, None, None, None, None, None, None, "[]", "{}")
NAME, EMAIL, LEFT_AS, GROUPS, FIELDS = 0, 1, 6, 7, 8


def readable_columns(ledger: Store) -> str:
    """Name the columns of a person; those that an older ledger lacks are empty."""
    there = ledger.columns("people")
    return ", ".join(c if c in there else f"NULL AS {c}" for c in COLUMNS.split(", "))


def register(
    cursor: TableWriter,
    wanted: Mapping[PersonKey, PersonRow],
    before: Mapping[PersonKey, Sequence[Any]],
    now: int,
    from_list: str = MAIN,
) -> tuple[int, int, int]:
    """Keep what the rows say; return how many people were added, changed and unchanged.

    What is said again is said of now: it is newer than what a letter or an API said meanwhile.
    `before` are the rows there are: id, when they were told of, and their data. The groups are
    those of one list.
    """
    waiting = _at_addresses(cursor, [row.email for row in wanted.values()])
    added, writes, known, again = 0, [], [], []
    for key, row in wanted.items():
        person, told, *old = before.get(key, (None, None, *NOTHING))
        data = _updated(tuple(old), row, from_list)
        left_at = None if row.left_as is None else now
        if told is not None and data == tuple(old):
            again += [(key, (now, left_at, person))] if _says_who(row, from_list) else []
            continue
        claimed = _claimed(cursor, waiting, row, known=person)
        if person is None:
            added += 1
        else:
            known.append(person)
        writes.append((person or claimed or random_id(now), *key, *data, left_at, now))
    _write(cursor, writes, known)
    cursor.executemany(SAY_AGAIN, [values for _, values in sorted(again)])
    _add_managers(cursor, list(wanted.values()), now)
    return added, len(writes) - added, len(wanted) - len(writes)


def _says_who(row: PersonRow, from_list: str) -> bool:
    """Tell whether a row says anything of a person but their groups; of a list only who left."""
    if from_list != MAIN:
        return row.left_as is not None
    said = (row.name, row.email, row.manager, row.timezone, row.locale, row.unique_id, row.left_as)
    return bool(row.fields) or any(each is not None for each in said)


def _updated(old: Data, row: PersonRow, from_list: str) -> Data:
    """Lay what the row says over the old data; who was missing is there again.

    A second list does not say who is there, only who is in its groups.
    """
    said = (row.name, row.email, row.manager, row.timezone, row.locale, row.unique_id, row.left_as)
    plain = [was if new is None else new or None for was, new in zip(old, said, strict=False)]
    if old[LEFT_AS] == MISSING and not row.left_as:
        plain[LEFT_AS] = None if from_list == MAIN else MISSING
    groups, fields = old[GROUPS], old[FIELDS]
    if row.groups is not None:
        groups = with_list(groups or "[]", from_list, row.groups)
    if row.fields:
        said_before = msgspec.json.decode(fields or "{}")
        merged = {
            text_form(name): text for name, text in [*said_before.items(), *row.fields.items()]
        }
        fields = _json({name: merged[name] for name in sorted(merged) if merged[name]})
    return (*plain, groups, fields)


def _claimed(
    cursor: Cursor, waiting: Addresses, row: PersonRow, *, known: str | None
) -> str | None:
    """Look up the person known only by this row's address, who turns out to be the row's.

    A new LMS id takes over their id; into one that is `known` by an id of its own they are merged:
    a list that is on its way to them is still told.
    """
    key = (row.source, row.account, address_key(row.email or ""))
    person, nameless = waiting.get(key, (None, False))
    if not nameless:
        return None
    del waiting[key]
    if known:
        cursor.execute(MERGE, (known, person))
    return person


def _at_addresses(cursor: TableWriter, addresses: Sequence[str | None]) -> Addresses:
    """Look up who is known at these addresses; of several, the one without an LMS id."""
    keys = sorted({address_key(address) for address in addresses if address})
    rows = cursor.execute(
        "SELECT source, account, address, id, lms_id IS NULL FROM people "
        f"WHERE {cursor.dialect.any_of('address')} ORDER BY lms_id IS NULL",
        (list(keys),),
    )
    return {row[:3]: (row[3], bool(row[4])) for row in rows}


def _write(
    cursor: Cursor, writes: Sequence[tuple[Any, ...]], regrouped: Iterable[str] = ()
) -> None:
    """Write whole rows and their groups, anew for those `regrouped`, all in order of their keys.

    A row is id, key, data, of when it is said whether they have left, and now.
    """
    in_order = sorted(writes, key=itemgetter(1, 2, 3))
    rows = [(*row[:-1], *derived(row[4:]), row[-1]) for row in in_order]
    cursor.executemany(WRITE, rows)
    cursor.executemany(
        "DELETE FROM people_in_groups WHERE person = ?", [(p,) for p in sorted(regrouped)]
    )
    cursor.executemany(
        "INSERT INTO people_in_groups (name, person) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [
            (text_form(name), row[0])
            for row in rows
            if row[11] != "[]"
            for name in groups_in(row[11])
        ],
    )


def derived(data: Sequence[Any]) -> tuple[str | None, str | None]:
    """Make what addresses and names are found by."""
    name, email = data[NAME], data[EMAIL]
    return address_key(email) if email else None, name_key(name) if name else None


def _add_managers(cursor: TableWriter, rows: Sequence[PersonRow], now: int) -> None:
    """Add the managers of whom only the address is known, each once."""
    led = [row for row in rows if row.manager and "@" in row.manager]
    known = _at_addresses(cursor, [row.manager for row in led])
    new: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for row in led:
        key = (row.source, row.account, address_key(row.manager or ""))
        if key not in known and key not in new and not _is_seen(cursor, *key):
            data = (None, row.manager, *NOTHING[2:])
            new[key] = (random_id(now), *key[:2], None, *data, None, now)
    _write(cursor, list(new.values()))


def _is_seen(cursor: Cursor, source: str, account: str, address: str) -> bool:
    """Tell whether someone at this address can be seen from the account."""
    named = {"source": source, "account": account, "address": address}
    return cursor.execute(SEEN, named).fetchone() is not None


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def meet_chooser(cursor: Cursor, address: str, now: int) -> str:
    """Give the stream of what is chosen at an address, from now on if it had none.

    Its id is random, as those of people are.
    """
    key = (address_key(address),)
    cursor.execute(
        "INSERT INTO choosers (address, stream) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (*key, f"r{random_id(now)}"),
    )
    query = "SELECT stream FROM choosers WHERE address = ?"
    return str(cursor.execute(query, key).fetchone()[0])


def choosing(reader: TableReader, streams: Iterable[str]) -> list[str]:
    """List the ids of who may read where these streams have choices: rows speak for others."""
    query = CHOOSING.format(of_these=reader.dialect.any_of("stream", ":streams"))
    return [id for (id,) in reader.execute(query, {"streams": list(streams)})]
