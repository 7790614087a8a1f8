"""Who has left: as files say it in their words, and as letters do; what was said last counts."""

import io
from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from service.learners.directory.leaving import left_as, left_as_adobe_says
from service.learners.directory.people import Person, PersonRow
from service.learners.directory.people_csv import people_in
from service.learners.directory.tables.csv_file import CsvTable, RowProblem
from service.learners.facts import LearnerLeft
from service.ledger.sql import STORE_ERRORS
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.cast import NOW, completed, day, fact, see, seen
from tests.learners.writer_with_rules import FAILS, Desk

KEY = ("adobe", "1234", "77")


def leaves(at: int, id: str = ""):  # type: ignore[no-untyped-def]
    said = fact(at, LearnerLeft(), id, "delete-user")
    return msgspec.structs.replace(said, course="", kind="", instance=None)


def imports(desk: Desk, at: int, *scope: str, **data: object) -> None:
    with desk.ledger.transaction() as cursor:
        desk.people.store(cursor, [PersonRow("77", *scope, **data)], at)  # type: ignore[arg-type]
    desk.writer.forget()


def known(desk: Desk) -> Person:
    (person,) = desk.people.known([KEY]).values()
    found = desk.people.get(person)
    assert found is not None
    assert found == desk.people.find(KEY) == desk.writer.world(NOW).person(person)
    assert found == desk.people.everybody(9)[person]
    return found


def rows(text: str) -> tuple[list[PersonRow], list[RowProblem]]:
    table = CsvTable(io.BufferedReader(io.BytesIO(text.encode())), "people.csv")  # type: ignore[arg-type]
    found = list(people_in(table))
    problems = [each for each in found if isinstance(each, RowProblem)]
    return [each for each in found if isinstance(each, PersonRow)], problems


@pytest.mark.parametrize("state", ["ACTIVE", "active", " Active\u00a0", ""])
def test_who_is_active_is_there(state: str) -> None:
    assert left_as(state) == left_as_adobe_says(state) == ""


@pytest.mark.parametrize(
    "state, said",
    [("DELETED", "deleted"), ("Suspended", "suspended"), ("left", "left"), ("Berlin", None),
     ("Terminated", "terminated"), ("inactive", "inactive")],
)  # fmt: skip
def test_a_state_in_our_own_files(state: str, said: str | None) -> None:
    assert left_as(state) == said
    (row,), problems = rows(f"id,State\n77,{state}\n")
    assert (row.left_as, row.fields) == (said, {"State": state})
    assert [(p.line, p.column, p.warning) for p in problems] == (
        [] if said else [(2, "State", True)]
    )


@pytest.mark.parametrize(
    "state, deleted, said",
    [("ACTIVE", "", ""), ("DELETED", "", "deleted"), ("SUSPENDED", "", "suspended"),
     ("INACTIVE", "", ""), ("ACTIVE", "2026-01-02T10:00:00", "deleted"), ("#N/A", "", "")],
)  # fmt: skip
def test_a_state_in_adobes_report(state: str, deleted: str, said: str) -> None:
    (row,), _ = rows(f"internalUserID,userEmail,state,dateDeleted\n77,,{state},{deleted}\n")
    assert row.left_as == said
    assert row.fields.get("state") == (None if state == "#N/A" else state)


@pytest.mark.parametrize(
    "head, cells, said",
    [("active", "no", "inactive"), ("Active", "FALSE", "inactive"), ("active", "yes", ""),
     ("active", "1", ""), ("state,active", "deleted,yes", "deleted"), ("name", "Ada", None),
     ("active", "perhaps", None), ("date deleted", "", ""), ("state", "#N/A", None),
     ("dateDeleted", "0", ""), ("dateDeleted", "0000-00-00 00:00:00", ""),
     ("dateDeleted", "0001-01-01T00:00:00", ""), ("dateDeleted", "3 May 2026", "deleted")],
)  # fmt: skip
def test_other_columns_that_say_so(head: str, cells: str, said: str | None) -> None:
    (row,), problems = rows(f"id,{head}\n77,{cells}\n")
    assert row.left_as == said
    assert bool(problems) == (cells in ("perhaps", "#N/A"))


def test_what_an_import_says_of_it_stays_until_it_says_otherwise(desk: Desk) -> None:
    imports(desk, day(1), *KEY[:2], left_as="deleted", name="Ada")
    imports(desk, day(2), *KEY[:2], name="Ada Lovelace")
    assert (known(desk).left_as, known(desk).left_at) == ("deleted", day(1))

    imports(desk, day(3), *KEY[:2], left_as="")
    assert known(desk).left_as is None


@pytest.mark.parametrize("state", ["", "deleted"])
def test_a_row_that_says_the_same_again_is_newer_than_a_letter_of_in_between(
    desk: Desk, state: str
) -> None:
    imports(desk, day(1), *KEY[:2], left_as=state, name="Ada")
    imports(desk, day(5), *KEY[:2], left_as=state, name="Ada")
    desk.write(leaves(day(3)))
    assert (known(desk).left_as, known(desk).left_at) == (state or None, day(5))
    imports(desk, day(7), *KEY[:2], name="Ada")
    desk.write(leaves(day(6), "again"))
    assert (known(desk).left_as, known(desk).left_at) == ("deleted", day(6))


def test_a_letter_says_that_somebody_has_left_whom_nobody_knew(desk: Desk) -> None:
    assert desk.write(leaves(day(1))) == ["recorded"]
    assert (known(desk).left_as, known(desk).left_at) == ("deleted", day(1))


@pytest.mark.parametrize("scope", [(), ("adobe",), ("adobe", "1234")])
def test_a_later_import_wins_and_a_later_letter_does(desk: Desk, scope: tuple[str, ...]) -> None:
    imports(desk, day(2), *scope, left_as="", name="Ada")
    desk.write(completed(day(1)), leaves(day(1)))
    assert known(desk).left_as is None

    desk.write(leaves(day(3)))
    assert known(desk).left_as == "deleted"

    imports(desk, day(4), *scope, left_as="", name="Ada L")
    assert known(desk).left_as is None

    desk.write(leaves(day(3), "again"), leaves(day(1), "late"))
    assert known(desk).left_as is None

    desk.write(leaves(day(5)))
    assert known(desk).left_as == "deleted"


def test_an_import_that_says_nothing_of_it_is_no_reason_to_disbelieve_a_letter(desk: Desk) -> None:
    imports(desk, day(2), *KEY[:2], name="Ada")
    desk.write(leaves(day(1)))
    assert known(desk).left_as == "deleted"


def test_whatever_happens_after_somebody_left_does_not_bring_them_back(desk: Desk) -> None:
    desk.write(leaves(day(1)), seen(day(2)), completed(day(3)))
    assert known(desk).left_as == "deleted"


def test_a_letter_of_which_nothing_is_on_disk_has_said_nothing(desk: Desk) -> None:
    desk.write(completed(day(1)))
    with pytest.raises(STORE_ERRORS):
        desk.write(leaves(day(2)), marks=lambda _: [FAILS])
    assert known(desk).left_as is None


def test_in_every_order_the_newest_leaving_counts_and_sign_ins_are_apart() -> None:
    for order in permutations([seen(day(1)), leaves(day(2)), seen(day(3)), leaves(day(4))]):
        folded, _ = see(*order)
        assert (folded.marked_at, folded.left_at) == (day(3), day(4))


def test_a_leaving_is_told_of_once_whoever_says_it_and_the_next_one_again() -> None:
    twice = leaves(day(2) + 60_000, "status")
    _, events = see(leaves(day(2)), leaves(day(1)), leaves(day(2), "again"), twice, leaves(day(9)))
    assert [e.transitions for e in events] == [("learner.left",), (), (), (), ("learner.left",)]
    assert [e.superseded for e in events] == [False, True, True, False, False]


def test_who_left_by_a_letter_is_in_no_group_of_an_import_for_everywhere(desk: Desk) -> None:
    imports(desk, day(1), groups=("Ops",), left_as="")
    desk.write(completed(day(2)))
    (member,) = desk.people.in_group("Ops", "adobe", "1234")
    assert desk.people.in_group("Ops", "adobe", "1234", member) == [member]

    desk.write(leaves(day(2)))
    assert desk.people.in_group("Ops", "adobe", "1234") == []
    assert desk.people.in_group("Ops", "adobe", "1234", member) == []
    assert desk.people.in_group("Ops", "sunbird", "") == [member]


def test_a_ledger_of_an_older_version_knows_of_nobody_who_left(tmp_path: Path) -> None:
    desk = Desk(SqliteStore(tmp_path / "ledger.db"))
    imports(desk, day(1), *KEY[:2], name="Ada")
    with desk.ledger.transaction() as cursor:
        cursor.execute("ALTER TABLE people DROP COLUMN left_at")
    desk.ledger.close()

    again = Desk(SqliteStore(tmp_path / "ledger.db"))
    again.write(leaves(day(2)))
    assert known(again).left_as == "deleted"
    again.ledger.close()
