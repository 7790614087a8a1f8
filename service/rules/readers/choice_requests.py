"""Choose what to be told, and how, while the service runs or not."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from service.learners.directory.people import People, Person, address_key
from service.learners.directory.people_table import meet_chooser
from service.ledger.events import EventStore
from service.ledger.store import LedgerError
from service.rules.readers.choices import (
    BOUNCED,
    By,
    Choices,
    ChoicesMade,
    Chosen,
    Unreachable,
    chosen_at,
)

ATTEMPTS = 5


class ChoiceRequests:
    """Write choices as a command does: under the ledger's lock, where nobody else can write."""

    def __init__(self, store: EventStore, people: People) -> None:
        self.latest = store.latest
        self.choices_stream = people.choices_stream
        self._store = store
        self._people = people

    def at(self, address: str) -> Chosen:
        """Tell what whoever reads at an address chose."""
        return chosen_at(address, self)

    def readers(self, who: str, source: str | None, account: str | None) -> list[Person]:
        """List who has an LMS id or an address, in a source and account or any; one an address."""
        by_address = "address = ? ORDER BY id", (address_key(who),)
        rows = (
            self._people.imported_rows(*by_address) if "@" in who else self._people.namesakes(who)
        )
        there = [r for r in rows if source in (None, r.source) and account in (None, r.account)]
        found = (self._people.get(row.id) for row in there)
        return list({address_key(p.email): p for p in found if p and p.email}.values())

    def change(
        self, address: str, changed: Callable[[Choices], Choices], now: int, *, by: By
    ) -> Choices:
        """Record what is wanted at an address from `now`; what changes nothing is not recorded.

        Returns what is wanted. Done again when somebody else chose meanwhile; raises LedgerError
        after some times.
        """
        for _ in range(ATTEMPTS):
            before = self.at(address)
            after = changed(before.choices)
            if after == before.choices:
                return after
            stream = before.stream or self._met(address, now)
            event = ChoicesMade(at=now, by=by, choices=after)
            if self._store.append_unless_moved([(stream, before.version + 1, event)]):
                return after
        raise LedgerError(f"what is wanted was changed by others {ATTEMPTS} times; try again")

    def bounced(self, address: str, code: str, now: int) -> None:
        """Write to an address no more from `now`, as a mail server says there is no such one."""
        self.unreached(address, Unreachable(BOUNCED, now, code))

    def unreached(self, address: str, why: Unreachable) -> None:
        """Write to an address no more, until its reader or an operator lifts it."""
        self.change(address, lambda before: before.unreached(why), why.at, by="bounce")

    def lifted_at(self, address: str) -> int:
        """Tell when (ms UTC) an address was last written to again after it was not; 0 if never."""
        stream = self.at(address).stream
        made: Any = self._store.streams([stream]).get(stream, ()) if stream else ()
        turns = [
            each.at
            for before, each in pairwise(made)
            if before.choices.unreachable and not each.choices.unreachable
        ]
        return max(turns, default=0)

    def _met(self, address: str, now: int) -> str:
        with self._store.ledger.transaction() as cursor:
            return meet_chooser(cursor, address, now)
