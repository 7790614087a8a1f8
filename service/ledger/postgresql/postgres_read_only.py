"""Read a ledger in PostgreSQL that is there, or copy it: nothing of it is made or changed."""

from contextlib import closing
from pathlib import Path

from service.ledger.postgresql.connections import Server, Session, told
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.tables import has_log, refuse_newer_schema, schema_of
from service.ledger.sqlite.database import SqliteConnection, connect

ROWS_AT_A_TIME = 5_000
AS_OF_NOW = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class ReadOnlyPostgresStore(LogReader):
    """Open a ledger only to be read."""

    shared = True

    def __init__(self, address: str) -> None:
        """Raise LedgerError when a newer program made it, SessionLost without a server."""
        super().__init__(Server(address))
        refuse_newer_schema(schema_of(self.reader()))

    def is_out_of_date(self) -> bool:
        """Tell that it is not: the server shows what was committed when it was asked."""
        return False

    def create(self, script: str, *, remembered: bool = True) -> bool:
        """Make nothing: the tables are there, or this is no ledger."""
        return False


def has_ledger(address: str) -> bool:
    """Tell whether there is a ledger in a database; raises LedgerError or SessionLost."""
    with closing(LogReader(Server(address))) as found:
        return has_log(found.reader())


def copy_into(file: Path, address: str) -> None:
    """Fill the empty tables of a ledger in a file as of one moment; positions stay."""
    server = Server(address)
    with closing(LogReader(server)) as reader, closing(connect(file)) as target:
        there = {name: sorted(reader.columns(name)) for (name,) in target.execute(TABLES)}
        with closing(server.connect(reading=True)) as session, told():
            session.execute(AS_OF_NOW)
            target.execute("BEGIN IMMEDIATE")
            for table, columns in there.items():
                if columns:
                    _copy(session, target, table=table, columns=columns)
            target.execute("COMMIT")


def _copy(session: Session, target: SqliteConnection, *, table: str, columns: list[str]) -> None:
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    with session.cursor("copied") as rows:
        rows.itersize = ROWS_AT_A_TIME
        rows.execute(f"SELECT {names} FROM {table}")  # of the names that our own scripts give
        target.executemany(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", rows)
