"""The shortcut: a person's enrolments by the views, where there are some; they only suggest."""

import sqlite3
from contextlib import closing
from pathlib import Path

from service.learners.database import connect
from service.learners.views_file import position_of

ENROLLED = "SELECT id FROM enrollments WHERE person = ?"


def suggested(views: Path, person: str) -> tuple[list[str], int] | None:
    """Ids of enrolments, and up to which position of the log there can be no others.

    None where the views cannot be read, which are disposable.
    """
    if not views.is_file():
        return None
    try:
        with closing(opened(views)) as connection:
            position = position_of(connection)
            return [row[0] for row in connection.execute(ENROLLED, (person,))], position
    except sqlite3.Error:
        return None


def opened(views: Path) -> sqlite3.Connection:
    """The views for reading; where nobody uses them as if they could not change.

    Otherwise SQLite leaves files beside them, which may belong to somebody else than the service.
    """
    if views.with_name(f"{views.name}-wal").exists():
        return connect(views, read_only=True)
    return sqlite3.connect(f"{views.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
