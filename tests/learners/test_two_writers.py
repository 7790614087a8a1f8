"""Another process writes to the same ledger while a batch is being folded."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import IntegrityError

from service.learners.directory.people import PersonRow
from service.learners.directory.tables.csv_import import small_transaction
from service.learners.world import AppendedEvent, World
from service.ledger.store import Append
from tests.learners.cast import NOW, completed, day, enrolled, progress
from tests.learners.writer_with_rules import Desk, by


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path / "ledger.db")
    yield opened
    opened.ledger.close()


def another_process(desk: Desk, then: Callable[[Desk], None]) -> Callable[..., None]:
    """A rule in whose midst another process writes to the same ledger, once."""
    left = [then]

    def rule(appended: AppendedEvent, world: World) -> None:
        if left:
            other = Desk(desk.ledger.path)
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
    other = Desk(desk.ledger.path)
    with other.ledger.transaction() as cursor:
        other.people.store(cursor, [PersonRow("77", name="Ada"), PersonRow("78", name="Grace")], 1)
    other.ledger.close()
    desk.write(completed(day(2)), by(enrolled(day(1)), person="78"))
    assert names == [None, "Ada", "Grace"]


def test_who_writes_right_behind_an_import_in_this_process_reads_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided_on = desk.ledger.revision()
    refused: list[object] = []

    def next_in_line() -> None:
        with pytest.raises(IntegrityError) as found:
            desk.ledger.append(Append(revision=decided_on))
        refused.append(found)

    with small_transaction(desk.ledger):
        monkeypatch.setattr(desk.ledger, "wake", next_in_line)
    assert refused
