"""Connect to PostgreSQL so that the promises hold, and say what it refuses without a value.

Every limit is a session's own, set by its first statement: a pooler that knows no start-up options
(PgBouncer) lets it pass, and the same statement asks whether this server may be written to.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.string import StrDumperUnknown

from service.ledger.sql import RunAgain
from service.ledger.store import Durability, LedgerError, Mark

logging.getLogger("psycopg").setLevel(logging.ERROR)  # what it warns of it raises, too

Session = psycopg.Connection[tuple[Any, ...]]

BY_DEFAULT = {
    "application_name": "coursebell",
    "connect_timeout": "3",
    "keepalives_idle": "2",
    "keepalives_interval": "1",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "target_session_attrs": "read-write",
}
"""Of the client, unless the address says otherwise: a pulled cable is noticed in seconds."""

OF_SESSIONS = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "lock_timeout": "5000",
    "idle_in_transaction_session_timeout": "30000",
    "client_min_messages": "warning",
}
"""Of the server. No `statement_timeout` where something is written: it would also cancel a COMMIT
that waits for its standby, and a cancelled wait looks like success."""

OF_READERS = {
    "statement_timeout": "300000",
    "idle_in_transaction_session_timeout": "60000",
    "default_transaction_read_only": "on",
}
FIRST = """
SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE
  ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
  set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit')
    IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""
"""Reads the timeline, which a promotion raises; 0 on a standby. A commit is on disk, always."""

WHICH = "SELECT system_identifier FROM pg_control_system()"
"""One number for a server, its standbys and whatever was a primary among them."""

ASKED = """
SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
  current_setting('synchronous_standby_names') <> '',
  (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
  (SELECT count(*) FROM pg_stat_replication WHERE sync_state IS NULL),
  current_setting('synchronous_commit')
"""
"""Whether the server writes so that a crash loses nothing, whether commits wait for standbys, how
many of them are there, how many this role may not look at, and what a commit waits for there."""

SERVER, TIMELINE = "server", "timeline"
QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
NUL = "22021"
WHAT_NUL_IS = "a text has a NUL character or is no UTF-8, which PostgreSQL does not store"


class SessionLost(PersistenceError):
    """Say that the server went away, or can only be read by now, as a primary of the past.

    Only who was at its COMMIT does not know what was kept.
    """


KINDS: dict[str, type[Exception]] = {
    "23": IntegrityError,
    "40": RunAgain,
    "55P03": RunAgain,
    "08": SessionLost,
    "57P": SessionLost,
    "25P0": SessionLost,
    "25006": SessionLost,
}
"""By the beginning of an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


class Whole(Dumper):
    """Write true and false as 1 and 0: the tables have no other booleans, as on SQLite."""

    def dump(self, obj: bool) -> Buffer:
        """Give the digit."""
        return b"1" if obj else b"0"


class Text(StrDumperUnknown):
    """Write NUL, which PostgreSQL does not store, as what stands for a character of no use.

    So a name that has one can be kept, and is found again. Ids of the log are refused.
    """

    def dump(self, obj: str) -> Buffer | None:
        """Give the bytes."""
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class Number(Loader):
    """Read `numeric` as whole where it is: PostgreSQL gives the sum of whole numbers as one."""

    def load(self, data: Buffer) -> int | float:
        """Give a number as SQLite would."""
        text = bytes(data).decode()
        return float(text) if "." in text or "N" in text else int(text)


class Server:
    """Know where the database is, and the newest timeline that was seen of it.

    That is remembered in `seen`, if it is given: whoever has just been started is to refuse a
    primary of the past as well.
    """

    def __init__(self, address: str, seen: Mark | None = None) -> None:
        """Raise LedgerError for an address that cannot be read; it is never quoted."""
        try:
            self._parameters = {**BY_DEFAULT, **conninfo_to_dict(address)}
        except (psycopg.ProgrammingError, ValueError):
            raise LedgerError(
                "the database's address: expected postgresql://user@host/database, got something "
                "else (a special character of a password is written as in a URL, `@` as %40)"
            ) from None  # the library's words quote the address
        self.timeline = 0
        self._seen = seen

    def connect(self, *, reading: bool = False) -> Session:
        """Open a session in autocommit mode; raises SessionLost, also for an old primary."""
        settings = {**OF_SESSIONS, **(OF_READERS if reading else {})}
        with told():
            session = psycopg.connect(make_conninfo("", **self._parameters), autocommit=True)
            try:
                self._prepare(session, settings)
            except BaseException:
                session.close()
                raise
        return session

    def _prepare(self, session: Session, settings: dict[str, str]) -> None:
        session.adapters.register_dumper(bool, Whole)
        session.adapters.register_dumper(str, Text)
        session.adapters.register_loader("numeric", Number)
        session.prepare_threshold = 2
        timeline = _timeline_of(session, settings)
        if self._seen and timeline != self.timeline:
            timeline = _among_seen(self._seen, session, timeline)
        if timeline < max(self.timeline, 1):
            self._begin_elsewhere()
            raise SessionLost(
                "PostgreSQL: expected the primary, got a standby or a primary of the past; "
                "look which server the address leads to"
            )
        self.timeline = timeline

    def _begin_elsewhere(self) -> None:
        """Ask another host first from now on: libpq takes any primary, also one of the past."""
        for name in ("host", "hostaddr", "port"):
            first, more, others = str(self._parameters.get(name) or "").partition(",")
            if more:
                self._parameters[name] = f"{others},{first}"


def _timeline_of(session: Session, settings: dict[str, str]) -> int:
    set_all = "".join(f", set_config('{name}', '{to}', false)" for name, to in settings.items())
    row = session.execute(FIRST + set_all, prepare=False).fetchone()
    timeline: int = row[0] if row else 0
    return timeline


def _among_seen(seen: Mark, session: Session, timeline: int) -> int:
    """Remember the newest timeline of a server; give 0 for one older than was ever seen of it.

    One that does not say which server it is, as to roles without leave, is not remembered.
    """
    with suppress(psycopg.errors.InsufficientPrivilege):
        ((server,),) = session.execute(WHICH, prepare=False).fetchall()
        newest = seen.end(TIMELINE) if seen.end(SERVER) == server else 0
        if 0 < timeline < newest:
            return 0
        if timeline > newest:
            seen.write({SERVER: server, TIMELINE: timeline})
    return timeline


@contextmanager
def told() -> Iterator[None]:
    """Say what PostgreSQL refuses in the ledger's errors, and never with a value.

    Raises IntegrityError, RunAgain, SessionLost, or else PersistenceError.
    """
    try:
        yield
    except (psycopg.DataError, UnicodeEncodeError) as error:
        state = getattr(error, "sqlstate", None)
        why = f"code {state}" if state not in (None, NUL) else WHAT_NUL_IS
        raise PersistenceError(f"PostgreSQL refuses a value: {why}") from error
    except psycopg.Error as error:
        raise ledger_error(error)(words(error)) from error


def ledger_error(error: psycopg.Error) -> type[Exception]:
    """Find which of the ledger's errors it is by its code; one without ended the session."""
    if error.sqlstate is None:
        return SessionLost
    return next(
        (KINDS[code] for code in KINDS if error.sqlstate.startswith(code)), PersistenceError
    )


def words(error: psycopg.Error) -> str:
    """Say what failed: the error's name, code and constraint; a message may quote a value.

    Of a session that could not be opened libpq's reason, without what it quotes.
    """
    found = f"PostgreSQL: {type(error).__name__}"
    about = [error.sqlstate, error.diag.constraint_name, error.diag.table_name]
    if error.sqlstate is None:
        about.append(QUOTED.sub("…", str(error).partition("\n")[0].rpartition("failed: ")[2]))
    return f"{found} ({', '.join(each for each in about if each)})"


def durability(keeps: bool, waits: bool, standbys: int, unseen: int, commit: str) -> Durability:
    """Say what a letter that was answered 202 survives, by what ASKED has found.

    https://www.postgresql.org/docs/current/runtime-config-wal.html and
    https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION.
    """
    if not keeps:
        return Durability(
            "a letter may be lost when the server's machine crashes: fsync or full_page_writes "
            "is off; turn both on",
            doubtful=True,
        )
    if not waits:
        return Durability(
            "a letter survives a crash of the server, and not the loss of its disk or a failover: "
            "no commit waits for a standby (synchronous_standby_names)"
        )
    if standbys:
        where = "has received" if commit == "remote_write" else "has on its disk"
        return Durability(
            f"a letter survives a failover: of {standbys} synchronous standby servers one {where} "
            "what was committed"
        )
    if unseen:
        return Durability(
            "commits wait for a standby, and this role may not see whether one is there; "
            "grant it pg_monitor"
        )
    return Durability(
        "no synchronous standby is there: commits wait until one is, and the door answers 503",
        doubtful=True,
    )
