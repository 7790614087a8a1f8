"""Rows for every account that are merged, before any letter has named an account."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.incoming.letter import Arrival
from service.learners.directory.people import PersonRow
from service.learners.facts import Fact, LearnerMerged, PlacedFact, fact_key
from service.learners.neighbours import Neighbours
from tests.installation import DONE, START, Installation, body, completed, enrolled

ROWS = [
    PersonRow("77", "adobe", name="Ada", email="old@example.org", groups=("desk",)),
    PersonRow("78", "adobe", name="Ada", email="new@example.org"),
    PersonRow("79", "adobe", name="Ada", email="last@example.org"),
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as found:
        found.import_people(ROWS)
        yield found


def merge(here: Installation, id: str, into: str | None, account: str = "", at: int = START) -> str:
    """What became of it."""
    fact = Fact(
        source="adobe", account=account, name="merge", key=fact_key((id, str(at)), b""),
        occurred_at=at, said=LearnerMerged(), course="", kind="", person=id,
        into=into and ("adobe", account, into),
    )  # fmt: skip
    (outcome,) = here.app.writer.write([PlacedFact(fact, 0, 0)], at, lambda _: ())
    return outcome.state


def post(here: Installation, event: dict[str, object], account: int = 1234) -> None:
    arrival = Arrival("adobe", START, {}, body(event, account=account))
    here.app.letters.keep([arrival])
    here.app.take(START)


def records(here: Installation, id: str, account: str = "1234") -> list[str | None]:
    """Their LMS ids, the one that counts first."""
    key = ("adobe", account, id)
    people = here.app.people
    found = people.records(people.known([key])[key])
    assert {each.account for each in found} == {account}
    return [each.lms_id for each in found]


def test_the_first_letter_of_either_is_of_one_person(here: Installation) -> None:
    merge(here, "77", "78")
    post(here, completed(START, 77))
    assert records(here, "77") == ["78", "77"]
    find, known = Neighbours(here.app.store).enrollments, here.app.people.known
    ids = known([("adobe", "1234", "77"), ("adobe", "1234", "78")])
    assert not find(ids["adobe", "1234", "77"]) and find(ids["adobe", "1234", "78"])
    here.tick(START)
    assert here.states() == ["sent"] and "new@example.org" in here.drawer()[0]


def test_the_one_that_counts_has_what_was_said_of_the_other(here: Installation) -> None:
    merge(here, "77", "78")
    post(here, enrolled(START, 78))
    assert records(here, "78") == ["78", "77"]
    people = here.app.people
    found = people.get(people.known([("adobe", "1234", "78")])["adobe", "1234", "78"])
    assert found and found.groups == ("desk",) and found.email == "new@example.org"


def test_who_was_merged_on_is_so_in_each_account(here: Installation) -> None:
    merge(here, "78", "79")
    merge(here, "77", "78")
    for account in (1234, 999):
        post(here, enrolled(START, 78), account)
        assert records(here, "77", str(account)) == ["79", "78", "77"]


@pytest.mark.parametrize("by", ["import", "wish", "letter"])
def test_whoever_brings_them_first(here: Installation, by: str) -> None:
    merge(here, "77", "78")
    if by == "import":
        here.import_people([PersonRow("77", "adobe", "1234", name="Ada Byron")])
    elif by == "wish":
        here.app.watch_requests.meet(("adobe", "1234", "77"), START)
    else:
        post(here, enrolled(START, 77))
    assert records(here, "77") == ["78", "77"]
    links = Neighbours(here.app.store).ever_merged()
    known = here.app.people.known([("adobe", "1234", "77"), ("adobe", "1234", "78")])
    assert {each.record: each.into for each in links}.items() >= {
        known["adobe", "1234", "77"]: known["adobe", "1234", "78"]
    }.items()


def test_undone_before_the_first_letter_it_never_was(here: Installation) -> None:
    merge(here, "77", "78")
    assert merge(here, "77", None, at=START + 1) == "recorded"
    post(here, enrolled(START, 77))
    assert records(here, "77") == ["77"]


def test_undone_in_each_account_the_rows_are_two_again(here: Installation) -> None:
    merge(here, "77", "78")
    for account in (1234, 999):
        post(here, enrolled(START, 77), account)
    assert merge(here, "77", None, "1234", at=START + 1) == "recorded"
    assert (records(here, "77"), records(here, "77", "999")) == (["77"], ["78", "77"])
    assert merge(here, "77", None, "999", at=START + 2) == "recorded"
    post(here, enrolled(START, 77), 5)
    assert records(here, "77", "999") == records(here, "77", "5") == ["77"]


def test_a_merge_in_one_account_is_none_in_another_without_rows_for_both(tmp_path: Path) -> None:
    with Installation(tmp_path, DONE) as here:
        here.import_people([PersonRow("77", "adobe", name="Ada", email="old@example.org")])
        merge(here, "77", "78", "1234")
        post(here, enrolled(START, 77), 999)
        assert records(here, "77", "999") == ["77"]


def test_who_is_merged_into_a_row_of_another_system_follows_it(here: Installation) -> None:
    here.import_people([PersonRow("9", "sunbird", name="Ada", email="nine@example.org")])
    fact = Fact(
        source="sunbird", account="", name="merge", key=fact_key(("m",), b""), occurred_at=START,
        said=LearnerMerged(), course="", kind="", person="9", into=("adobe", "", "78"),
    )  # fmt: skip
    here.app.writer.write([PlacedFact(fact, 0, 0)], START, lambda _: ())
    post(here, enrolled(START, 78))
    people = here.app.people
    nine = people.known([("sunbird", "", "9")])["sunbird", "", "9"]
    assert [each.account for each in people.records(nine)] == ["1234", ""]


def general(here: Installation) -> dict[str, str]:
    """Which rows for every account are merged into which, by LMS id."""
    found = here.app.ledger.reader().execute(
        "SELECT p.lms_id, q.lms_id FROM people p JOIN people q ON q.id = p.merged_into "
        "WHERE p.account = '' AND q.account = ''"
    )
    return dict(found.fetchall())


def test_what_an_import_said_goes_with_who_is_met_by_being_merged(here: Installation) -> None:
    assert merge(here, "77", "78", "1234") == "recorded"
    assert records(here, "77") == ["78", "77"]
    assert general(here) == {"77": "78"}


def test_somebody_met_elsewhere_by_the_same_letters_keeps_what_an_import_said(
    here: Installation,
) -> None:
    facts = [
        Fact(
            source="adobe", account=account, name="merge", key=fact_key((account,), b""),
            occurred_at=START, said=LearnerMerged(), course="", kind="", person=person,
            into=("adobe", account, into),
        )
        for account, person, into in (("999", "76", "77"), ("1234", "77", "78"))
    ]  # fmt: skip
    told = [PlacedFact(fact, 0, place) for place, fact in enumerate(facts)]
    here.app.writer.write(told, START, lambda _: ())
    assert general(here) == {}


def test_a_merge_against_that_of_the_rows_for_every_account_holds_up_nothing(
    here: Installation,
) -> None:
    post(here, enrolled(START, 77))
    post(here, enrolled(START, 78))
    assert merge(here, "77", "78") == "recorded"
    assert merge(here, "78", "77", "1234", at=START + 1) == "recorded"
    assert records(here, "78") == ["77", "78"]
    assert general(here) == {"77": "78"}
