"""A fleet: two doors, three workers that share the work, one PostgreSQL, a mail server.

Each process has a data folder of its own, as on a machine of its own; all go by one clock.
"""

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from math import ceil
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg

from service.ledger.postgresql.postgres_store import SHARDS
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
from tests.waiting import until

T = TypeVar("T")

DOORS, WORKERS = 2, 3
ALL = [*range(SHARDS)]
LEAST = SHARDS - (WORKERS - 1) * ceil(SHARDS / WORKERS)
"""So many shards are left to one of them when the others have all they may have."""

LEASE_SECONDS = 1.0
HOP_SECONDS = 540
"""Past the minute until a message of which nobody knows may leave again, and too little for the
clock to be doubted."""

HOPS = 20
FEW, CALM_SECONDS = 20, 300.0

BREATH_SECONDS = 0.06
"""A machine is to be busy with what is hit, and not with letters."""

LOOK_SECONDS = 0.01
HELD = """
SELECT shard, split_part(owner, '/', 2)::int FROM shards WHERE shard = ANY(%s) AND owner <> ''
"""
PASSED = "SELECT min(upto) FROM shards WHERE shard = ANY(%s)"
NEWEST = "SELECT coalesce(max(n), 0) FROM letters"
ASKED = """
SELECT (convert_from(state, 'UTF8')::json ->> 'at')::bigint FROM events
WHERE originator_id = 'clock' ORDER BY originator_version DESC LIMIT 1
"""
LEFT = (
    "SELECT clock_timestamp(), * FROM shards ORDER BY shard",
    "SELECT * FROM waiting ORDER BY n LIMIT 20",
    "SELECT * FROM parts ORDER BY n LIMIT 20",
    "SELECT originator_version, state FROM events WHERE originator_id = 'clock' "
    "ORDER BY originator_version DESC LIMIT 5",
    "SELECT pid, backend_start, state, query FROM pg_stat_activity",
)
"""What is looked at after a bad round."""

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

    def __init__(self, folder: Path, clients: int) -> None:
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
        self.all: list[RealService] = [*self.doors, *self.workers]
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
            for each in self.all:
                self._open.callback(each.kill)
            self._each(lambda each: each.start())
            self._open.enter_context(self.crowd)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        if any(error):
            for each in self.all:
                each.process.send_signal(signal.SIGUSR1)  # their logs show what the threads do
            time.sleep(1)
            shutil.copy(self.cluster.folder / "log", self.folder / "postgresql.log")
            with (self.folder / "tables").open("w") as file:
                print(self.doors[0].numbers(), self.now(), file=file)
                for sql in LEFT:
                    print(sql, *self.ledger.ask(sql), sep="\n", file=file)
        self._open.__exit__(*error)

    def _each(self, does: Callable[[RealService], T]) -> list[T]:
        """Let each of the services do something, all at once."""
        with ThreadPoolExecutor(len(self.all)) as pool:
            return [*pool.map(does, self.all)]

    def now(self) -> int:
        """The time of day on these machines, in ms since 1970 UTC."""
        return int((time.time() + self._ahead) * 1000)

    def shards_of(self, worker: RealService) -> list[int]:
        """The shards that a worker decides for; the office's is the first."""
        held = self.ledger.ask(HELD, (ALL,))
        return [shard for shard, pid in held if pid == worker.process.pid]

    def is_shared(self) -> bool:
        """Whether each of the workers has its part, and every shard is somebody's."""
        held = Counter(pid for _, pid in self.ledger.ask(HELD, (ALL,)))
        parts = [held[each.process.pid] for each in self.workers]
        return sum(parts) == len(ALL) and min(parts) >= LEAST

    def calm_down(self) -> None:
        """Wait until hardly a letter waits and hardly a mail is owed but those that rest."""
        until(self._is_calm, "hardly anything is left to be done", CALM_SECONDS)

    def _is_calm(self) -> bool:
        found = self.doors[0].numbers()
        waiting = ('letters{state="waiting"}', 'notifications{state="owed"}')
        return bool(found) and all(found[f"coursebell_{name}"] <= FEW for name in waiting)

    def newest(self) -> int:
        """The number of the newest letter that was kept."""
        return int(self.ledger.ask(NEWEST)[0][0])

    def passed(self, shards: Sequence[int]) -> int:
        """The newest letter that all of these shards have passed."""
        return int(self.ledger.ask(PASSED, (shards,))[0][0])

    def taken(self) -> int:
        """Count the letters taken."""
        return int(self.ledger.ask(TAKEN)[0][0])

    def _asked_at(self) -> int:
        """When the clock was asked last, in ms; after so long as a hop that is always recorded."""
        return int(self.ledger.ask(ASKED)[0][0])

    def settle(self) -> None:
        """Let time pass until no letter waits, the clock has asked since, and nothing is owed."""
        self.calm_down()
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
        told = self._each(lambda each: each.command("clock", "accept"))
        assert not any(each.returncode for each in told)
