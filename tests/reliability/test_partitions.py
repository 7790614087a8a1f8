"""A primary, its synchronous standby and the service, each on a network of its own, cut in turn.

No letter is answered 202 that is lost afterwards, and nobody is told twice.
"""

import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.campaigns import campaign, length
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
PRIMARY, STANDBY, SERVICE = "primary", "standby", "service"
QUICK = {
    "listen_addresses": "*", "wal_sender_timeout": "2s", "wal_receiver_timeout": "2s",
    "wal_retrieve_retry_interval": "200ms",
}  # fmt: skip
LEARNERS = range(100, 120)
PEOPLE = "id,name,email\n" + "".join(f"{n},Ada,{n}@example.org\n" for n in LEARNERS)
IN_SYNC = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Far(FreshService):
    """A service on a network of its own."""

    def __init__(self, folder: Path, networks: Namespaces, sink: SmtpSink) -> None:
        self._networks = networks
        hosts = [networks.address(each, SERVICE) for each in (PRIMARY, STANDBY)]
        super().__init__(
            folder,
            DONE,
            COURSEBELL_DATABASE_URL=f"postgresql://coursebell@{','.join(hosts)}/postgres",
            COURSEBELL_EMAIL_URL=sink.url,
        )

    def _begun(self) -> subprocess.Popen[str]:  # type: ignore[override]
        with self._networks.inside(SERVICE):
            begun = super()._begun()
        assert isinstance(begun, subprocess.Popen)
        return begun

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        with self._networks.inside(SERVICE):
            return super().command(*words)

    def post_once(self, learner: int) -> int:
        """The answer to a letter about somebody."""
        with self._networks.inside(SERVICE):
            return self.call("POST", "/webhooks/adobe", body(completed(START, learner))).status

    def post_until_taken(self, learner: int) -> None:
        until(lambda: self.post_once(learner) == 202, "the letter is answered 202", 60)


class Site:
    """The three of them, and a mail server beside the service."""

    def __init__(self, folder: Path) -> None:
        self._open = ExitStack()
        try:
            self._set_up(folder)
        except BaseException:
            self.close()
            raise

    def _set_up(self, folder: Path) -> None:
        self.networks = self._open.enter_context(Namespaces(PRIMARY, STANDBY, SERVICE))
        self.primary = self._cluster(PRIMARY, synchronous_standby_names="standby")
        told = f"host={self.networks.address(PRIMARY, STANDBY)} user=coursebell "
        told += "application_name=standby connect_timeout=2"
        self.standby = self._cluster(STANDBY, self.primary, primary_conninfo=told)
        until(self.is_in_sync, "the standby is in sync")
        with self.networks.inside(SERVICE):
            self.sink = self._open.enter_context(SmtpSink())
        self.service = Far(folder, self.networks, self.sink)
        self._open.callback(self.service.kill)
        self.service.start()
        self.service.import_people(PEOPLE)

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
    assert site.service.stop() == 0
    site.service.start()
    assert site.service.post_once(105) == 503, "a primary of the past has acknowledged it"
    site.primary.stop(signal.SIGQUIT)
    site.service.post_until_taken(105)
    site.told_once(100, 101, 102, 103, 104, 105)


SCENARIOS = [
    what_was_acknowledged_outlives_its_primary,
    without_its_standby_a_primary_acknowledges_nothing,
    a_service_without_its_primary_goes_on_when_it_is_back,
]


@pytest.mark.parametrize("scenario", SCENARIOS[: length(len(SCENARIOS), 1)])
def test_what_is_cut_off(tmp_path: Path, scenario: Callable[[Site], None]) -> None:
    site = Site(tmp_path)
    try:
        scenario(site)
    finally:
        site.close()
