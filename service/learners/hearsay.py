"""Hearsay: what letters say beside their facts, of the person and of the course.

What you import wins over what a letter says; a letter fills what no import said. Of two letters
the one whose fact happened later counts, whole; of one moment, the one that came first.
A letter that repeats what is known writes nothing. None of it goes into the log.
"""

import sqlite3
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from service.learners.facts import Contact, Fact
from service.learners.ledger import Ledger
from service.learners.person import address_key

CONTACTS = """
CREATE TABLE IF NOT EXISTS contacts (
    person TEXT PRIMARY KEY,
    name TEXT,
    email TEXT,
    fields TEXT NOT NULL,
    address TEXT,
    said_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contacts_by_address ON contacts (address) WHERE address IS NOT NULL;
"""
TITLES = """
CREATE TABLE IF NOT EXISTS course_names (
    course TEXT NOT NULL,
    source TEXT NOT NULL,
    account TEXT NOT NULL,
    title TEXT NOT NULL,
    said_at INTEGER NOT NULL,
    PRIMARY KEY (course, source, account)
) WITHOUT ROWID;
"""
NOTHING = Contact()

Key = tuple[str, str, str]
"""Source, account and LMS id of a course, as facts have them."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_fields = msgspec.json.Decoder(dict[str, str])


class Saying(msgspec.Struct, Generic[V], frozen=True):
    """What a letter said, and when that was so (ms UTC)."""

    said: V
    at: int


class Hearing(Generic[K, V]):
    """What is known by key, and what the facts of one transaction change in it."""

    def __init__(self, known: Mapping[K, Saying[V]]) -> None:
        self.changed: dict[K, Saying[V]] = {}
        self._known = known

    def hear(self, key: K, said: V, at: int) -> None:
        """Takes in what one more letter says."""
        before = self.changed.get(key) or self._known.get(key)
        if before is None or (at > before.at and said != before.said):
            self.changed[key] = Saying(said, at)

    def news(self, key: K) -> V | None:
        """What is said since this transaction began; None when that is nothing new."""
        heard = self.changed.get(key)
        return None if heard is None else heard.said

    def known(self, key: K) -> V | None:
        """What was said before this transaction."""
        heard = self._known.get(key)
        return None if heard is None else heard.said


class Hearsay:
    """What the letters of one transaction say of people, by their id, and of courses."""

    def __init__(
        self,
        contacts: Mapping[str, Saying[Contact]] | None = None,
        titles: Mapping[Key, Saying[str]] | None = None,
    ) -> None:
        self.contacts = Hearing(contacts or {})
        self.titles = Hearing(titles or {})

    def hear(self, fact: Fact, person: str) -> None:
        """Takes in what a fact's letter says beside it; `person` is the learner's id."""
        if fact.contact is not None and fact.contact != NOTHING and person:
            self.contacts.hear(person, fact.contact, fact.occurred_at)
        if fact.title and fact.course:
            self.titles.hear(course_of(fact), fact.title, fact.occurred_at)

    def addresses(self) -> int:
        """How many people have another address now."""
        return sum(
            heard.said.email is not None
            and heard.said.email != (self.contacts.known(person) or NOTHING).email
            for person, heard in self.contacts.changed.items()
        )


class Contacts:
    """What letters say of people, by person id."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.create(CONTACTS)

    def of(self, persons: Iterable[str]) -> dict[str, Saying[Contact]]:
        """What is known of these people, as of the last commit."""
        rows = self._ledger.reader().execute(
            "SELECT person, name, email, fields, said_at FROM contacts "
            "WHERE person IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(persons)).decode(),),
        )
        return {
            person: Saying(Contact(name, email, _fields.decode(fields)), at)
            for person, name, email, fields, at in rows
        }

    def keep(self, cursor: sqlite3.Cursor, changed: Mapping[str, Saying[Contact]]) -> None:
        """Writes what has changed."""
        cursor.executemany(
            "INSERT OR REPLACE INTO contacts (person, name, email, fields, address, said_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [_contact_row(person, heard) for person, heard in changed.items()],
        )


class Titles:
    """What letters call courses, by source, account and LMS id."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.create(TITLES)

    def of(self, courses: Iterable[str]) -> dict[Key, Saying[str]]:
        """What the courses with these LMS ids are called, as of the last commit."""
        rows = self._ledger.reader().execute(
            "SELECT source, account, course, title, said_at FROM course_names "
            "WHERE course IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(courses)).decode(),),
        )
        return {(row[0], row[1], row[2]): Saying(row[3], row[4]) for row in rows}

    def keep(self, cursor: sqlite3.Cursor, changed: Mapping[Key, Saying[str]]) -> None:
        """Writes what has changed."""
        cursor.executemany(
            "INSERT OR REPLACE INTO course_names (source, account, course, title, said_at) "
            "VALUES (?, ?, ?, ?, ?)",
            [(*key, heard.said, heard.at) for key, heard in changed.items()],
        )


def course_of(fact: Fact) -> Key:
    """Which course a fact is about."""
    return fact.source, fact.account, fact.course


def _contact_row(person: str, heard: Saying[Contact]) -> tuple[object, ...]:
    said = heard.said
    fields = msgspec.json.encode(said.fields, order="sorted").decode()
    address = address_key(said.email) if said.email else None
    return person, said.name, said.email, fields, address, heard.at
