"""A manager is found by an id, an address, a unique id or a name, and never leads themselves."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.learners.directory.managers import LONGEST_CLIMB, Managers
from service.learners.directory.people import People, Person
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.directory.known_people import row, store

FILE = ("adobe", "42")


def led_by(
    people: People, lms_id: str = "7", file: tuple[str, str] = FILE
) -> tuple[str, str | None]:
    """How the manager of somebody was found, and who it is."""
    led = people.find((*file, lms_id))
    assert led
    found = Managers(people).find(led)
    return found.how, found.person and (found.person.lms_id or found.person.email)


@pytest.mark.parametrize(
    ("named", "how"),
    [
        ("9", "id"),
        ("BOSS@example.org", "address"),
        ("E1001", "unique id"),
        ("Grace Hopper", "name"),
        ("HOPPER, grace", "name"),
        ("Hopper Gr\u00e1ce", "name"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_manager_is_found_each_way_whatever_the_order_of_rows(
    ledger: SqliteStore, people: People, named: str, how: str, first: bool
) -> None:
    boss = row("9", *FILE, name="Grace Hopper", email="boss@example.org", unique_id="E1001")
    led = row("7", *FILE, manager=named)
    store(ledger, people, *([boss, led] if first else [led, boss]))
    assert led_by(people) == (how, "9")


@pytest.mark.parametrize("named", ["e1001", "Grace", "Grace B. Hopper", "8", "???"])
def test_ids_keep_their_case_and_a_part_of_a_name_is_nobody(
    ledger: SqliteStore, people: People, named: str
) -> None:
    boss = row("9", *FILE, name="Grace Hopper", unique_id="E1001")
    odd = row("10", *FILE, name="!?")
    store(ledger, people, boss, odd, row("7", *FILE, manager=named))
    assert led_by(people) == ("nobody", None)


@pytest.mark.parametrize("field", ["name", "unique_id"])
def test_two_people_of_one_name_are_nobody_unless_one_address_reads_for_both(
    ledger: SqliteStore, people: People, field: str
) -> None:
    value = {field: "Grace Hopper"}
    store(ledger, people, row("7", *FILE, manager="Grace Hopper"), row("8", *FILE, **value))
    store(ledger, people, row("9", *FILE, email="g@example.org", **value))
    assert led_by(people) == ("several", None)
    store(ledger, people, row("8", *FILE, email="G@example.org", **value))
    assert led_by(people)[1] in ("8", "9")


def test_who_has_left_is_not_counted_where_somebody_else_is_meant(
    ledger: SqliteStore, people: People
) -> None:
    gone = row("8", *FILE, name="Grace Hopper", left_as="deleted")
    store(ledger, people, row("7", *FILE, manager="Grace Hopper"), gone)
    assert led_by(people) == ("name", "8"), "who is passed over to theirs"
    store(ledger, people, row("9", *FILE, name="Grace Hopper"))
    assert led_by(people) == ("name", "9")


def test_a_name_means_somebody_in_the_file_that_has_it(ledger: SqliteStore, people: People) -> None:
    store(
        ledger, people, row("9", "adobe", "43", name="Grace Hopper"), row("10", name="Grace Hopper")
    )
    store(ledger, people, row("7", *FILE, manager="Grace Hopper"))
    assert led_by(people) == ("nobody", None)
    store(ledger, people, row("11", manager="Grace Hopper"))
    assert led_by(people, "11") == ("name", "10"), "named by the row for every source"


def test_a_name_in_a_row_for_every_source_is_not_the_stranger_with_that_number_here(
    ledger: SqliteStore, people: People
) -> None:
    store(ledger, people, row("7", manager="Grace Hopper"), row("9", name="Grace Hopper"))
    store(ledger, people, row("9", *FILE, name="Eve Stranger", email="eve@example.org"))
    led = people.find((*FILE, "7"))
    boss = led and Managers(people).of(led)
    assert boss and (boss.name, boss.email) == ("Grace Hopper", None)


def test_nobody_is_their_own_manager_by_whichever_way(ledger: SqliteStore, people: People) -> None:
    me = {"name": "Ada Lovelace", "email": "ada@example.org", "unique_id": "E7"}
    for named in ("7", "ADA@example.org", "E7", "lovelace, ada"):
        store(ledger, people, row("7", *FILE, manager=named, **me))
        assert led_by(people) == ("self", None)
    store(ledger, people, row("7", *FILE, manager="8", **me), row("8", *FILE, manager="9", **me))
    assert led_by(people) == ("self", None), "by another account of theirs"


@pytest.mark.parametrize("length", [2, 3, LONGEST_CLIMB])
def test_who_stands_on_a_circle_has_no_manager_and_who_hangs_on_it_has(
    ledger: SqliteStore, people: People, length: int
) -> None:
    rows = [row(str(n), *FILE, manager=str((n + 1) % length)) for n in range(length)]
    store(ledger, people, *rows, row("1000", *FILE, manager="0"))
    assert {led_by(people, str(n)) for n in range(length)} == {("circle", None)}
    assert led_by(people, "1000") == ("id", "0")


def test_a_climb_is_bounded(ledger: SqliteStore, people: People) -> None:
    store(ledger, people, *(row(str(n), *FILE, manager=str(n + 1)) for n in range(400)))
    assert led_by(people, "0") == ("id", "1")


WAYS = {
    "id": lambda n: str(n),
    "address": lambda n: f"P{n}@Example.org",
    "unique": lambda n: f"E{n}",
    "name": lambda n: f"{NAMES[n]}, Given{n}",
}
NAMES = ["Abel", "Bach", "Cohn", "Dirac", "Euler", "Fermi", "Gauss", "Hertz", "Ising", "Jacobi"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=10, max_size=10),
    st.lists(st.sampled_from(sorted(WAYS)), min_size=10, max_size=10),
    st.integers(),
)
def test_any_company_is_led_as_its_links_say_and_climbing_never_comes_back(
    tmp_path_factory: pytest.TempPathFactory, links: list[int | None], ways: list[str], seed: int
) -> None:
    """The oracle follows the links as numbers."""
    ledger = SqliteStore(tmp_path_factory.mktemp("people") / "ledger.db")
    people = People(ledger)
    rows = [
        row(
            str(n),
            *FILE,
            name=f"Given{n} {NAMES[n]}",
            email=f"p{n}@example.org",
            unique_id=f"E{n}",
            manager=named_as(links[n], ways[n]),
        )
        for n in range(10)
    ]
    random.Random(seed).shuffle(rows)
    for each in rows:
        store(ledger, people, each)
    managers = Managers(people)
    for n in range(10):
        expected = None if on_circle(links, n) else links[n]
        led = people.find((*FILE, str(n)))
        assert led
        found = managers.of(led)
        assert (found and found.lms_id) == (None if expected is None else str(expected))
        climbed: list[str] = []
        while found is not None:
            climbed.append(found.id)
            found = managers.of(found)
        assert led.id not in climbed and len(climbed) == len(set(climbed))
    ledger.close()


def named_as(link: int | None, way: str) -> str | None:
    return None if link is None else WAYS[way](link)


def on_circle(links: list[int | None], n: int) -> bool:
    above = links[n]
    for _ in range(10):
        if above is None or above == n:
            break
        above = links[above]
    return above == n


def test_a_manager_who_is_two_rows_with_one_address_reads_one_list(
    ledger: SqliteStore, people: People
) -> None:
    boss = {"name": "Grace Hopper", "email": "boss@example.org"}
    store(
        ledger,
        people,
        row("8", *FILE, **boss),
        row("9", *FILE, **boss | {"email": "BOSS@example.org"}),
    )
    store(ledger, people, row("6", *FILE, manager="9"), row("7", *FILE, manager="8"))
    store(ledger, people, row("5", *FILE, manager="Boss@example.org"))
    store(ledger, people, row("4", *FILE, manager="9"))
    readers = {_manager(people, each).id for each in "4567"}
    assert len(readers) == 1
    assert _manager(people, "6").lms_id == "9", "they stay two people"


def _manager(people: People, lms_id: str) -> Person:
    led = people.find((*FILE, lms_id))
    found = led and Managers(people).of(led)
    assert found
    return found


BOSS = row("9", name="Grace Hopper", email="boss@example.org")


@pytest.mark.parametrize("named", ["9", "Grace Hopper", "boss@example.org"])
def test_a_row_for_everywhere_means_who_has_the_id_everywhere(
    ledger: SqliteStore, people: People, named: str
) -> None:
    """Somebody else has it in the account, as a row there says; a row there means them."""
    other = row("9", *FILE, name="Dan Hill", email="dan@example.org", groups=("x",), manager="8")
    led = row("7", name="Ada", manager=named)
    store(ledger, people, BOSS, other, led, row("6", *FILE, name="Bob", manager="9"))
    emails = []
    for lms_id in ("7", "6"):
        found = people.find((*FILE, lms_id))
        manager = found and Managers(people).of(found)
        emails.append(manager and manager.email)
    assert emails == ["boss@example.org", "dan@example.org"]


def test_a_row_for_everywhere_means_the_one_here_who_is_the_same(
    ledger: SqliteStore, people: People
) -> None:
    here = row("9", *FILE, name="Grace B. Hopper", email="grace@example.com")
    store(ledger, people, BOSS, here, row("7", name="Ada", manager="9"))
    found = people.find((*FILE, "7"))
    manager = found and Managers(people).of(found)
    assert manager and manager.email == "grace@example.com"
