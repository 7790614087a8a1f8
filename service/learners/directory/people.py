"""Keep who an LMS id stands for: the only place with names and addresses."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

import msgspec

from service.learners.directory.group_lists import MAIN, groups_in, members
from service.learners.directory.merges import ANY_MERGED, NO_HEIR, Merges, inherit_merges, joined
from service.learners.directory.old_spellings import odd_indexes, spell_people_anew
from service.learners.directory.people_table import (
    DATA,
    TABLE,
    Person,
    PersonKey,
    PersonRow,
    address_key,
    readable_columns,
    register,
)
from service.learners.directory.reported import ReportedContacts, all_seen, filled, spoken_for
from service.learners.directory.same_person import ComparedRow, same_person
from service.learners.facts import Contact, id_form
from service.learners.text_form import text_form
from service.ledger.events import random_id
from service.ledger.sql import Statement, TableReader, TableWriter, counts, filled_in
from service.ledger.store import Store

__all__ = ["People", "Person", "PersonKey", "PersonRow", "address_key", "person_key"]

VISIBLE = "source IN (?, '') AND account IN (?, '')"
CLOSENESS = filled_in("source", "account")
CLOSEST_FIRST = f"told_at IS NULL, {CLOSENESS} DESC, source DESC"
OF_THESE = "{of_these} AND lms_id IS NOT NULL"
NAMESAKES = f"lms_id IN (SELECT lms_id FROM people WHERE {OF_THESE}) ORDER BY {CLOSEST_FIRST}"
MERGED = "SELECT merged_into FROM people m WHERE m.merged_into = people.id"
ALONE = f"{OF_THESE} AND merged_into IS NULL AND NOT EXISTS ({MERGED})"
MET = "INSERT INTO people (id, source, account, lms_id) VALUES (?, ?, ?, ?)"
_FIELDS = msgspec.json.Decoder(dict[str, str])


def person_key(source: str, account: str, lms_id: str) -> PersonKey:
    """Key a person by an LMS id in whatever spelling."""
    return source, account, id_form(lms_id)


class People:
    """Keep the people of one ledger, as imported, and else as letters say.

    `addresses_heard` counts the addresses that letters brought, and who left by them, so that
    others notice: whoever waits for one can be told now, or never.
    """

    def __init__(self, ledger: Store) -> None:
        self.contacts = ReportedContacts(ledger)
        self.addresses_heard = 0
        self._ledger = ledger
        if ledger.create(TABLE + odd_indexes(ledger.reader().dialect)):
            spell_people_anew(ledger)
        self._columns = readable_columns(ledger)
        self.has_keys = "NULL AS" not in self._columns  # an older ledger lacks some
        self.merges = Merges(ledger)
        self._has_choosers = bool(ledger.columns("choosers"))
        self._of_these = ledger.reader().dialect.any_of("id")

    def known(self, keys: Iterable[PersonKey]) -> dict[PersonKey, str]:
        """Look up the ids of the keys that have a row of their own, as of the last commit."""
        return {row[:3]: row[3] for row in rows_of(self._ledger.reader(), keys, "id")}

    def accounts(self, source: str | None) -> set[str]:
        """Look up the accounts that imports and letters have named, of a source or of any.

        An empty one is among them if letters named none; of an import it says everywhere.
        """
        rows = self._ledger.reader().execute(
            "SELECT DISTINCT account FROM people WHERE source = COALESCE(?, source) "
            "AND (account <> '' OR told_at IS NULL)",
            (source,),
        )
        return {account for (account,) in rows}

    def new_id(self, now: int) -> str:
        """Make a random id in the order of `now` (milliseconds since 1970 UTC)."""
        return random_id(now)

    def met(self, people: Sequence[tuple[str, PersonKey]]) -> Statement:
        """Give what adds people of whom nothing but the key is known, and whom nobody merges."""
        return MET, [(person, *key) for person, key in sorted(people, key=lambda each: each[1])]

    def alone(self, met: Iterable[str]) -> Statement:
        """Give what is a conflict where another process merged general rows of who is `met`."""
        return NO_HEIR, [(person,) for person in met]

    def meet(self, cursor: TableWriter, people: Sequence[tuple[str, PersonKey]]) -> None:
        """Add people of whom nothing but the key is known, merged as their general rows are.

        In the transaction that asked for those `known`: nobody else can meet them meanwhile.
        """
        cursor.executemany(*self.met(people))
        inherit_merges(cursor, [key for _, key in people])

    def meet_merged(self, met: Mapping[str, PersonKey]) -> bool:
        """Meet people at once, by their new ids, if any of them will be merged; else meet none."""
        if not self.is_merging() or not self.merges.inherits(met.values()):
            return False
        with self._ledger.transaction() as cursor:
            self.meet(cursor, list(met.items()))
        return True

    def get(self, person_id: str, said: Contact | None = None) -> Person | None:
        """Look up the person with the data of the closest row: their own, the source's, everyone's.

        `said` is what a letter of a transaction not yet committed says of them. Of somebody with
        several records it is the one that counts; what nobody said of that the others say.
        """
        found = self.records(person_id, said)
        return joined(found) if len(found) > 1 else next(iter(found), None)

    def records(self, person_id: str, said: Contact | None = None) -> list[Person]:
        """Look up all records of a person, the one that counts first."""
        ids = self.records_of(person_id)
        found = [self._record(each, said if each == person_id else None) for each in ids]
        known = [each for each in found if each is not None]
        return [each for each in known if each.lms_id is not None] or known

    def now(self, person: Person | None) -> Person | None:
        """Give somebody as they are known by now: by the record that counts, if theirs does not."""
        return self.get(person.id) if person and len(self.records_of(person.id)) > 1 else person

    def records_of(self, person: str) -> list[str]:
        """List the records of who has this one, the one that counts first."""
        return self.merges.records_of(person) if self.is_merging() else [person]

    def records_beside(self, person: str) -> list[str]:
        """List those of them that are of the same source and account."""
        return self.merges.records_beside(person) if self.is_merging() else [person]

    def choices_stream(self, address: str) -> str | None:
        """Name the stream of what whoever reads at an address chose; None where nobody did."""
        query = "SELECT stream FROM choosers WHERE address = ?"
        key = (address_key(address),)
        rows = self._ledger.reader().execute(query, key) if self._has_choosers else ()
        return next((stream for (stream,) in rows), None)

    def is_merging(self) -> bool:
        """Tell whether anybody has several records."""
        reader = self._ledger.reader()
        return self.merges.known and bool(reader.execute(ANY_MERGED).fetchone()[0])

    def _record(self, person_id: str, said: Contact | None) -> Person | None:
        """Look up one record of a person."""
        own = next(iter(self.imported_rows("id = ?", (person_id,))), None)
        if own is None or own.lms_id is None:
            return own
        return self.find((own.source, own.account, own.lms_id), person_id, said)

    def find(
        self, key: PersonKey, person_id: str | None = None, said: Contact | None = None
    ) -> Person | None:
        """Look up the person of this key as seen from its source and account.

        Without a row of their own they have the id of the row that speaks for them, or the
        `person_id` given (for someone met in a transaction not yet committed, as is what a
        letter `said` of them). A row for every source that contradicts their letters is about
        somebody else, and says nothing of them.
        """
        return self.among(self.visible(key), key, person_id, said)

    def among(
        self,
        rows: Sequence[Person],
        key: PersonKey,
        person_id: str | None = None,
        said: Contact | None = None,
    ) -> Person | None:
        """Find the person of a key among the rows `visible` of it, as `find` does."""
        own = [row.id for row in rows if (row.source, row.account) == key[:2]]
        said = said or self.said_of(own)
        return spoken_for(key, rows, (person_id or (own or [""])[0]), said)

    def everybody(self, limit: int) -> dict[str, Person | None]:
        """Look up people as `get` does, by id; none at all when there are more than `limit`."""
        rows = self.imported_rows(f"TRUE ORDER BY {CLOSEST_FIRST} LIMIT ?", (limit + 1,))
        if len(rows) > limit:
            return {}
        found = all_seen(rows, rows, self.contacts)
        merged = [each for record in self.merges.all() for each in self.records_of(record)]
        return found | {record: self.get(record) for record in merged if record in found}

    def several(self, persons: Iterable[str]) -> dict[str, Person | None]:
        """Look up those of these people who have an LMS id and one record, as `get` does, by id."""
        ids, of_these = list(persons), self._of_these
        own = self.imported_rows(ALONE.format(of_these=of_these), (ids,)) if ids else []
        rows = self.imported_rows(NAMESAKES.format(of_these=of_these), (ids,)) if own else []
        return all_seen(own, rows, self.contacts)

    def lms_ids(self, persons: Iterable[str]) -> dict[str, str]:
        """Look up the LMS ids of those people who have one, by person id."""
        query = f"SELECT id, lms_id FROM people WHERE lms_id IS NOT NULL AND {self._of_these}"
        return dict(self._ledger.reader().execute(query, (list(persons),)).fetchall())

    def in_group(
        self, group: str, source: str, account: str, person: str | None = None
    ) -> list[str]:
        """Look up a group as seen from an account, or from all; who has left is not in it.

        Closer rows hide general ones; who has several records is in it once. With a `person` only
        they are looked up, by whichever row.
        """
        records = self.records_of(person) if person else None
        rows = members(self._ledger, group, (source, account), records)
        found = (self._there(id) if is_merged else id for id, is_merged in rows)
        return list(dict.fromkeys(filter(None, found)))

    def _there(self, record: str) -> str | None:
        """Give the record that counts for one that was merged; None if that one has left."""
        person = self.get(record)
        return person.id if person and not person.left_as else None

    def page(self, after: str = "", limit: int = 100, *, left: bool = False) -> list[Person]:
        """Look up people as stored, in order of id, those after `after`; all, or who has `left`.

        An address alone is not listed any more once it turned out to be somebody.
        """
        known = "(lms_id IS NOT NULL OR merged_into IS NULL) AND" if self.has_keys else ""
        gone = "left_as IS NOT NULL AND" if left else ""
        return self._many(f"{known} {gone} id > ? ORDER BY id LIMIT ?", (after, limit))

    def namesakes(self, lms_id: str) -> list[Person]:
        """Look up every row with this LMS id, whatever its source and account."""
        return self._many("lms_id = ? ORDER BY source, account", (text_form(lms_id),))

    def verdicts(self, person: Person) -> list[ComparedRow]:
        """Say of a row, or of whoever it may speak for, whether it is about whom letters name."""
        rows = self.imported_rows("lms_id = ? ORDER BY source, account", (person.lms_id,))
        heard = self.contacts.of(row.id for row in rows)
        return [
            ComparedRow((own.source, own.account), same_person(general, heard[own.id].said))
            for general in rows
            for own in rows
            if own.id in heard and own.source and not general.source
            if person.id in (own.id, general.id)
        ]

    def imported(self) -> bool:
        """Tell whether an import ever brought anybody."""
        query = "SELECT EXISTS (SELECT 1 FROM people WHERE told_at IS NOT NULL)"
        return bool(self._ledger.reader().execute(query).fetchone()[0])

    def groups(self) -> Counter[str]:
        """Count the members of each group."""
        query = "SELECT name, COUNT(*) FROM people_in_groups GROUP BY name"
        return counts(self._ledger.reader(), query)

    def values(self, what: Literal["locale", "timezone", "source", "account"]) -> Counter[str]:
        """Count the people who have each value."""
        query = f"SELECT {what}, COUNT(*) FROM people WHERE {what} > '' GROUP BY 1"
        return counts(self._ledger.reader(), query)

    def columns(self) -> Counter[str]:
        """Count the people of whom each extra column of the imports says something."""
        reader = self._ledger.reader()
        fields = reader.dialect.pairs("fields", "e")
        query = f"SELECT e.key, COUNT(*) FROM people, {fields} GROUP BY 1"
        return counts(reader, query) + self.contacts.columns()

    def column(self, name: str) -> Counter[str]:
        """Count the people who have each value of an extra column."""
        reader = self._ledger.reader()
        each = f"SELECT e.value, COUNT(*) FROM people, {reader.dialect.pairs('fields', 'e')}"
        found = counts(reader, f"{each} WHERE e.key = ? GROUP BY 1", name)
        return found + self.contacts.column(name)

    def store(
        self, cursor: TableWriter, rows: Sequence[PersonRow], now: int, from_list: str = MAIN
    ) -> tuple[int, int, int]:
        """Keep what the rows say; return how many people were added, changed and unchanged.

        What a row does not say stays as it was; the later of two rows with one key counts.
        A person met without data becomes `changed` and keeps their id. Groups are those of
        `from_list`. `now` is in milliseconds since 1970 UTC. Twice changes only when it
        was said.
        """
        wanted = {row.key: row for row in rows}
        before = {row[:3]: row[3:] for row in rows_of(cursor, wanted, f"id, told_at, {DATA}")}
        counted = register(cursor, wanted, before, now, from_list)
        inherit_merges(cursor, wanted.keys() - before.keys())
        return counted

    def visible(self, key: PersonKey) -> list[Person]:
        """Look up the rows of an LMS id as seen from its source and account, the closest first."""
        source, account, lms_id = key
        closest = f"lms_id = ? AND {VISIBLE} ORDER BY {CLOSEST_FIRST}"
        return self.imported_rows(closest, (lms_id, source, account))

    def said_of(self, persons: Sequence[str]) -> Contact | None:
        """Read what letters say of the first of these people of whom they say anything."""
        heard = self.contacts.of(persons) if persons else {}
        return next((each.said for each in heard.values()), None)

    def _many(self, where: str, values: tuple[object, ...]) -> list[Person]:
        """Look up rows as stored, each with what letters say of that very person."""
        rows = self.imported_rows(where, values)
        heard = self.contacts.of(row.id for row in rows)
        return [filled(row, heard[row.id].said) if row.id in heard else row for row in rows]

    def imported_rows(
        self, where: str, values: tuple[object, ...] | Mapping[str, object]
    ) -> list[Person]:
        """Look up rows as imports have left them."""
        query = f"SELECT {self._columns} FROM people WHERE {where}"
        rows = self._ledger.reader().execute(query, values)
        return [_person(row) for row in rows]


def rows_of(
    reader: TableReader, keys: Iterable[PersonKey], columns: str, *, ids: str = "people.lms_id"
) -> Iterator[tuple[Any, ...]]:
    """Look up the rows of just these keys: key, then columns; `ids` is `table.column` of ids."""
    where = f"FROM {ids.partition('.')[0]} WHERE source = ? AND account = ?"
    query = f"SELECT source, account, {ids}, {columns} {where}"
    for scope, same in groupby(sorted(keys), lambda key: key[:2]):
        these = [key[2] for key in same]
        if len(these) == 1:  # a list of one costs a third more
            yield from reader.execute(f"{query} AND {ids} = ?", (*scope, *these))
        else:
            found = (*scope, these)
            yield from reader.execute(f"{query} AND {reader.dialect.any_of(ids)}", found)


def _person(row: tuple[Any, ...]) -> Person:
    groups = groups_in(row[11]) if row[11] != "[]" else ()
    values: list[Any] = [*row[:11], groups, _fields(row[12]), row[13]]
    return Person(*values)


def _fields(kept: str) -> dict[str, str]:
    """Read extra columns by the form of their names: older ledgers keep them as they came."""
    found = _FIELDS.decode(kept)
    if kept.isascii() and "  " not in kept:
        return found
    return {text_form(name): text for name, text in found.items()}
