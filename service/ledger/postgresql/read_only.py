"""Read a ledger in PostgreSQL that is there: nothing of it is made or changed."""

from contextlib import closing

from service.ledger.postgresql.connections import Server
from service.ledger.postgresql.log_reader import LogReader
from service.ledger.postgresql.tables import has_log, refuse_newer_schema, schema_of


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
