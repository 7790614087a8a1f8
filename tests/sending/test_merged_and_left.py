"""Who has left and has several records: the one that counts decides, and finds managers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.learners.directory.managers import Managers
from service.learners.directory.people import Person, PersonRow, person_key
from service.learners.facts import LearnerLeft, PlacedFact
from tests.installation import DONE, START, Installation, completed
from tests.merged_people import ACCOUNT, merge, merge_fact

OLD = PersonRow("77", *ACCOUNT, name="Ada Byron", email="old@example.org", groups=("Desk",))
NEW = PersonRow("78", *ACCOUNT, name="Ada Lovelace", email="new@example.org")
LEFT = """
  - id: gone
    trigger: {event: learner.left}
    notify:
      - {to: 'group:Desk', via: email, template: completed}
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE + LEFT) as found:
        found.import_people([OLD, NEW])
        yield found


def leave(here: Installation, learner: int, at: int) -> str:
    fact = replace(merge_fact(learner, None, at), said=LearnerLeft(), key=f"left-{learner}-{at}")
    (outcome,) = here.app.writer.write([PlacedFact(fact, 0, 0)], at, lambda _: ())
    return outcome.state


def person(here: Installation, lms_id: str) -> Person:
    key = person_key(*ACCOUNT, lms_id)
    found = here.app.people.get(here.app.people.known([key])[key])
    assert found
    return found


def desk(here: Installation) -> list[str]:
    return here.app.people.in_group("Desk", *ACCOUNT)


def test_an_account_that_is_deleted_because_it_was_merged_has_not_left(here: Installation) -> None:
    merge(here, 77, 78)
    assert leave(here, 77, START + 1) == "recorded"
    assert here.notifications() == []
    assert desk(here) == [person(here, "78").id], "the groups of both"
    assert here.app.people.in_group("Desk", *ACCOUNT, person(here, "78").id)
    here.post(completed(START + 2, 77), at=START + 2)
    here.tick(START + 3)
    assert [row["state"] for row in here.notifications()] == ["sent"]


def test_an_account_that_was_deleted_before_it_is_merged_is_theirs(here: Installation) -> None:
    leave(here, 77, START)
    assert desk(here) == []
    merge(here, 77, 78, START + 1)
    assert desk(here) == [person(here, "78").id] and not person(here, "77").left_as
    merge(here, 77, None, START + 2)
    assert desk(here) == [] and person(here, "77").left_as == "deleted"


def test_when_the_one_that_counts_leaves_so_do_the_others(here: Installation) -> None:
    merge(here, 77, 78)
    here.app.writer.lookup.person(person(here, "77").id)
    leave(here, 78, START + 1)
    assert desk(here) == []
    here.post(completed(START + 2, 77), at=START + 2)
    here.tick(START + 3)
    (row,) = [row for row in here.notifications() if row["rule"] != "gone"]
    assert (row["state"], row["reason"]) == ("suppressed", "left")


def test_a_manager_is_the_record_that_counts_and_nobody_leads_themselves_by_another(
    here: Installation,
) -> None:
    here.import_people(
        [
            PersonRow("79", *ACCOUNT, manager="77"),
            replace(NEW, manager="79"),
            PersonRow("80", *ACCOUNT, manager="Byron, Ada"),
            PersonRow("81", *ACCOUNT, name="Ada Byron", email="third@example.org"),
        ]
    )

    def led(lms_id: str) -> tuple[str | None, str]:
        found = Managers(here.app.people).find(person(here, lms_id))
        return found.person and found.person.lms_id, found.how

    assert (led("79"), led("78"), led("80")) == (("77", "id"), ("79", "id"), (None, "several"))
    merge(here, 77, 78)
    merge(here, 81, 78, START + 1)
    assert (led("79"), led("78"), led("80")) == ((None, "circle"), (None, "circle"), ("78", "name"))


def test_a_manager_of_another_system_is_looked_up_there(here: Installation) -> None:
    here.import_people(
        [
            replace(OLD, manager="90"),
            PersonRow("90", *ACCOUNT, email="boss@example.org"),
            PersonRow("u-1", "sunbird"),
            PersonRow("90", "sunbird", email="stranger@example.org"),
        ]
    )
    fact = replace(merge_fact(77, 1), into=("sunbird", "", "u-1"))
    here.app.writer.write([PlacedFact(fact, 0, 0)], START, lambda _: ())
    found = Managers(here.app.people).of(person(here, "77"))
    assert found and (found.source, found.email) == ("adobe", "boss@example.org")


def test_lists_of_people_have_every_record_with_an_id(here: Installation) -> None:
    merge(here, 77, 78)
    here.import_people([replace(NEW, manager="boss@example.org")])
    (alone,) = [each for each in here.app.people.page() if each.lms_id is None]
    key = person_key(*ACCOUNT, "90")
    with here.app.ledger.transaction() as cursor:
        here.app.people.meet(cursor, [("9" * 32, key)])
    here.import_people([PersonRow("90", *ACCOUNT, email="boss@example.org")])
    here.import_people([PersonRow("90", *ACCOUNT, email="chief@example.org")])
    assert {each.lms_id for each in here.app.people.page()} == {"77", "78", "90"}
    reader = here.app.people.get(alone.id)
    assert reader and (reader.lms_id, reader.email) == ("90", "chief@example.org")
