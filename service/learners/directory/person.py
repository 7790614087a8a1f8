"""Describe a person: their key, what is known of them, what may be said about them."""

import os

import msgspec

from service.learners.facts import Contact

PersonKey = tuple[str, str, str]
"""Source, account and LMS id; empty source and account mean everywhere."""


class Person(msgspec.Struct, frozen=True):
    """Describe a person as seen from one source and account; `manager` is an id or an address."""

    id: str
    source: str
    account: str
    lms_id: str | None
    name: str | None = None
    email: str | None = None
    manager: str | None = None
    timezone: str | None = None
    locale: str | None = None
    groups: tuple[str, ...] = ()
    fields: dict[str, str] = {}


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

    @property
    def key(self) -> PersonKey:
        """Give the key that tells this person from any other."""
        return self.source, self.account, self.lms_id


def filled(person: Person, said: Contact | None) -> Person:
    """Fill in what a letter says where no import said anything.

    An empty address is one that an import said is none.
    """
    if said is None:
        return person
    return msgspec.structs.replace(
        person,
        name=person.name or said.name,
        email=said.email if person.email is None else person.email,
        fields={**said.fields, **person.fields},
    )


def contradicts(row: Person, said: Contact | None) -> bool:
    """Tell whether a row for everywhere is about another person than the letters with its LMS id.

    Their addresses say so, or where one has none their names, if both have one: the ids of
    most systems are small numbers, and two systems give the same ones.
    """
    if said is None:
        return False
    if row.email and said.email:
        return address_key(row.email) != address_key(said.email)
    return bool(row.name and said.name and _plain(row.name) != _plain(said.name))


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def new_person_id(now: int) -> str:
    """Make a random id, 32 hex digits, in the order of `now` (milliseconds since 1970 UTC).

    Random, because nothing in the log may lead back to a person who was forgotten.
    """
    return f"{now // 1000 & 0xFFFFFFFF:08x}{os.urandom(12).hex()}"


def address_key(address: str) -> str:
    """Make what two spellings of one address share: case counts before the @ and not after.

    RFC 5321 §2.4 leaves the first part to its host. Taking two spellings for two people costs
    a name; taking two people for one would send one's mail to the other.
    """
    local, at, domain = address.strip().rpartition("@")
    return f"{local}{at}{domain.lower()}"
