"""People counted, listed and chosen: what is asked of their tables, on either engine."""

import pytest

from service.learners.directory.courses import Courses
from service.learners.directory.imports import RecordedImport, last_imports, newest_of_sources
from service.learners.directory.imports import record as record_import
from service.learners.directory.people import People
from service.learners.directory.people_import import KNOWN
from service.learners.directory.people_table import choosing, meet_chooser
from service.learners.directory.zone_codes import ZoneCode, ZoneCodes
from service.learners.facts import Contact
from tests.learners.cast import completed, day
from tests.learners.directory.known_people import ADA, NOW, meet, row, store
from tests.learners.directory.test_reported import says
from tests.learners.writer_with_rules import Desk
from tests.ledger.stores import Opened


def import_of(at: int, source: str = "adobe", **more: object) -> RecordedImport:
    return RecordedImport(what="people", source=source, account="", at=at, rows=3, **more)  # type: ignore[arg-type]


def test_groups_columns_and_values_are_counted(ledger: Opened, people: People) -> None:
    store(
        ledger, people,
        row("7", groups=("Ops", "Sales"), fields={"Team": "A", "Desk": "1"}, locale="de"),
        row("8", groups=("Ops",), fields={"Team": "A"}, locale="en"),
        row("9", "adobe", "42", fields={"Team": 'B "x" \u00fc'}, timezone="Europe/Vienna"),
    )  # fmt: skip
    assert people.groups() == {"Ops": 2, "Sales": 1}
    assert people.columns() == {"Team": 3, "Desk": 1}
    assert people.column("Team") == {"A": 2, 'B "x" \u00fc': 1}
    assert people.values("locale") == {"de": 1, "en": 1}
    assert people.values("account") == {"42": 1}
    assert people.accounts("adobe") == {"42"}
    assert people.imported()


def test_what_letters_say_is_counted_beside(desk: Desk) -> None:
    desk.write(says(completed(day(1)), Contact("Ada", None, {"phone": "1"}), title="Logic"))
    assert desk.people.columns() == {"phone": 1}
    assert desk.people.column("phone") == {"1": 1}
    assert Courses(desk.ledger).called() == {"Logic": 1}
    assert desk.people.accounts(None) == {"1234"}


def test_lms_ids_are_found_of_many_and_of_none(ledger: Opened, people: People) -> None:
    ids = meet(ledger, people, *[("adobe", "42", str(n)) for n in range(30)])
    assert people.lms_ids(ids[10:]) == {id: str(n) for n, id in enumerate(ids[10:], 10)}
    assert people.lms_ids([]) == {}
    assert set(people.several(ids)) == set(ids)
    assert people.several([]) == {}


def test_who_was_imported_is_read_a_page_at_a_time_in_order_of_bytes(
    ledger: Opened, people: People
) -> None:
    names = ["a", "B", "\u00e9", "b", "_", "10", "9", "\U0001f600"]
    store(ledger, people, *[row(name, "adobe", "42", name="x") for name in names])
    rows = ledger.reader().execute(KNOWN, ("adobe", "42", "10", 5)).fetchall()
    assert [lms_id for lms_id, *_ in rows] == ["9", "B", "_", "a", "b"]


def test_whoever_reads_where_somebody_chose_is_found(ledger: Opened, people: People) -> None:
    store(ledger, people, row("7", email="ada@example.org"), row("8", email="b@example.org"))
    with ledger.transaction() as cursor:
        stream = meet_chooser(cursor, "Ada@Example.org", NOW)
        assert meet_chooser(cursor, "ada@example.org", NOW) == stream
        other = meet_chooser(cursor, "nobody@example.org", NOW)
    (ada,) = meet(ledger, people, ADA)
    general = people.namesakes("7")[0].id
    assert people.choices_stream("ADA@example.org") == stream
    assert sorted(choosing(ledger.reader(), [stream, other])) == sorted([ada, general])


def test_the_newest_import_of_each_list_is_told(ledger: Opened) -> None:
    assert last_imports(ledger) == []
    record_import(ledger, [import_of(1), import_of(2, full=True), import_of(3, refused=True)])
    record_import(ledger, [import_of(4, "sunbird"), import_of(5, list="Sales")])

    assert [(each.at, each.full) for each in last_imports(ledger)] == [
        (2, True), (5, False), (4, False),
    ]  # fmt: skip
    assert [each.at for each in last_imports(ledger, or_refused=True)] == [3, 5, 4]
    assert [each.at for each in last_imports(ledger, full=True)] == [2]
    assert newest_of_sources(last_imports(ledger)) == {"adobe": 2, "sunbird": 4}


def test_codes_of_zones_are_kept_and_replaced(ledger: Opened) -> None:
    codes = ZoneCodes(ledger)
    for zone, counted in (("Europe/Vienna", (1, 0, 0)), ("Europe/Rome", (0, 1, 0))):
        with ledger.transaction() as cursor:
            assert codes.store(cursor, [ZoneCode("adobe", "42", "7", zone)], NOW) == counted
    assert codes.read("adobe", "42", "7").name == "Europe/Rome"


@pytest.mark.parametrize("source", ["", "adobe"])
def test_which_rows_speak_for_whom_is_told(ledger: Opened, people: People, source: str) -> None:
    store(ledger, people, row("7", source, "", name="Grace"))
    meet(ledger, people, ADA)
    assert people.verdicts(people.namesakes("7")[0]) == []
    assert people.values("source")["adobe"] == (2 if source else 1)
