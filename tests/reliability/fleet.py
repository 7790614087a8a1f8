"""A fleet: two doors, three workers that stand by for each other, one PostgreSQL, a mail server.

Each process has a data folder of its own, as on a machine of its own; all go by one clock.
"""

import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.cli.serving import Serving, Working
from tests.postgres import Cluster
from tests.real_service import RealService
from tests.reliability.crowd_of_doors import CrowdOfDoors
from tests.reliability.shorter_leases import FREEZE, SECONDS
from tests.reliability.undisturbed import RULES, furnished
from tests.reliability.victim import is_so, own_address
from tests.running.moved_clock import SHIM
from tests.shims import compiled
from tests.smtp_sink import SmtpSink

DOORS, WORKERS = 2, 3
LEASE_SECONDS = 1.0
HOP_SECONDS = 540
"""Past the minute until a message of which nobody knows may leave again, and too little for the
clock to be doubted."""

HOPS = 20
BREATH_SECONDS = 0.06
"""A machine is to be busy with what is hit, and not with letters."""

LOOK_SECONDS = 0.01
HOLDER = "SELECT split_part(owner, '/', 2)::int FROM shards WHERE shard = 0 AND owner <> ''"
DECIDED = "SELECT coalesce(max(n), 0) FROM commits WHERE lane = 0"
ASKED = """
SELECT (convert_from(state, 'UTF8')::json ->> 'at')::bigint FROM events
WHERE originator_id = 'clock' ORDER BY originator_version DESC LIMIT 1
"""
TAKEN = "SELECT count(*) FROM taken"


class Ledger:
    """One session that is opened again whenever it was lost."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._session: psycopg.Connection[tuple] | None = None

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple]:
        """Ask until there is an answer."""
        while True:
            try:
                if self._session is None or self._session.closed:
                    self._session = psycopg.connect(self._address, autocommit=True)
                return self._session.execute(sql, values).fetchall()  # type: ignore[arg-type]
            except psycopg.Error:
                self.close()
                time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        if self._session:
            self._session.close()


class Fleet:
    """Everything that runs; `crowd` posts to the doors all the time."""

    def __init__(self, folder: Path, clients: int = 4) -> None:
        self._open = ExitStack()
        self.folder = folder
        self._ahead = 0
        self._offset = folder / "offset"
        self._offset.write_text("0")
        self.freeze = folder / "freeze"
        self.cluster = Cluster.on_disk()
        self._open.callback(self.cluster.remove)
        self.ledger = Ledger(self.cluster.address)
        self._open.callback(self.ledger.close)
        self.sink = self._open.enter_context(SmtpSink(host=own_address()))
        self.doors = [self._made(Serving, f"door{n}") for n in range(DOORS)]
        self.workers = [self._made(Working, f"worker{n}") for n in range(WORKERS)]
        self.crowd = CrowdOfDoors(self.doors, clients)
        self.crowd.breath = BREATH_SECONDS
        self.begun_at = self.now()

    def _made(self, kind: type[RealService], name: str) -> Any:
        (self.folder / name).mkdir()
        made = kind(self.folder / name, "", **self._environ())
        made.rules.write_text(RULES)
        return made

    def _environ(self) -> dict[str, str]:
        return {
            "COURSEBELL_DATABASE_URL": self.cluster.address,
            "COURSEBELL_EMAIL_URL": self.sink.url,
            "COURSEBELL_HOST": self.sink.host,
            "COURSEBELL_SECRET_KEY": "of-tests" * 8,
            "COURSEBELL_STORM_LIMIT": "1000000",
            "LD_PRELOAD": str(compiled(SHIM)),
            "WALL_CLOCK_FILE": str(self._offset),
            SECONDS: str(LEASE_SECONDS),
            FREEZE: str(self.freeze),
        }

    def __enter__(self) -> Self:
        try:
            place = self.folder / "furnished"
            with furnished(place, COURSEBELL_DATABASE_URL=self.cluster.address):
                pass
            for each in [*self.doors, *self.workers]:
                self._open.callback(each.kill)
                each.start()
            self._open.enter_context(self.crowd)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        if any(error):
            for each in [*self.doors, *self.workers]:
                each.process.send_signal(signal.SIGUSR1)  # their logs show what the threads do
            time.sleep(1)
            shutil.copy(self.cluster.folder / "log", self.folder / "postgresql.log")
        self._open.__exit__(*error)

    def now(self) -> int:
        """The time of day on these machines, in ms since 1970 UTC."""
        return int((time.time() + self._ahead) * 1000)

    def holder(self) -> RealService | None:
        """The worker that decides now; None while nobody does."""
        pids = [pid for (pid,) in self.ledger.ask(HOLDER)]
        return next((each for each in self.workers if each.process.pid in pids), None)

    def decided(self) -> int:
        """The number of the newest commit of whoever decides."""
        return int(self.ledger.ask(DECIDED)[0][0])

    def taken(self) -> int:
        """Count the letters taken."""
        return int(self.ledger.ask(TAKEN)[0][0])

    def _asked_at(self) -> int:
        """When the clock was asked last, in ms; after so long as a hop that is always recorded."""
        return int(self.ledger.ask(ASKED)[0][0])

    def settle(self) -> None:
        """Let time pass until no letter waits, the clock has asked since, and nothing is owed."""
        all_taken = 0
        for _ in range(HOPS):
            if is_so(self.doors[0].is_settled, 3):
                if all_taken and self._asked_at() > all_taken:
                    return
                all_taken = all_taken or self.now()
            self._hop()
        raise AssertionError("everything owed is sent: waited in vain")

    def _hop(self) -> None:
        """Let a while pass, for what is to be tried again; a person says the clock is right."""
        self._ahead += HOP_SECONDS
        draft = self._offset.with_suffix(".new")
        draft.write_text(str(self._ahead))
        draft.replace(self._offset)
        for each in [*self.doors, *self.workers]:
            assert each.command("clock", "accept").returncode == 0
