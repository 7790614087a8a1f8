"""Keep what letters say beside their facts, of the person and of the course.

What you import wins over what a letter says; a letter fills what no import said. Of two letters
the one whose fact happened later counts, of one moment the one that came first; a letter counts
for what it says: a name, how to reach the person, a title. None of it goes into the log.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from service.learners.directory.old_spellings import spell_contacts_anew
from service.learners.directory.people_table import Person, PersonKey, address_key
from service.learners.directory.same_person import same_person
from service.learners.facts import Contact, Fact, LearnerLeft
from service.ledger.sql import Statement, counts, upsert
from service.ledger.store import Store

CONTACTS = """
CREATE TABLE IF NOT EXISTS contacts (
    person TEXT PRIMARY KEY,
    name TEXT,
    named_at INTEGER NOT NULL,
    email TEXT,
    fields TEXT NOT NULL,
    address TEXT,
    said_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contacts_by_address ON contacts (address) WHERE address IS NOT NULL;
CREATE INDEX IF NOT EXISTS contacts_with_capitals ON contacts (address) WHERE {capitals};
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
HEAR = upsert(
    "contacts", ("person",), ("name", "email", "fields", "address", "said_at", "named_at")
)
CALL = upsert("course_names", ("source", "account", "course"), ("title", "said_at"))
NEVER = -1
NOTHING = Contact()

Key = tuple[str, str, str]
"""Source, account and LMS id (in its one spelling) of a course."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_fields = msgspec.json.Decoder(dict[str, str])


class ReportedValue(msgspec.Struct, Generic[V], frozen=True):
    """Hold what letters say, and when that was so (ms UTC).

    Of a person the name has a date of its own, `named_at`; `at` is that of how to reach them.
    """

    said: V
    at: int
    named_at: int = NEVER


Laid = Callable[[ReportedValue[V] | None, V, int], ReportedValue[V]]
"""What is known after one more letter of a moment: what was before, itself if nothing moves."""


class ReportedChanges(Generic[K, V]):
    """Hold what is known by key, and what the facts of one transaction change in it.

    A later date alone is a change too: an older letter that comes after it must not count.
    """

    def __init__(self, known: Mapping[K, ReportedValue[V]], laid: Laid[V]) -> None:
        self.changed: dict[K, ReportedValue[V]] = {}
        self._known = known
        self._laid = laid

    def hear(self, key: K, said: V, at: int) -> None:
        """Take in what one more letter says."""
        before = self.changed.get(key) or self._known.get(key)
        after = self._laid(before, said, at)
        if after is not before:
            self.changed[key] = after

    def news(self, key: K) -> V | None:
        """Read what is said since this transaction began; None when the words are as before."""
        heard = self.changed.get(key)
        return None if heard is None or heard.said == self.known(key) else heard.said

    def known(self, key: K) -> V | None:
        """Read what was said before this transaction."""
        heard = self._known.get(key)
        return None if heard is None else heard.said


class ReportedDetails:
    """Collect what the letters of one transaction say of people, by their id, and of courses.

    `left` has when people left (ms UTC), by the latest of them.
    """

    def __init__(
        self,
        contacts: Mapping[str, ReportedValue[Contact]] | None = None,
        titles: Mapping[Key, ReportedValue[str]] | None = None,
    ) -> None:
        self.contacts = ReportedChanges(contacts or {}, contact_laid)
        self.titles = ReportedChanges(titles or {}, title_laid)
        self.left: dict[str, int] = {}

    def hear(self, fact: Fact, person: str, course: str) -> None:
        """Take in what a fact's letter says beside it.

        `person` is the learner's id, `course` the LMS's in its one spelling.
        """
        if fact.contact is not None and fact.contact != NOTHING and person:
            self.contacts.hear(person, fact.contact, fact.occurred_at)
        if fact.said.TOPIC == LearnerLeft.TOPIC and person:
            self.left[person] = max(fact.occurred_at, self.left.get(person, NEVER))
        if fact.title and course:
            key = (fact.source, fact.account, course)
            self.titles.hear(key, fact.title, fact.occurred_at)

    def addresses(self) -> int:
        """Read how many people have another address now."""
        return sum(
            heard.said.email is not None
            and heard.said.email != (self.contacts.known(person) or NOTHING).email
            for person, heard in self.contacts.changed.items()
        )


def title_laid(before: ReportedValue[str] | None, said: str, at: int) -> ReportedValue[str]:
    """Lay one title over another: the later counts."""
    return before if before is not None and at <= before.at else ReportedValue(said, at)


def contact_laid(
    before: ReportedValue[Contact] | None, said: Contact, at: int
) -> ReportedValue[Contact]:
    """Lay one contact over another: the later name counts, and the later address, whole.

    A letter without a usable contact takes none away: only another contact does.
    """
    after = before or ReportedValue(NOTHING, NEVER)
    if said.name is not None and at > after.named_at:
        after = ReportedValue(replace(after.said, name=said.name), after.at, at)
    if (said.email is not None or said.fields) and at > after.at:
        after = ReportedValue(replace(said, name=after.said.name), at, after.named_at)
    return after


class ReportedContacts:
    """Keep what letters say of people, by person id."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        capitals = ledger.reader().dialect.has("address", "[A-Z]")
        if ledger.create(CONTACTS.format(capitals=capitals)):
            spell_contacts_anew(ledger)
        self._of_these = ledger.reader().dialect.any_of("person")

    def of(self, persons: Iterable[str]) -> dict[str, ReportedValue[Contact]]:
        """Read what is known of these people, as of the last commit."""
        rows = self._ledger.reader().execute(
            "SELECT person, name, email, fields, said_at, named_at FROM contacts "
            f"WHERE {self._of_these}",
            (list(persons),),
        )
        return {
            person: ReportedValue(Contact(name, email, _fields.decode(fields)), at, named_at)
            for person, name, email, fields, at, named_at in rows
        }

    def changes(self, changed: Mapping[str, ReportedValue[Contact]]) -> Statement:
        """Give what writes what has changed."""
        return HEAR, [_contact_row(person, changed[person]) for person in sorted(changed)]

    def columns(self) -> Counter[str]:
        """Count the people of whom letters say something by each name."""
        reader = self._ledger.reader()
        fields = reader.dialect.pairs("fields", "e")
        return counts(reader, f"SELECT e.key, COUNT(*) FROM contacts, {fields} GROUP BY 1")

    def column(self, name: str) -> Counter[str]:
        """Count the people of whom letters say each value by a name."""
        reader = self._ledger.reader()
        each = f"SELECT e.value, COUNT(*) FROM contacts, {reader.dialect.pairs('fields', 'e')}"
        return counts(reader, f"{each} WHERE e.key = ? GROUP BY 1", name)


class ReportedTitles:
    """Keep what letters call courses, by source, account and LMS id."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        self._of_these = ledger.reader().dialect.any_of("course")
        ledger.create(TITLES)

    def of(self, courses: Iterable[str]) -> dict[Key, ReportedValue[str]]:
        """Read what the courses with these LMS ids are called, as of the last commit."""
        rows = self._ledger.reader().execute(
            "SELECT source, account, course, title, said_at FROM course_names "
            f"WHERE {self._of_these}",
            (list(courses),),
        )
        return {(row[0], row[1], row[2]): ReportedValue(row[3], row[4]) for row in rows}

    def values(self, what: Literal["course", "title"]) -> Counter[str]:
        """Count the courses with each id or title."""
        query = f"SELECT {what}, COUNT(*) FROM course_names GROUP BY 1"
        return counts(self._ledger.reader(), query)

    def changes(self, changed: Mapping[Key, ReportedValue[str]]) -> Statement:
        """Give what writes what has changed."""
        return CALL, [(*key, changed[key].said, changed[key].at) for key in sorted(changed)]


def _contact_row(person: str, heard: ReportedValue[Contact]) -> tuple[object, ...]:
    said = heard.said
    fields = msgspec.json.encode(said.fields, order="sorted").decode()
    address = address_key(said.email) if said.email else None
    return person, said.name, said.email, fields, address, heard.at, heard.named_at


def filled(person: Person, said: Contact | None) -> Person:
    """Fill in what a letter says where no import said anything.

    An empty address is one that an import said is none.
    """
    if said is None:
        return person
    return replace(
        person,
        name=person.name or said.name,
        email=said.email if person.email is None else person.email,
        fields={**said.fields, **person.fields},
    )


def seen_by(
    own: Person, namesakes: Sequence[Person], heard: Mapping[str, ReportedValue[Contact]]
) -> Person | None:
    """See a row as its own account does, among all rows of its LMS id."""
    if own.lms_id is None:
        return own
    there = ((own.source, ""), (own.account, ""))
    rows = [row for row in namesakes if row.source in there[0] and row.account in there[1]]
    said = heard[own.id].said if own.id in heard else None
    return spoken_for((own.source, own.account, own.lms_id), rows, own.id, said)


def all_seen(
    own: Sequence[Person], rows: Iterable[Person], contacts: ReportedContacts
) -> dict[str, Person | None]:
    """See each row as its own account does, by id, among all rows of their LMS ids."""
    namesakes: dict[str | None, list[Person]] = {}
    for row in rows:
        namesakes.setdefault(row.lms_id, []).append(row)
    heard = contacts.of(row.id for row in own)
    return {row.id: seen_by(row, namesakes[row.lms_id], heard) for row in own}


def spoken_for(
    key: PersonKey, rows: Sequence[Person], person_id: str, said: Contact | None
) -> Person | None:
    """Pick who has this key, by the first row about them; have they left, by the newest."""
    source, account, _ = key
    speaking = [
        row for row in rows if row.source == source or said is None or same_person(row, said).same
    ]
    if not speaking:
        return None if said is None else filled(Person(person_id, *key), said)
    theirs = [row for row in speaking if row is speaking[0] or row.source == source]
    left = max(theirs, key=lambda row: row.left_at or (0 if row.left_as else -1))
    found = replace(
        speaking[0],
        id=person_id or speaking[0].id,
        source=source,
        account=account,
        left_as=left.left_as,
        left_at=left.left_at,
    )
    return filled(found, said)
