"""Whether a row for every source is about whom letters call so, and the reason that is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learners.directory.people import Person
from service.learners.directory.same_person import same_person
from service.learners.facts import Contact
from tests.spellings import TEXTS

SAME, MIDDLE = "the names are the same", "the names differ in a middle name"
SHORT, SURNAME = "one name is short for the other", "the names differ in the surname"
OTHER, BOTH = "the names have no given name in common", "the addresses differ, and so do the names"


def person(name: str | None, email: str | None = None) -> Person:
    return Person("f" * 32, "", "", "7", name=name, email=email)


@pytest.mark.parametrize("addresses", [(None, None), ("a@x.org", None), ("a@x.org", "b@y.org")])
@pytest.mark.parametrize(
    ("row", "said", "why"),
    [
        ("ADA LOVELACE", "Ada Lovelace", SAME),
        ("Lovelace, Ada", "Ada Lovelace", SAME),
        ("lovelace ada", "Ada Lovelace", SAME),
        ("Dr. Ada Lovelace", "Ada Lovelace", SAME),
        ("Jose\u0301 Mu\u0308ller", "Jose Mueller", SAME),
        ("JOSE MULLER", "Jos\u00e9 M\u00fcller", SAME),
        ("Ada Byron Lovelace", "Ada Lovelace", MIDDLE),
        ("Lovelace, Ada B.", "Ada Byron Lovelace", MIDDLE),
    ],
)
def test_one_full_name_is_one_person_also_at_another_address(
    row: str, said: str, why: str, addresses: tuple[str | None, str | None]
) -> None:
    found = same_person(person(row, addresses[0]), Contact(said, addresses[1]))
    assert found == (True, why)
    turned = same_person(person(said, addresses[1]), Contact(row, addresses[0]))
    assert turned == (True, why)


@pytest.mark.parametrize(
    ("row", "said", "why"),
    [
        ("Ada King", "Ada Lovelace", SURNAME),
        ("King, Ada", "Ada Lovelace", SURNAME),
        ("Ada", "Ada Lovelace", SHORT),
        ("A. Lovelace", "Ada Lovelace", SHORT),
    ],
)
def test_less_than_a_full_name_is_one_person_unless_addresses_say_otherwise(
    row: str, said: str, why: str
) -> None:
    assert same_person(person(row, "a@x.org"), Contact(said)) == (True, why)
    assert same_person(person(row, "a@x.org"), Contact(said, "A@X.org")).same
    assert same_person(person(row, "a@x.org"), Contact(said, "b@x.org")) == (False, BOTH)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("Grace Hopper", "Ada Lovelace"),
        ("Grace Lovelace", "Ada Lovelace"),
        ("B. Lovelace", "Ada Lovelace"),
        ("\u0930\u093e\u092e \u0915\u0941\u092e\u093e\u0930",
         "\u0930\u092e\u093e \u0915\u0941\u092e\u093e\u0930\u0940"),
    ],
)  # fmt: skip
def test_no_given_name_in_common_is_another(row: str, said: str) -> None:
    assert same_person(person(row), Contact(said)) == (False, OTHER)


def test_one_address_is_one_person_whatever_the_names() -> None:
    found = same_person(person("Grace", "ADA@x.org"), Contact("Ada", "ada@X.org"))
    assert found == (True, "the addresses are the same")


def test_where_one_has_no_name_the_addresses_decide() -> None:
    assert same_person(person(None, "a@x.org"), Contact("Ada")).same
    assert same_person(person("?", "a@x.org"), Contact("Ada")).same
    assert same_person(person(None, "a@x.org"), Contact("Ada", "b@x.org")) == (
        False,
        "the addresses differ",
    )


@given(TEXTS, TEXTS, st.sampled_from([None, "a@x.org"]), st.sampled_from([None, "b@x.org"]))
def test_it_is_decided_alike_from_both_sides_and_says_nothing_of_the_names(
    row: str, said: str, of_row: str | None, of_letter: str | None
) -> None:
    found = same_person(person(row, of_row), Contact(said, of_letter))
    assert found == same_person(person(said, of_letter), Contact(row, of_row))
    assert same_person(person(row, of_row), Contact(row)).same
    assert "@" not in found.why
