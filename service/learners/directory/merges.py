"""Tell which records are of one person: their LMS merged them, or somebody here did.

A record says in `people.merged_into` which other one counts from then on; that one may be merged
on. The log says since when (decision 35).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec.structs import replace

from service.learners.directory.people_table import Person, PersonKey
from service.learners.text_form import distinct
from service.ledger.events import id_beside
from service.ledger.sql import Cursor, Statement, TableReader, TableWriter, filled_in
from service.ledger.store import Store

ANY_MERGED = "SELECT EXISTS (SELECT 1 FROM people WHERE merged_into IS NOT NULL)"
LINK = "UPDATE people SET merged_into = ? WHERE id = ?"
CLASH = "INSERT INTO people (id, source, account) SELECT p.id, p.source, p.account FROM people p"
"""Fails where it finds anybody, as there is already somebody with this id."""
UNMOVED = f"{CLASH} WHERE p.id = ? AND coalesce(p.merged_into, '') <> coalesce(?, '')"
CIRCLE = (
    "WITH RECURSIVE up (id) AS (SELECT merged_into FROM people WHERE id = :record UNION "
    "SELECT p.merged_into FROM people p JOIN up ON p.id = up.id) "
    "SELECT 1 FROM up WHERE id = :record"
)
NO_CIRCLE = f"{CLASH} WHERE p.id = :record AND EXISTS ({CIRCLE})"
ALIKE = f"""
SELECT a.id AS record, coalesce((
    SELECT b.id FROM people b JOIN people x ON x.id = :into AND b.lms_id = x.lms_id
    WHERE b.source = a.source AND b.account = a.account
), :into) AS other
FROM people p JOIN people a ON a.lms_id = p.lms_id AND a.id <> p.id
WHERE p.id = :record AND a.source IN (p.source, '') AND a.account IN (p.account, '')
AND {filled_in("a.source", "a.account")} = :closeness AND NOT EXISTS (
    SELECT 1 FROM people o WHERE o.lms_id = p.lms_id
    AND NOT (o.source IN (p.source, '') AND o.account IN (p.account, ''))
    AND (:into <> '' OR o.merged_into IS NOT NULL)
)
"""
"""Rows that speak of a record for every source or account, and what they are merged into."""
LINK_ALIKE = f"""
UPDATE people SET merged_into = nullif(alike.other, '') FROM ({ALIKE}) AS alike
WHERE people.id = alike.record AND NOT EXISTS (
    WITH RECURSIVE up (id) AS (
        SELECT alike.other UNION SELECT p.merged_into FROM people p JOIN up ON p.id = up.id
    )
    SELECT 1 FROM up WHERE up.id = alike.record
)
"""
"""Leaves out a row of which it would make a circle: it was merged the other way round before."""
IS_MERGED = """(
    g.merged_into IS NOT NULL
    OR EXISTS (SELECT 1 FROM people m WHERE m.merged_into = g.id AND m.lms_id IS NOT NULL)
)"""
INHERITING = f"""
SELECT k.value FROM {{ids}}
JOIN people g ON g.lms_id = k.value AND g.source = :source AND g.account = ''
WHERE :account <> '' AND {IS_MERGED}
"""
"""Ids in an account whose row for every account is merged, or has others merged into it."""
NO_HEIR = f"""
{CLASH} JOIN people g ON g.lms_id = p.lms_id AND g.source = p.source AND g.account = ''
WHERE p.id = ? AND p.account <> '' AND {IS_MERGED}
"""
SAID_OF_EVERY_ACCOUNT = """
WITH g AS (
    SELECT id, source, lms_id, merged_into FROM people
    WHERE lms_id = :id AND source = :source AND account = ''
)
SELECT g.lms_id, b.source, CASE WHEN b.source = g.source THEN :account ELSE b.account END, b.lms_id
FROM g JOIN people b ON b.id = g.merged_into
WHERE b.source <> g.source OR b.account IN ('', :account)
UNION ALL
SELECT a.lms_id, g.source, :account, g.lms_id FROM g JOIN people a ON a.merged_into = g.id
WHERE a.source = g.source AND a.account = '' AND a.lms_id IS NOT NULL
"""
"""Which id is merged into which key, as seen from an account."""
KNOW = """
INSERT INTO people (id, source, account, lms_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
INHERIT = """
UPDATE people SET merged_into = :into WHERE id = :record AND merged_into IS NULL
"""
CLOSER = """
UPDATE people SET merged_into = :record
WHERE id <> :record AND (source <> :source OR account = :account) AND merged_into = (
    SELECT id FROM people WHERE lms_id = :id AND source = :source AND account = ''
)
"""
"""Who was merged into a row for every account is merged into the record that is met there."""
ID_OF = "SELECT id FROM people WHERE source = ? AND account = ? AND lms_id = ?"
UNDO = "`coursebell people merge --undo` ends that"
Place = tuple[str, str]
"""Source and account."""


class Records:
    """Answer which records are of one person, each by its person id, by the links there are."""

    def into(self, record: str) -> str | None:
        """Give the record into which this one was merged; None for one that counts itself."""
        raise NotImplementedError

    def merged(self, record: str) -> list[str]:
        """List the records that were merged into this very one."""
        raise NotImplementedError

    def place(self, record: str) -> Place | None:
        """Give the source and account of a record, which never change."""
        raise NotImplementedError

    def survivor(self, record: str) -> str:
        """Give the record that counts."""
        while (other := self.into(record)) is not None:
            record = other
        return record

    def records_of(self, record: str) -> list[str]:
        """List all records of the person who has this one; the first is the one that counts."""
        found = [self.survivor(record)]
        for each in found:
            found += self.merged(each)
        return found

    def records_beside(self, record: str) -> list[str]:
        """List those of the same source and account: only they can be in the same courses."""
        found = self.records_of(record)
        if len(found) == 1:
            return found
        place = self.place(record)
        return [each for each in found if each == record or self.place(each) == place]

    def refusal(self, record: str, into: str) -> str | None:
        """Say why a record cannot be merged into another; None if it can, or is already."""
        if self.survivor(record) == self.survivor(into) != record:
            return None
        if self.into(record) is not None:
            return f"merge: this one was merged into somebody else before; {UNDO}"
        if self.survivor(into) == record:
            return f"merge: the other one was merged into this one before; {UNDO}"
        return None

    def is_new(self, record: str, into: str) -> bool:
        """Tell whether a merge changes anything; without an `into` it ends one."""
        if not into:
            return self.into(record) is not None
        return self.survivor(record) != self.survivor(into)


class Merges(Records):
    """Answer by the people of a ledger as they are now."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        self.known = "merged_into" in ledger.columns("people")

    def into(self, record: str) -> str | None:
        """Read it of the record itself."""
        query = "SELECT merged_into FROM people WHERE id = ?"
        rows = self._ledger.reader().execute(query, (record,)) if self.known else ()
        return next((into for (into,) in rows), None)

    def merged(self, record: str) -> list[str]:
        """Find them by an index that only records have which were merged."""
        query = "SELECT id FROM people WHERE merged_into = ? ORDER BY id"
        rows = self._ledger.reader().execute(query, (record,)) if self.known else ()
        return [id for (id,) in rows]

    def place(self, record: str) -> Place | None:
        """Read it of the record itself."""
        query = "SELECT source, account FROM people WHERE id = ?"
        return next(iter(self._ledger.reader().execute(query, (record,))), None)

    def all(self) -> list[str]:
        """List every record that was merged into another."""
        query = "SELECT id FROM people WHERE merged_into IS NOT NULL"
        rows = self._ledger.reader().execute(query) if self.known else ()
        return [id for (id,) in rows]

    def in_accounts(self) -> list[tuple[str, str]]:
        """List the records of accounts that were merged, each with the one into which."""
        query = (
            "SELECT id, merged_into FROM people "
            "WHERE merged_into IS NOT NULL AND lms_id IS NOT NULL AND account <> ''"
        )
        return self._ledger.reader().execute(query).fetchall() if self.known else []

    def changes(
        self, links: Mapping[str, str], read: Mapping[str, str | None] = {}
    ) -> Iterator[Statement]:
        """Give what writes links; an empty one ends a merge.

        What an import said of the same id for every source or account goes with it, unless
        somebody else has that id elsewhere; who is met in this transaction counts, too. It is a
        conflict where another process merged what was `read` meanwhile, or made a circle of it.
        """
        yield UNMOVED, list(read.items())
        named = [{"record": record, "into": into} for record, into in links.items()]
        yield LINK, [(into or None, record) for record, into in links.items()]
        yield NO_CIRCLE, [{"record": each["record"]} for each in named if each["into"]]
        yield LINK_ALIKE, [{**each, "closeness": near} for each in named for near in (1, 0)]

    def inherits(self, keys: Iterable[PersonKey]) -> bool:
        """Tell whether any of these, who are to be met, will be merged at once."""
        return bool(_inheriting(self._ledger.reader(), keys))


def _inheriting(reader: TableReader, keys: Iterable[PersonKey]) -> list[PersonKey]:
    """Pick those whose row for every account was merged."""
    found, query = [], INHERITING.format(ids=reader.dialect.each(":ids", "k"))
    for (source, account), same in groupby(sorted(keys), lambda key: key[:2]):
        ids = [key[2] for key in same]
        named = {"ids": ids, "source": source, "account": account}
        found += [(source, account, id) for (id,) in reader.execute(query, named)]
    return found


def inherit_merges(cursor: TableWriter, met: Iterable[PersonKey]) -> None:
    """Merge records that have just been met as their rows for every account were merged.

    The other record of the same account is met with them: so each account has the two it would
    have, had the letters come before the merge.
    """
    merging: bool = cursor.execute(ANY_MERGED).fetchone()[0]
    wanted = _inheriting(cursor, met) if merging else []
    for source, account, id in wanted:
        named = {"source": source, "account": account, "id": id}
        (own,) = cursor.execute(ID_OF, (source, account, id)).fetchone()
        cursor.execute(CLOSER, {**named, "record": own})
        for merged, *into in cursor.execute(SAID_OF_EVERY_ACCOUNT, named).fetchall():
            pair = [(source, account, merged), (into[0], into[1], into[2])]
            known = ((key, (id_beside(own), *key)) for key in pair)
            wanted += [key for key, row in known if cursor.execute(KNOW, row).rowcount]
            _inherit(cursor, *pair)


def _inherit(cursor: Cursor, key: PersonKey, into: PersonKey) -> None:
    """Link a record into another, unless it counts as somebody already, or that is a circle."""
    record, other = (cursor.execute(ID_OF, each).fetchone()[0] for each in (key, into))
    cursor.execute(INHERIT, {"record": record, "into": other})
    if cursor.execute(CIRCLE, {"record": record}).fetchone():
        cursor.execute(LINK, (None, record))


SAID = ("name", "email", "timezone", "locale", "unique_id")


def joined(records: Sequence[Person]) -> Person:
    """Make one of all records of a person: the first counts, and others say what it does not.

    It is in the groups of all of them; only the first says whether they have left. Whom another
    system names as the manager is looked up there.
    """
    known = {
        name: next((said for each in records if (said := getattr(each, name)) is not None), None)
        for name in SAID
    }
    here = [each.manager for each in records if _place_of(each) == _place_of(records[0])]
    known["manager"] = next((said for said in here if said is not None), None)
    groups = distinct(group for each in records for group in each.groups)
    fields = {name: text for each in reversed(records) for name, text in each.fields.items()}
    return replace(records[0], groups=tuple(groups), fields=fields, **known)


def _place_of(person: Person) -> Place:
    return person.source, person.account


class PendingMerges(Records):
    """Answer as a transaction will leave the ledger; `met` are the keys of people just met."""

    def __init__(self, committed: Records, met: Mapping[str, PersonKey]) -> None:
        self.links: dict[str, str] = {}
        self.read: dict[str, str | None] = {}
        self._committed = committed
        self._met = met

    def link(self, record: str, into: str) -> tuple[str, str] | None:
        """Merge one record into another, or end that; else give the fact's state, and why."""
        reason = self.refusal(record, into) if into else None
        if reason is not None:
            return "set_aside", reason
        if not self.is_new(record, into):
            return "superseded", ""
        self.links[record] = into
        self.read.setdefault(record, self._committed.into(record))
        return None

    def into(self, record: str) -> str | None:
        """Give what was said last."""
        if record in self.links:
            return self.links[record] or None
        return self._committed.into(record)

    def merged(self, record: str) -> list[str]:
        """List those of the ledger, and what was said since."""
        kept = [each for each in self._committed.merged(record) if each not in self.links]
        return kept + sorted(each for each, into in self.links.items() if into == record)

    def place(self, record: str) -> Place | None:
        """Give the place of anybody, met or known."""
        return self._met[record][:2] if record in self._met else self._committed.place(record)


class Link(NamedTuple):
    """Hold what an event at a position of the log says, recorded `at` (ms UTC).

    An empty `into` ends a merge.
    """

    position: int
    at: int
    record: str
    into: str


class PastMerges(Records):
    """Answer as of a moment of the past, by what the log has of merges up to a position."""

    def __init__(self, links: Iterable[Link], position: Callable[[], int], today: Records) -> None:
        self.place = today.place  # type: ignore[method-assign]
        self._position = position
        self._links: dict[str, list[Link]] = {}
        self._named: dict[str, dict[str, None]] = {}
        for link in links:
            self._links.setdefault(link.record, []).append(link)
            self._named.setdefault(link.into, {})[link.record] = None

    def into(self, record: str) -> str | None:
        """Give what was said last by then."""
        until = self._position()
        said = [link.into for link in self._links.get(record, ()) if link.position <= until]
        return (said[-1] or None) if said else None

    def merged(self, record: str) -> list[str]:
        """List those that were merged into it by then, and not taken out again."""
        return sorted(each for each in self._named.get(record, ()) if self.into(each) == record)

    def ever(self, record: str | None) -> bool:
        """Tell whether a record is part of any merge, whenever that was."""
        return record in self._links or record in self._named
