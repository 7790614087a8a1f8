"""A primary, its synchronous standby and a service, each on a network of its own, cut in turn.

So is another that shares the work of the service.

No letter is answered 202 that is lost afterwards, and nobody is told twice.
"""

import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from service.ledger.postgresql.postgres_store import SHARDS
from tests.campaigns import campaign, length
from tests.cli.serving import Working
from tests.installation import DONE, START, body, completed
from tests.postgres import HOW, Cluster, binaries
from tests.real_service import FreshService
from tests.reliability.chaos import END_ALL
from tests.reliability.namespaces import Namespaces, why_no_namespaces
from tests.smtp_sink import SmtpSink
from tests.waiting import until

pytestmark = [
    campaign,
    pytest.mark.whole,
    pytest.mark.timeout(240),
    pytest.mark.skipif(why_no_namespaces() is not None, reason=str(why_no_namespaces())),
    pytest.mark.skipif(binaries() is None, reason=HOW),
]
F = TypeVar("F", bound=FreshService)
PRIMARY, STANDBY, SERVICE, PEER = "primary", "standby", "service", "peer"
QUICK = {
    "listen_addresses": "*", "wal_sender_timeout": "2s", "wal_receiver_timeout": "2s",
    "wal_retrieve_retry_interval": "200ms",
}  # fmt: skip
LEARNERS = range(100, 120)
PEOPLE = "id,name,email\n" + "".join(f"{n},Ada,{n}@example.org\n" for n in LEARNERS)
IN_SYNC = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
LAST_LETTER = "SELECT max(n) FROM letters"
CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


SHARES = """
SELECT count(*) FROM shards AS each JOIN pg_stat_activity AS seen
ON seen.pid = each.pid AND seen.backend_start = each.born
WHERE shard BETWEEN 0 AND %d AND client_addr = '%s'
"""
"""Of who comes from there."""


class Far(FreshService):
    """A service on a network of its own."""

    network = SERVICE

    def __init__(self, folder: Path, networks: Namespaces, sink: SmtpSink) -> None:
        self._networks = networks
        hosts = [networks.address(each, self.network) for each in (PRIMARY, STANDBY)]
        super().__init__(
            folder,
            DONE,
            COURSEBELL_DATABASE_URL=f"postgresql://coursebell@{','.join(hosts)}/postgres",
            COURSEBELL_EMAIL_URL=sink.url,
        )

    def _begun(self) -> subprocess.Popen[str]:  # type: ignore[override]
        with self._networks.inside(self.network):
            begun = super()._begun()
        assert isinstance(begun, subprocess.Popen)
        return begun

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        with self._networks.inside(self.network):
            return super().command(*words)

    def post_once(self, learner: int) -> int:
        """The answer to a letter about somebody."""
        with self._networks.inside(SERVICE):
            return self.call("POST", "/webhooks/adobe", body(completed(START, learner))).status

    def post_until_taken(self, learner: int) -> None:
        until(lambda: self.post_once(learner) == 202, "the letter is answered 202", 60)


class Peer(Working, Far):
    """Who shares the work, and has no door."""

    network = PEER


class Site:
    """All of them, and a mail server beside the service."""

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        try:
            self._set_up(folder)
        except BaseException:
            self.close()
            raise

    def _set_up(self, folder: Path) -> None:
        self.networks = self._open.enter_context(Namespaces(PRIMARY, STANDBY, SERVICE, PEER))
        self.primary = self._cluster(PRIMARY, synchronous_standby_names="standby")
        told = f"host={self.networks.address(PRIMARY, STANDBY)} user=coursebell "
        told += "application_name=standby connect_timeout=2"
        self.standby = self._cluster(STANDBY, self.primary, primary_conninfo=told)
        until(self.is_in_sync, "the standby is in sync")
        with self.networks.inside(SERVICE):
            host = self.networks.address(SERVICE, PEER)
            self.sink = self._open.enter_context(SmtpSink(host=host))
        self.service = self._begun(Far(made(folder / SERVICE), self.networks, self.sink))
        self.peer_folder = made(folder / PEER)
        self.service.import_people(PEOPLE)

    def _begun(self, service: F) -> F:
        self._open.callback(service.kill)
        service.start()
        return service

    def begin_peer(self) -> None:
        """Let another have its part of the work."""
        self._begun(Peer(self.peer_folder, self.networks, self.sink))
        self.wait_for_shares(SHARDS // 2, SHARDS // 2)

    def wait_for_shares(self, *wanted: int) -> None:
        """Wait until the service has so many of the shards, and its peer."""
        until(lambda: self._shares() == wanted, f"they share {wanted}", 60)

    def _shares(self) -> tuple[int, ...]:
        places = [self.networks.address(each, PRIMARY) for each in (SERVICE, PEER)]
        found = [self.primary.execute(SHARES % (SHARDS - 1, place)) for place in places]
        return tuple(int(count) for ((count,),) in found)

    def _cluster(self, name: str, copy_of: Cluster | None = None, **settings: str) -> Cluster:
        with self.networks.inside(name):
            made = Cluster.on_disk(copy_of, **QUICK, **settings)
        self._open.callback(made.remove)
        return made

    def is_in_sync(self) -> bool:
        return self.primary.execute(IN_SYNC) == [(1,)]

    def close(self) -> None:
        self._open.close()

    def told_once(self, *learners: int) -> None:
        """Each of them has one mail, and nobody else."""
        self.sink.wait_for(len(learners), 60)
        until(lambda: self._is_settled(), "nothing is owed", 60)
        told = sorted(to for mail in self.sink.mails for to in mail.recipients)
        assert told == sorted(f"{each}@example.org" for each in learners)

    def _is_settled(self) -> bool:
        with self.networks.inside(SERVICE):
            return self.service.is_settled()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def without_its_standby_a_primary_acknowledges_nothing(site: Site) -> None:
    """Nor when somebody cancels the wait, after which it says COMMIT."""
    site.service.post_until_taken(100)
    site.told_once(100)
    with site.networks.cut((PRIMARY, STANDBY)):
        assert site.service.post_once(101) == 503
        assert site.primary.execute(CANCEL)
        assert site.service.post_once(102) == 503
    for learner in (101, 102):
        site.service.post_until_taken(learner)
    site.told_once(100, 101, 102)


def a_service_without_its_primary_goes_on_when_it_is_back(site: Site) -> None:
    site.service.post_until_taken(100)
    with site.networks.cut((PRIMARY, SERVICE)):
        assert site.service.post_once(101) == 503
    with site.networks.cut((STANDBY, SERVICE)):
        site.service.post_until_taken(101)
    site.told_once(100, 101)


def what_was_acknowledged_outlives_its_primary(site: Site) -> None:
    """The standby is promoted; the old primary comes back and still thinks it is one."""
    for learner in (100, 101):
        site.service.post_until_taken(learner)
    with site.networks.cut((PRIMARY, STANDBY), (PRIMARY, SERVICE)):
        assert site.service.post_once(102) == 503
        site.standby.execute("SELECT pg_promote()")
        for learner in (102, 103):
            site.service.post_until_taken(learner)
        site.told_once(100, 101, 102, 103)
    site.standby.execute(END_ALL)
    site.service.post_until_taken(104)
    site.told_once(100, 101, 102, 103, 104)
    left = site.primary.execute(LAST_LETTER)
    assert site.service.stop() == 0
    site.service.start()
    site.service.post_until_taken(105)
    assert site.primary.execute(LAST_LETTER) == left, "a primary of the past has kept it"
    site.primary.stop(signal.SIGQUIT)
    site.service.post_until_taken(106)
    site.told_once(100, 101, 102, 103, 104, 105, 106)


def who_is_cut_off_leaves_its_part_and_has_it_again(site: Site) -> None:
    """Whoever it is: one that only takes letters, or the one that delivers."""
    site.begin_peer()
    for learner in LEARNERS[:6]:
        site.service.post_until_taken(learner)
    site.told_once(*LEARNERS[:6])
    with site.networks.cut((PRIMARY, PEER)):
        for learner in LEARNERS[6:12]:
            site.service.post_until_taken(learner)
        site.told_once(*LEARNERS[:12])
        site.wait_for_shares(SHARDS, 0)
    site.wait_for_shares(SHARDS // 2, SHARDS // 2)
    with site.networks.cut((PRIMARY, SERVICE)):
        site.wait_for_shares(0, SHARDS)
    for learner in LEARNERS[12:]:
        site.service.post_until_taken(learner)
    site.told_once(*LEARNERS)
    site.wait_for_shares(SHARDS // 2, SHARDS // 2)


SCENARIOS = [
    what_was_acknowledged_outlives_its_primary,
    without_its_standby_a_primary_acknowledges_nothing,
    a_service_without_its_primary_goes_on_when_it_is_back,
    who_is_cut_off_leaves_its_part_and_has_it_again,
]


@pytest.mark.parametrize("scenario", SCENARIOS[: length(len(SCENARIOS), 1)])
def test_what_is_cut_off(tmp_path: Path, scenario: Callable[[Site], None]) -> None:
    site = Site(tmp_path)
    try:
        scenario(site)
    finally:
        site.close()
