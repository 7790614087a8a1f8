"""People in a ledger of their own, for the tests about people."""

from service.learners.directory.people import People, PersonKey, PersonRow
from service.ledger.sqlite.sqlite_store import SqliteStore

NOW = 1_700_000_000_000
ADA = ("adobe", "42", "7")


def meet(ledger: SqliteStore, people: People, *keys: PersonKey) -> list[str]:
    met = [(people.new_id(NOW), key) for key in keys]
    with ledger.transaction() as cursor:
        people.meet(cursor, met)
    return [person for person, _ in met]


def store(ledger: SqliteStore, people: People, *rows: PersonRow) -> tuple[int, int, int]:
    with ledger.transaction() as cursor:
        return people.store(cursor, rows, NOW)


def row(lms_id: str, *scope: str, **data: object) -> PersonRow:
    source, account = scope or ("", "")
    return PersonRow(lms_id=lms_id, source=source, account=account, **data)  # type: ignore[arg-type]


def rows_in(ledger: SqliteStore) -> int:
    found: int = ledger.reader().execute("SELECT COUNT(*) FROM people").fetchone()[0]
    return found
