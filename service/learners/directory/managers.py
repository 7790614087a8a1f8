"""Find who leads whom."""

import msgspec

from service.learners.directory.people import CLOSENESS, VISIBLE, People, contradicts, person_key
from service.learners.directory.people_table import Person, PersonKey, address_key


class Managers:
    """Find the managers of people."""

    def __init__(self, people: People) -> None:
        self._people = people

    def now(self, person: Person) -> Person | None:
        """Look up the manager as known by now, who is nobody's own record merged into theirs."""
        found = self._people.now(self.of(person))
        return None if found is not None and found.id == person.id else found

    def of(self, person: Person) -> Person | None:
        """Look up the manager, by LMS id or else by address, as seen from the person's account.

        Where a row for every source names them by an id that letters here say is another
        person's, it is the person of the rows for every source.
        """
        if not person.manager:
            return None
        key = person_key(person.source, person.account, person.manager)
        found = self._people.find(key)
        if found is None:
            return self._at_address(*key)
        return self._elsewhere(person, key) or found

    def _elsewhere(self, person: Person, key: PersonKey) -> Person | None:
        """Look up who has a manager's key for every source, if somebody else has it here."""
        rows = self._people.visible(key)
        said = self._people.said_of(
            [row.id for row in rows if (row.source, row.account) == key[:2]]
        )
        if rows[0].source == person.source or not contradicts(rows[0], said):
            return None
        led = self._people.visible((person.source, person.account, person.lms_id or ""))
        named = next((row for row in led if row.manager == person.manager), None)
        return rows[0] if named and named.source != person.source else None

    def _at_address(self, source: str, account: str, address: str) -> Person | None:
        """Look up who has this address as seen from the account, also if only a letter says so.

        A row for everyone may be hidden there by a closer row with its LMS id, which can be a
        stranger's: then someone else at the address, or else the hidden row as it stands.
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
        return next(there, None) or next(hidden, None)

    def _seen_from(self, source: str, account: str, row: Person) -> Person | None:
        if row.lms_id is None:
            return msgspec.structs.replace(row, source=source, account=account)
        return self._people.find((source, account, row.lms_id))
