"""Find who leads whom, by an id, an address or a name; nobody leads themselves."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from service.learners.directory.people import CLOSENESS, VISIBLE, People, person_key
from service.learners.directory.people_table import Person, address_key, name_key
from service.learners.directory.same_person import same_person
from service.learners.facts import Contact

LONGEST_CLIMB = 100
"""Steps up; nobody is looked for in a circle that is longer."""
LINKS_REMEMBERED = 8_192
NAMESAKES_LOOKED_AT = 9

COLUMNS = {"unique id": "unique_id", "name": "name_key"}
IN_FILE = """
{} = ? AND source = ? AND account = ? AND lms_id IS NOT NULL
ORDER BY left_as IS NOT NULL, id LIMIT ?
"""
NAMELESS = "-"
"""What no name's key is: it has letters, and blanks between words."""
FIRST_AT = f"""
address = ? AND coalesce(name_key, '{NAMELESS}') = ? AND {VISIBLE}
AND lms_id IS NOT NULL AND left_as IS NULL ORDER BY lms_id LIMIT 1
"""

How = Literal["none", "id", "address", "unique id", "name", "nobody", "several", "self", "circle"]
"""Which way a manager was found, or why there is none."""

Link = tuple[str, str, str | None, str | None]
"""Source, account and LMS id of who is led, and how they name their manager."""


class FoundManager(NamedTuple):
    """Say who the manager is, and how they were found; or why there is none."""

    person: Person | None
    how: How


class Managers:
    """Find the managers of people, as seen from the source and account of who is led.

    One remembers the links further up, off which only is read whether they come back, and who is
    known first at an address: take another one when people have changed.
    """

    def __init__(self, people: People) -> None:
        self._people = people
        self._remembered = lru_cache(LINKS_REMEMBERED)(self._above)
        self._first_at = lru_cache(LINKS_REMEMBERED)(self._look_up_first)

    def of(self, person: Person) -> Person | None:
        """Look up the manager."""
        return self.find(person).person

    def find(self, person: Person) -> FoundManager:
        """Look up the manager; whoever climbs back to themselves has none."""
        found = self._above(self._link_of(person))
        if found.person is None:
            return found
        if _is_one(found.person, person) or _names_own_address(person):
            return FoundManager(None, "self")
        return FoundManager(None, "circle") if self.leads_to(person, found.person) else found

    def leads_to(self, person: Person, above: Person) -> bool:
        """Tell whether climbing on from somebody above leads to a person."""
        climbed = {above.id}
        for _ in range(LONGEST_CLIMB):
            found = self._remembered(self._link_of(above)).person
            if found is not None and _is_one(found, person):
                return True
            if found is None or found.id in climbed:
                return False
            climbed.add(found.id)
            above = found
        return False

    def _link_of(self, person: Person) -> Link:
        """Tell how a person names their manager, be it by a record in another system."""
        if person.manager or len(self._people.records_of(person.id)) == 1:
            return _link(person)
        links = map(_link, self._people.records(person.id))
        return next((link for link in links if link[3]), _link(person))

    def _above(self, link: Link) -> FoundManager:
        """Look up whom a row names, by the record that counts."""
        found = self.named(link)
        return found._replace(person=self._people.now(found.person))

    def named(self, link: Link) -> FoundManager:
        """Look up whom a row names, be it who is led themselves.

        An LMS id goes first; what has an @ is an address, and the rest a unique id or a name.
        """
        source, account, _, manager = link
        if not manager:
            return FoundManager(None, "none")
        key = person_key(source, account, manager)
        rows = self._people.visible(key)
        found = self._people.among(rows, key)
        if found is not None:
            return FoundManager(self._reader(self._elsewhere(link, rows, found) or found), "id")
        if "@" in manager:
            found = self._at_address(*key)
            return FoundManager(found and self._reader(found), "address" if found else "nobody")
        by_id = self._in_file(link, "unique id", key[2])
        return self._in_file(link, "name", name_key(manager)) if by_id.how == "nobody" else by_id

    def _in_file(self, link: Link, by: Literal["unique id", "name"], key: str) -> FoundManager:
        """Look up who has a unique id or a name in the file that names the manager.

        Several are nobody, unless they are records of one person, or one address reads for all
        of them; who has left is only meant where nobody else can be.
        """
        rows = self._rows_in_file(link, IN_FILE.format(COLUMNS[by]), key)
        there = [row for row in rows if not row.left_as] or rows
        if not there:
            return FoundManager(None, "nobody")
        addresses = {address_key(row.email or row.id) for row in there}
        if min(len(addresses), len(self._people_of(there))) > 1:
            return FoundManager(None, "several")
        seen = self._seen_from(*link[:2], there[0])
        is_theirs = seen and same_person(there[0], Contact(seen.name, seen.email)).same
        return FoundManager(self._reader(seen if seen and is_theirs else there[0]), by)

    def _people_of(self, rows: Sequence[Person]) -> set[str]:
        """Name whom these rows are of, who may have several."""
        return {self._people.records_of(row.id)[0] for row in rows}

    def _rows_in_file(self, link: Link, where: str, key: str) -> list[Person]:
        if not key or not self._people.has_keys:
            return []
        return self._people.imported_rows(where, (key, *self._file_of(link), NAMESAKES_LOOKED_AT))

    def _file_of(self, link: Link) -> tuple[str, str]:
        """Give source and account of the row that names the manager."""
        source, account, lms_id, manager = link
        led = self._people.visible((source, account, lms_id or ""))
        named = next((row for row in led if row.manager == manager), None)
        return (named.source, named.account) if named else (source, account)

    def _elsewhere(self, link: Link, rows: Sequence[Person], here: Person) -> Person | None:
        """Pick who has a manager's id for every source, if somebody else has it here.

        So where a row for every source names them by an id that is another person's here, by
        rows or letters, it is the person of the rows for every source.
        """
        general = next((row for row in rows if not row.source), None)
        if general is None or same_person(general, Contact(here.name, here.email)).same:
            return None
        return None if self._file_of(link)[0] else general

    def _reader(self, found: Person) -> Person:
        """Give a manager who is several people with one address and one name the id of the first.

        So who has two accounts reads one list.
        """
        reads_as = _reads_as(found)
        if reads_as is None or not self._people.has_keys:
            return found
        lms_id = self._first_at(*reads_as, found.source, found.account)
        if lms_id is None or lms_id == found.lms_id:
            return found
        first = self._people.find((found.source, found.account, lms_id))
        is_one = first is not None and _reads_as(first) == reads_as
        return msgspec.structs.replace(found, id=first.id) if first and is_one else found

    def _look_up_first(self, address: str, name: str | None, *seen_from: str) -> str | None:
        rows = self._people.imported_rows(
            FIRST_AT, (address, NAMELESS if name is None else name, *seen_from)
        )
        return rows[0].lms_id if rows else None

    def _at_address(self, source: str, account: str, address: str) -> Person | None:
        """Look up who has this address as seen from the account, also if only a letter says so.

        A row for everyone may be hidden there by a closer row with its LMS id, which can be a
        stranger's: then someone else at the address, or else the hidden row as it stands. Who has
        left comes last: an account that was made anew has another id and the old address. Behind
        them all comes the address alone, which nobody says to be anybody else.
        """
        key = address_key(address)
        rows = self._people.imported_rows(
            "(address = ? OR id IN (SELECT person FROM contacts WHERE address = ?)) "
            f"AND {VISIBLE} ORDER BY lms_id IS NULL, {CLOSENESS} DESC, id",
            (key, key, source, account),
        )
        seen = (self._seen_from(source, account, row) for row in rows)
        there = (each for each in seen if each and address_key(each.email or "") == key)
        hidden = (row for row in rows if address_key(row.email or "") == key)
        found = min(there, key=lambda each: (not each.lms_id, bool(each.left_as)), default=None)
        return found or next(hidden, None)

    def _seen_from(self, source: str, account: str, row: Person) -> Person | None:
        if row.lms_id is None:
            return msgspec.structs.replace(row, source=source, account=account)
        return self._people.find((source, account, row.lms_id))


def _link(person: Person) -> Link:
    return person.source, person.account, person.lms_id, person.manager


def _is_one(one: Person, other: Person) -> bool:
    """Tell whether two are one: by our id, the LMS's, or by address and name."""
    if one.id == other.id or one.lms_id == other.lms_id is not None:
        return True
    if not one.email or not other.email or address_key(one.email) != address_key(other.email):
        return False
    return name_key(one.name or "") == name_key(other.name or "")


def _reads_as(person: Person) -> tuple[str, str | None] | None:
    """Give address and name of who can be written to, as they are looked up."""
    name = name_key(person.name) if person.name else None
    return (address_key(person.email), name) if person.email else None


def _names_own_address(person: Person) -> bool:
    manager, email = person.manager or "", person.email or ""
    return "@" in manager and address_key(manager) == address_key(email)
