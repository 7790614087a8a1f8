"""Another process writes to the same ledger while a batch is being folded."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from service.learners.directory.tables.csv_import import small_transaction
from service.learners.world import AppendedEvent, World
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Append
from tests.learners.cast import NOW, completed, day, enrolled, progress
from tests.learners.writer_with_rules import Desk, by


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(SqliteStore(tmp_path / "ledger.db"))
    yield opened
    opened.ledger.close()


def another_process(desk: Desk, then: Callable[[Desk], None]) -> Callable[..., None]:
    """A rule in whose midst another process writes to the same ledger, once."""
    left = [then]

    def rule(appended: AppendedEvent, world: World) -> None:
        if left:
            other = Desk(SqliteStore(desk.ledger.path))
            left.pop()(other)
            other.ledger.close()

    return rule


def test_a_person_met_by_another_process_meanwhile_is_that_person(desk: Desk) -> None:
    def importing(other: Desk) -> None:
        row = PersonRow("77", "adobe", "1234", name="Ada Lovelace")
        with other.ledger.transaction() as cursor:
            other.people.store(cursor, [row], NOW)

    desk.rule = another_process(desk, importing)  # type: ignore[assignment]
    assert desk.write(enrolled(day(1)), by(enrolled(day(1)), person="78")) == ["recorded"] * 2
    assert [person.name for person in desk.people.namesakes("77")] == ["Ada Lovelace"]
    found = desk.enrollment()
    assert found is not None and found.about.person == desk.people.namesakes("77")[0].id
    assert len(desk.log()) == 2


def test_a_stream_written_by_another_process_meanwhile_is_folded_again(desk: Desk) -> None:
    desk.write(enrolled(day(1)))
    other_write = lambda other: other.write(completed(day(2)))  # noqa: E731
    desk.rule = another_process(desk, other_write)  # type: ignore[assignment]
    outcomes = desk.write(progress(day(2, 5), 50.0), completed(day(2)))
    assert outcomes == ["superseded", "duplicate"]
    found = desk.enrollment()
    assert found is not None
    assert (found.version, found.state.status) == (3, "completed")


def test_what_others_imported_is_seen_in_the_next_batch(desk: Desk) -> None:
    names: list[str | None] = []

    def rule(appended: AppendedEvent, world: World) -> None:
        person = world.person(appended.aggregate.about.person)  # type: ignore[union-attr]
        names.append(person.name if person else None)

    desk.rule = rule  # type: ignore[assignment]
    desk.write(enrolled(day(1)))
    other = Desk(SqliteStore(desk.ledger.path))
    with other.ledger.transaction() as cursor:
        other.people.store(cursor, [PersonRow("77", name="Ada"), PersonRow("78", name="Grace")], 1)
    other.ledger.close()
    desk.write(completed(day(2)), by(enrolled(day(1)), person="78"))
    assert names == [None, "Ada", "Grace"]


def test_who_writes_right_behind_an_import_in_this_process_reads_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = desk.ledger.revision(), list[int]()
    with small_transaction(desk.ledger):
        monkeypatch.setattr(desk.ledger, "wake", lambda: seen.append(desk.ledger.revision()))
    assert seen == [before + 1]


def elsewhere(desk: Desk, person: str, into: str = "") -> str:
    """Another process merges rows for every account, or imports somebody else."""
    other = Desk(SqliteStore(desk.ledger.path))
    if into:
        known = other.people.known([("adobe", "", person), ("adobe", "", into)])
        links = {known["adobe", "", person]: known["adobe", "", into]}
        other.ledger.append(Append(tables=list(other.people.merges.changes(links))))
    else:
        with other.ledger.transaction() as cursor:
            other.people.store(cursor, [PersonRow(person, "moodle")], NOW)
    other.ledger.close()
    return person


def everywhere(desk: Desk) -> None:
    with desk.ledger.transaction() as cursor:
        rows = [PersonRow(id, "adobe", name="Ada") for id in ("77", "78", "1", "2")]
        desk.people.store(cursor, rows, NOW)


def test_an_import_beside_holds_up_nobody_where_some_are_merged(desk: Desk) -> None:
    everywhere(desk)
    elsewhere(desk, "1", "2")
    seen: list[str] = []
    desk.rule = lambda *_: seen.append(elsewhere(desk, f"x{len(seen)}"))  # type: ignore[func-returns-value]
    assert desk.write(enrolled(day(1))) == ["recorded"]
    assert len(seen) == 1


def test_who_is_met_while_their_general_row_is_merged_is_merged_too(desk: Desk) -> None:
    everywhere(desk)
    desk.rule = another_process(desk, lambda other: elsewhere(other, "77", "78"))  # type: ignore[assignment, arg-type, return-value]
    assert desk.write(enrolled(day(1))) == ["recorded"]
    met = desk.people.known([("adobe", "1234", "77")])["adobe", "1234", "77"]
    assert [each.lms_id for each in desk.people.records(met)] == ["78", "77"]
