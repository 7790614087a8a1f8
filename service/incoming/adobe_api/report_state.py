"""Keep how far each report is, and decide when it is to be fetched: one process at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from service.ledger.store import Store

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

FIRST_LOOK_MS = 5 * SECOND
LONGEST_BETWEEN_LOOKS_MS = 5 * MINUTE
"""Each look is a request of the budget: at most 12 an hour, and a few at the beginning."""
JOB_MS = 6 * HOUR
"""After which a job is given up: what it would tell is old."""
FIRST_RETRY_MS = 5 * MINUTE
LONGEST_RETRY_MS = 6 * HOUR
HOLD_MS = 5 * MINUTE
"""For how long a report is kept from other processes by one that has died."""
RENEW_MS = MINUTE

ReportName = Literal["users", "trainings"]
REPORTS: tuple[ReportName, ...] = get_args(ReportName)

TABLE = """
CREATE TABLE IF NOT EXISTS adobe_reports (
    name TEXT PRIMARY KEY,
    held_until INTEGER NOT NULL,
    state TEXT NOT NULL
) WITHOUT ROWID;
"""
HOLD = """
INSERT INTO adobe_reports (name, held_until, state) VALUES (:name, :until, '{}')
ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until
WHERE adobe_reports.held_until <= :now OR adobe_reports.held_until > :impossible
"""

WRITE = """
UPDATE adobe_reports SET held_until = :until, state = :state
WHERE name = :name AND held_until = :mine
"""


class ReportState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Say how far a report is; times are ms since 1970 UTC.

    `job` is under way since `begun_at` for the token's `account`, was looked at `looks` times,
    and is next at `next_at`. `as_of` is when the job was begun whose report is in since
    `imported_at`, with so many rows. `failures` are those in a row; `error` is the last.
    """

    job: str | None = None
    account: str | None = None
    begun_at: int = 0
    looks: int = 0
    next_at: int = 0
    as_of: int | None = None
    imported_at: int | None = None
    rows: int = 0
    unusable: int = 0
    failures: int = 0
    failed_at: int | None = None
    error: str | None = None

    def job_for(self, account: str, now: int) -> str | None:
        """Give the job under way, unless it is too old or another account's."""
        good = self.account == account and 0 <= now - self.begun_at <= JOB_MS
        return self.job if good else None

    @property
    def is_overdue(self) -> bool:
        """Tell whether the job would be too old at the next look."""
        return self.next_at - self.begun_at > JOB_MS

    def begun(self, job: str, account: str, now: int) -> "ReportState":
        """Note a job that was started."""
        return replace(
            self, job=job, account=account, begun_at=now, looks=0, next_at=now + FIRST_LOOK_MS
        )

    def looked(self, now: int) -> "ReportState":
        """Note that the job is not done yet, and look again after a longer while."""
        distance = min(LONGEST_BETWEEN_LOOKS_MS, FIRST_LOOK_MS * 2 ** min(self.looks + 1, 20))
        return replace(self, looks=self.looks + 1, next_at=now + distance)

    def waiting(self, until: int) -> "ReportState":
        """Note that no request may be made until a moment."""
        return replace(self, next_at=until)

    def failed(self, words: str, now: int, *, begin_anew: bool) -> "ReportState":
        """Note a failure, and try again after a longer while, with the job if it may be of use."""
        distance = min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** min(self.failures, 20))
        return replace(
            self,
            job=None if begin_anew else self.job,
            failures=self.failures + 1,
            failed_at=now,
            error=words,
            next_at=now + distance,
        )

    def imported(self, rows: int, unusable: int, now: int) -> "ReportState":
        """Note that the report is in."""
        return ReportState(
            account=self.account,
            as_of=self.begun_at,
            imported_at=now,
            rows=rows,
            unusable=unusable,
            failed_at=self.failed_at,
        )


def next_fetch_at(state: ReportState, daily_at: int, now: int) -> int:
    """Tell when (ms UTC) to take the next step of a report that is to be new each day.

    `daily_at` is the moment of the day in UTC, in ms. What a clock that was ahead has noted does
    not put anything off.
    """
    due = now - (now - daily_at) % DAY
    if state.as_of is not None and due <= state.as_of <= now:
        return due + DAY
    ahead = state.next_at > now + LONGEST_RETRY_MS
    return now if ahead else max(now, state.next_at)


class HeldReport:
    """Hold a report for this process; what is kept is on disk at once."""

    def __init__(self, ledger: Store, name: ReportName, clock: Callable[[], int]) -> None:
        self.state = ReportState()
        self._ledger = ledger
        self._name = name
        self._clock = clock
        self._until = 0

    def take(self) -> bool:
        """Take it, unless another process has it.

        One that has it for longer than anybody may had a clock that was ahead.
        """
        now = self._clock()
        self._until = now + HOLD_MS
        values = {"name": self._name, "now": now, "until": self._until}
        with self._ledger.transaction() as cursor:
            taken = cursor.execute(HOLD, values | {"impossible": now + 2 * HOLD_MS}).rowcount
        return taken > 0

    def keep(self, state: ReportState) -> None:
        """Write how far it is."""
        self.state = state
        self._write(self._until)

    def renew(self) -> None:
        """Hold it for longer, if that was not said within a minute."""
        until = self._clock() + HOLD_MS
        if abs(until - self._until) >= RENEW_MS:
            self._write(until)

    def let_go(self) -> None:
        """Leave it to whoever comes."""
        self._write(0)

    def _write(self, until: int) -> None:
        """Write the state, unless another process has taken the report over meanwhile."""
        values = {"name": self._name, "mine": self._until, "until": until}
        self._until = until
        with self._ledger.transaction() as cursor:
            cursor.execute(WRITE, values | {"state": msgspec.json.encode(self.state).decode()})


class KeptReports:
    """Keep the states in the ledger, where other processes see them."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        ledger.create(TABLE, remembered=False)

    def read(self, name: ReportName) -> ReportState:
        """Read how far a report is."""
        found = (
            self._ledger.reader()
            .execute("SELECT state FROM adobe_reports WHERE name = ?", (name,))
            .fetchone()
        )
        return msgspec.json.decode(found[0], type=ReportState) if found else ReportState()

    def all(self) -> dict[ReportName, ReportState]:
        """Read of every report that was ever begun how far it is."""
        found = {name: self.read(name) for name in REPORTS}
        return {name: state for name, state in found.items() if state != ReportState()}

    @contextmanager
    def held(self, name: ReportName, clock: Callable[[], int]) -> Iterator[HeldReport | None]:
        """Hold a report from other processes; None while another does."""
        held = HeldReport(self._ledger, name, clock)
        if not held.take():
            yield None
            return
        held.state = self.read(name)
        try:
            yield held
        finally:
            held.let_go()
