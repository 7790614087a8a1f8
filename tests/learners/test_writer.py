"""The one writer: decides at each event as it stands then, and commits all of it or nothing."""

from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError, PersistenceError

from service.learners.aggregate import Cache
from service.learners.enrollment import Enrollment
from service.learners.instance import Instance
from service.learners.world import AppendedEvent, Decisions, FactOutcome, World
from service.ledger.sql import STORE_ERRORS, Statement
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.cast import LOGIC, NOW, SESSION, completed, day, enrolled, progress, seats
from tests.learners.writer_with_rules import FAILS, Desk, Noted, by


def test_rules_see_each_event_as_it_stands_then_not_at_the_end(desk: Desk) -> None:
    seen: list[Any] = []

    def rule(appended: AppendedEvent, world: World) -> None:
        session = world.instance("adobe", "1234", LOGIC, SESSION)
        free = session.newest.enrollment_count if session and session.newest else None
        if isinstance(appended.aggregate, Enrollment):
            seen.append((appended.version, appended.aggregate.state.status, free))

    desk.rule = rule  # type: ignore[assignment]
    desk.write(
        enrolled(day(1)), seats(day(1), 9), progress(day(2), 5.0), seats(day(2), 8),
        completed(day(3)), enrolled(day(40)),
    )  # fmt: skip
    assert seen == [
        (1, "enrolled", None), (2, "in_progress", 9), (3, "completed", 8), (4, "enrolled", 8),
    ]  # fmt: skip


def test_rules_see_only_what_changed_something(desk: Desk) -> None:
    seen: list[str] = []
    desk.rule = lambda appended, world: seen.append(appended.event.name)  # type: ignore
    facts = [completed(day(2)), progress(day(2, 5), 5.0), completed(day(2)), enrolled(day(2, 5))]
    assert desk.write(*facts) == ["recorded", "superseded", "duplicate", "recorded"]
    assert seen == ["COURSE_COMPLETED"]


def test_how_events_are_packed_changes_no_decision(desk: Desk, tmp_path: Path) -> None:
    facts = [enrolled(day(1)), completed(day(2)), enrolled(day(40)), completed(day(50))]
    shown = []
    for number, sizes in enumerate([(4,), (1, 1, 1, 1), (3, 1), (2, 2)]):
        other, seen = Desk(SqliteStore(tmp_path / f"{number}.db")), []
        other.rule = lambda h, world, seen=seen: seen.append(  # type: ignore
            (h.version, h.event.transitions, h.aggregate.state)
        )
        rest = facts
        for size in sizes:
            other.write(*rest[:size])
            rest = rest[size:]
        other.ledger.close()
        shown.append(seen)
    assert shown == [shown[0]] * 4
    assert len(shown[0]) == 4


def noting(appended: AppendedEvent, world: World) -> Decisions:
    """Once per event, and a memory that goes on from what the batch itself wrote."""
    last = world.latest("memory")
    what = appended.event.name
    following = ("memory", last[0] + 1 if last else 1, Noted(what=what))
    return Decisions(
        once=[(f"n{appended.stream}/{appended.version}", Noted(what=what))],
        following=[following], erasable=[(f"n{appended.stream}", what, "Ada")],
    )  # fmt: skip


def test_events_decisions_people_and_marks_are_one_transaction(desk: Desk) -> None:
    desk.rule = noting
    facts = [enrolled(day(1)), completed(day(2)), by(enrolled(day(1)), person="78")]

    def marks(outcomes: list[FactOutcome]) -> list[Statement]:
        assert [outcome.state for outcome in outcomes] == ["recorded"] * 3
        return [FAILS]

    with pytest.raises(STORE_ERRORS):
        desk.write(*facts, marks=marks)
    assert desk.log() == []
    assert desk.people.page() == []
    assert desk.write(*facts) == ["recorded"] * 3
    assert [v for topic, stream, v in desk.log() if stream == "memory"] == [1, 2, 3]
    assert len(desk.log()) == 9
    assert desk.write(*facts) == ["duplicate"] * 3
    assert len(desk.log()) == 9


def test_a_rule_that_raises_leaves_nothing_behind(desk: Desk) -> None:
    desk.rule = lambda appended, world: 1 // 0  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        desk.write(enrolled(day(1)))
    assert (desk.log(), desk.people.page(), desk.enrollment()) == ([], [], None)
    desk.rule = noting
    assert desk.write(enrolled(day(1))) == ["recorded"]


@pytest.mark.parametrize("error", [RuntimeError, PersistenceError])
def test_what_was_not_committed_is_not_remembered(desk: Desk, error: type[Exception]) -> None:
    """The state in memory is the one on disk: else the next try finds only duplicates."""

    def marks(outcomes: list[FactOutcome]) -> list[Statement]:
        raise error

    desk.write(enrolled(day(1)))
    with pytest.raises(error):
        desk.write(completed(day(2)), enrolled(day(40)), marks=marks)
    found = desk.enrollment()
    assert found is not None
    assert (found.version, found.state.status) == (1, "enrolled")
    assert desk.write(completed(day(2)), enrolled(day(40))) == ["recorded"] * 2


def test_a_decision_with_a_derived_id_is_made_once(desk: Desk) -> None:
    again = Decisions(once=[("n1", Noted(what="first"))])
    desk.writer.commit(again)
    desk.writer.commit(Decisions(once=[("n1", Noted(what="second"))]))
    latest = desk.writer.lookup.latest("n1")
    assert latest == (1, Noted(what="first"))


def test_two_asks_at_one_version_are_one_ask_and_one_error(desk: Desk) -> None:
    desk.writer.commit(Decisions(following=[("clock", 1, Noted(what="one"))]))
    with pytest.raises(IntegrityError):
        desk.writer.commit(
            Decisions(following=[("clock", 1, Noted(what="two"))], once=[("n1", Noted(what=""))])
        )
    assert len(desk.log()) == 1


def test_the_same_learner_id_in_two_accounts_is_two_people(desk: Desk) -> None:
    desk.write(enrolled(day(1)), by(completed(day(2)), account="5678"))
    assert len({person.id for person in desk.people.page()}) == 2
    one, two = desk.enrollment(), desk.enrollment(account="5678")
    assert one is not None and one.state.status == "enrolled"
    assert two is not None and two.state.status == "completed"
    keys = [("adobe", "1234", "77"), ("adobe", "5678", "77")]
    assert desk.people.known(keys) == dict(
        zip(keys, (one.about.person, two.about.person), strict=True)
    )


def test_nothing_in_the_log_leads_back_to_an_lms_id(desk: Desk, tmp_path: Path) -> None:
    """Ids are random: another ledger gives the same learner another one, at the same moment."""
    facts = [by(enrolled(day(1)), person="987654321"), by(completed(day(2)), person="987654321")]
    other, ids = Desk(SqliteStore(tmp_path / "other.db")), []
    for each in (desk, other):
        each.write(*facts)
        ids.append([stream for _, stream, _ in each.log()])
        rows = each.ledger.reader().execute("SELECT originator_id, state FROM stored_events")
        assert not any("987654321" in id or b"987654321" in state for id, state in rows)
    other.ledger.close()
    assert set(ids[0]).isdisjoint(ids[1])
    assert len(set(ids[0])) == 1


def test_a_batch_with_more_streams_than_are_remembered_is_taken(desk: Desk) -> None:
    """What was fetched for a batch is held by it, whatever the memory has room for."""
    desk.writer.memory.known = Cache(2)
    learners = [str(n) for n in range(100, 130)]
    for at, make in ((1, enrolled), (2, completed), (40, enrolled)):
        outcomes = desk.write(*(by(make(day(at)), person=n) for n in learners), seats(day(at), at))
        assert outcomes == ["recorded"] * 31
    found = [desk.enrollment(n) for n in learners]
    assert {each and (each.version, each.state.enrolled_at) for each in found} == {(3, day(40))}
    session = desk.writer.world(NOW).instance("adobe", "1234", LOGIC, SESSION)
    assert isinstance(session, Instance)
    assert session.version == 3
