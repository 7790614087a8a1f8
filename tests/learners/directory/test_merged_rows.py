"""Rows of people that are merged: links, circles, and rows for every account, on either engine."""

import pytest

from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.facts import CourseDeleted, LearnerMerged
from service.learners.neighbours import Neighbours
from service.ledger.sql import CONFLICTS
from service.rules.explain.history import LedgerHistory
from tests.learners.cast import LOGIC, TIMING, completed, day, enrolled, fact
from tests.learners.directory.known_people import meet, row, store
from tests.learners.writer_with_rules import Desk, by
from tests.ledger.stores import Opened


def merge(ledger: Opened, people: People, record: str, into: str) -> None:
    changes = list(people.merges.changes({record: into}))
    with ledger.transaction() as cursor:
        for each in changes:
            cursor.executemany(*each)


def keys(*ids: str) -> list[tuple[str, str, str]]:
    return [("adobe", "42", id) for id in ids]


def test_a_merge_is_followed_ended_and_never_a_circle(ledger: Opened, people: People) -> None:
    a, b, c = meet(ledger, people, *keys("1", "2", "3"))
    merge(ledger, people, a, b)
    merge(ledger, people, b, c)
    assert people.records_of(a) == [c, b, a]
    assert sorted(people.merges.all()) == sorted([a, b])
    assert people.merges.in_accounts() and people.merges.place(a) == ("adobe", "42")
    with pytest.raises(CONFLICTS):
        merge(ledger, people, c, a)
    merge(ledger, people, b, "")
    assert people.records_of(a) == [b, a]


def test_a_row_for_every_account_is_merged_with_the_one_it_speaks_for(
    ledger: Opened, people: People
) -> None:
    store(ledger, people, row("1", name="Ada"), row("2", name="Ada King"))
    a, b = meet(ledger, people, *keys("1", "2"))
    merge(ledger, people, a, b)
    general = {each.lms_id: each.id for each in people.page() if not each.source}
    assert people.merges.into(general["1"]) == general["2"]


def test_who_is_met_in_another_account_inherits_the_merge_of_the_general_row(
    ledger: Opened, people: People
) -> None:
    store(ledger, people, row("1", "adobe", "", name="Ada"), row("2", "adobe", "", name="King"))
    general = {each.lms_id: each.id for each in people.page()}
    merge(ledger, people, general["1"], general["2"])
    assert people.merges.inherits(keys("1")) and not people.merges.inherits(keys("9"))
    (a,) = meet(ledger, people, *keys("1"))

    found = people.known(keys("1", "2"))
    assert len(found) == 2 and people.merges.into(a) == found["adobe", "42", "2"]
    assert found["adobe", "42", "2"][:8] == a[:8], "met in the same second"
    assert meet(ledger, people, *keys("9"))


def test_what_stands_beside_an_enrolment_is_found_in_the_log(desk: Desk) -> None:
    beside = Neighbours(desk.store)
    other = by(enrolled(day(2)), instance="course:1_3")
    elsewhere = by(enrolled(day(3)), course="course:2", instance="course:2_1")
    desk.write(enrolled(day(1)), other, completed(day(4)), elsewhere)
    desk.write(by(enrolled(day(1)), person="78"))
    (ada,) = desk.people.known([("adobe", "1234", "77")]).values()

    assert len(beside.enrollments(ada)) == 3
    assert len(beside.enrollments(ada, LOGIC)) == 2
    assert beside.enrollments(ada)[:2] == beside.enrollments(ada, LOGIC), "the oldest first"
    assert beside.enrollments("9" * 32) == []
    found = desk.enrollment()
    assert found and beside.ever_deleted(found.about) == []
    deleted = fact(day(5), CourseDeleted(), name="DELETED")
    desk.write(by(deleted, person=None, instance=None))  # type: ignore[arg-type]
    assert len(beside.ever_deleted(found.about)) == 1


def test_enrolments_are_found_by_an_index_of_the_log(desk: Desk) -> None:
    desk.write(*[by(enrolled(day(1)), person=str(n)) for n in range(300)])
    beside, reader = Neighbours(desk.store), desk.ledger.reader()
    on_postgresql = reader.dialect.log == "events"
    if on_postgresql:
        reader.execute("SET enable_seqscan = off")  # else a small table is read whole
    explained = "EXPLAIN" if on_postgresql else "EXPLAIN QUERY PLAN"
    plan = reader.execute(f"{explained} {beside._in_one}", ("1", "e", "e~", LOGIC)).fetchall()
    assert "enrollments_by_learner" in str(plan)


def test_what_the_log_has_of_merges_is_told_first_to_last(desk: Desk) -> None:
    desk.write(enrolled(day(1)), by(enrolled(day(1)), person="78"))
    merging = fact(day(2), LearnerMerged(), name="MERGED")
    outcomes = desk.write(
        by(merging, course="", kind="", instance=None, into=("adobe", "1234", "78"))
    )  # type: ignore[arg-type]
    known = desk.people.known([("adobe", "1234", "77"), ("adobe", "1234", "78")])
    ada, grace = known["adobe", "1234", "77"], known["adobe", "1234", "78"]
    assert outcomes == ["recorded"]
    (link,) = Neighbours(desk.store).ever_merged()
    assert (link.record, link.into) == (ada, grace) and link.position and link.at


def test_ids_near_another_are_offered_and_addresses_are_not(desk: Desk) -> None:
    store(desk.ledger, desk.people, *[row(id) for id in ("ab1", "ab2", "ab@x.org", "AB3", "zz")])
    history = LedgerHistory(desk.store, desk.people, Courses(desk.ledger), {"adobe": TIMING})
    assert history.learners_near("abcd") == ["ab1", "ab2"]
