"""Tell sources and accounts that are known here from those that nothing has named."""

from collections.abc import Iterator
from contextlib import closing

from service.app.app import SOURCES
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.directory.tables.csv_cells import RowScope
from service.learners.directory.zone_codes import ZoneCodes
from service.learners.enrollment_views import accounts_of_instances
from service.ledger.sql import STORE_ERRORS
from service.ledger.sqlite.database import connect_to_read
from service.ledger.store import Store
from service.rules.text import hint, listed

SOURCE_NAMES = tuple(source.name for source in SOURCES)
NAMED_AT_MOST = 5


def refused_source(name: str) -> str | None:
    """Say what is wrong with a source's name, if anything."""
    if name in SOURCE_NAMES:
        return None
    return f"expected {listed(SOURCE_NAMES)}, got another{hint(name, SOURCE_NAMES)}"


def unnamed_account(ledger: Store, source: str | None, account: str) -> str | None:
    """Say that no letter and no import has named an account, of a source or of any.

    None if one has, and as long as nothing says which accounts there are.
    """
    known = set[str]()
    for some in _accounts(ledger, source):
        known |= some
        if account in known:
            return None
    if not known:
        return None
    names = sorted(known - {""})
    there = f"; there is {listed(names[:NAMED_AT_MOST])}" if names else "; there are no accounts"
    near = hint(account, names) or there
    return f"expected an account that a letter or an import has named, got another{near}"


def row_scope(ledger: Store, source: str | None, account: str | None) -> RowScope:
    """Make the scope of imported rows; of an account that is new it is told once, and may be."""
    told = set[tuple[str, str]]()

    def doubted(source: str, account: str) -> str | None:
        if (source, account) in told:
            return None
        told.add((source, account))
        return unnamed_account(ledger, source, account)

    return RowScope(
        source or "",
        account or "",
        refused=refused_source,
        doubted=doubted,
        zone=ZoneCodes(ledger).read,
    )


def _accounts(ledger: Store, source: str | None) -> Iterator[set[str]]:
    """Read the accounts of people, courses and instances; an empty one is that of no account."""
    yield People(ledger).accounts(source)
    yield Courses(ledger).accounts(source)
    views = ledger.folder / "views.db"
    if views.is_file():
        try:
            with closing(connect_to_read(views)) as connection:
                yield accounts_of_instances(connection, source)
        except STORE_ERRORS:  # they are disposable
            return
