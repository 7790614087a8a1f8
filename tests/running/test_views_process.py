"""A second process follows the log: whatever becomes of it, the views are what the log says."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.rules.calendar import MINUTE
from service.running import Service, views_process
from service.running.views_process import FOLLOWER, MANY_EVENTS, PART, usable_cores
from tests.installation import DONE, START, Installation, completed, enrolled
from tests.real_service import FreshService, RealService
from tests.waiting import until

two_cores = pytest.mark.skipif(usable_cores() < 2, reason="there is one core for all of it")
Told = Callable[[int], int]


def followers(parent: int) -> list[int]:
    """The processes that a service has follow its log."""
    return [int(each.name) for each in Path("/proc").glob("[0-9]*") if is_follower(each, parent)]


def is_follower(process: Path, parent: int) -> bool:
    try:
        its_parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        return int(its_parent) == parent and FOLLOWER[-1] in (process / "cmdline").read_text()
    except OSError:
        return False


def tables(path: Path) -> dict[str, list[Any]]:
    """Every row of every view."""
    with closing(sqlite3.connect(path)) as connection:
        shown = ("enrollments", "instances", "notifications", "choices")
        return {n: connection.execute(f"SELECT * FROM {n} ORDER BY id").fetchall() for n in shown}


def enrollments(path: Path) -> int | None:
    """How many there are in a file, if it is one of views."""
    try:
        return len(tables(path)["enrollments"])
    except sqlite3.Error:
        return None


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(views_process, "MANY_EVENTS", 1)
    with Installation(tmp_path, DONE) as desk:
        yield desk


@pytest.fixture
def service(desk: Installation) -> Iterator[Service]:
    service = Service(desk.app, lambda: START)
    service.start()
    yield service
    assert service.stop() == []
    assert followers(os.getpid()) == []
    desk.app.views.catch_up()
    found = tables(desk.app.views.path)
    desk.app.views.rebuild()
    assert found == tables(desk.app.views.path)


@pytest.fixture
def tell(desk: Installation, service: Service) -> Told:
    """Have an enrolment come in that the views are to show."""
    users = iter(range(1, 999))

    def told(times: int) -> int:
        for user in [next(users) for _ in range(times)]:
            desk.post(enrolled(START - MINUTE, user), completed(START - MINUTE, user))
            desk.app.letters.came.set()
            until(lambda: desk.app.letters.counts()["waiting"] == 0, "the letter is taken")
            until(lambda: desk.app.views.reach_end(1.0) == 0, "the views show it")
            assert desk.app.views.reader()["enrollments"].count == user
        return user

    return told


@pytest.fixture
def pid(tell: Told) -> int:
    """A process that follows, and has followed."""
    tell(1)
    (found,) = until(lambda: followers(os.getpid()), "it is started")
    until(lambda: tell(1) and holds(found, "views.db"), "it follows")
    return found


def holds(pid: int, name: str) -> bool:
    """Whether a process has this file open; others it may be closing meanwhile."""
    return any(each.resolve().name == name for each in Path(f"/proc/{pid}/fd").iterdir())


def another(pid: int) -> bool:
    return followers(os.getpid()) not in ([], [pid])


@two_cores
def test_the_views_go_on_while_it_is_gone_and_it_comes_back(
    service: Service, tell: Told, pid: int
) -> None:
    os.kill(pid, signal.SIGKILL)
    tell(2)
    until(lambda: another(pid), "there is another")
    tell(2)
    until(lambda: PART not in service.troubles, "nothing is wrong any more")


@two_cores
def test_the_views_go_on_when_it_hangs(
    monkeypatch: pytest.MonkeyPatch, service: Service, tell: Told, pid: int
) -> None:
    monkeypatch.setattr(views_process, "PATIENCE_SECONDS", 1.0)
    os.kill(pid, signal.SIGSTOP)
    tell(2)
    monkeypatch.setattr(views_process, "PATIENCE_SECONDS", 20.0)
    until(lambda: another(pid), "there is another")
    tell(2)


@two_cores
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_leaves_to_the_service_when_all_ends(tell: Told, pid: int, asked: int) -> None:
    os.kill(pid, asked)
    tell(2)
    assert followers(os.getpid()) == [pid]


@two_cores
@pytest.mark.parametrize("garbage", [b"", b"garbage " * 9_000])
def test_views_that_somebody_deletes_or_damages_are_made_anew(
    desk: Installation, tell: Told, pid: int, garbage: bytes
) -> None:
    path = desk.app.views.path
    for each in path.parent.glob("views.db*"):
        each.unlink()
    if garbage:
        path.write_bytes(garbage)
    told = tell(2)
    until(lambda: enrollments(path) == told, "a new file has all of it")
    until(lambda: tell(1) == enrollments(path), "what came later, too")


@two_cores
def test_where_it_cannot_be_started_the_service_follows_and_says_so(
    monkeypatch: pytest.MonkeyPatch, service: Service, tell: Told
) -> None:
    monkeypatch.setattr(views_process, "FOLLOWER", ("/nowhere/python",))
    tell(3)
    words = until(lambda: service.troubles.get(PART), "it is told")
    assert "it cannot be started: No such file or directory" in words
    tell(1)


def test_a_quota_of_the_cgroup_counts(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("1:cpu:/old\n0::/system.slice/coursebell.service\n")
    group = tmp_path / "sys/fs/cgroup/system.slice/coursebell.service"
    group.mkdir(parents=True)
    all_of_them = usable_cores(tmp_path)
    (group / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path) == all_of_them >= 1
    (group / "cpu.max").write_text("50000 100000\n")
    assert usable_cores(tmp_path) == 0.5


def flood(service: RealService) -> None:
    """Events enough for a second process, by which it is worth it."""
    users = iter(range(1, 10 * MANY_EVENTS))
    for _ in range(4):
        for _ in range(MANY_EVENTS // 100):
            assert service.post(*(enrolled(START, next(users)) for _ in range(200))).status == 202
        until(service.is_settled, "all of it is followed")


@two_cores
def test_it_ends_when_the_service_is_killed_and_another_service_starts(tmp_path: Path) -> None:
    with RealService(tmp_path, DONE) as service:
        flood(service)
        found = until(lambda: followers(service.process.pid), "many events are worth a process")
        service.kill()
        until(lambda: not any(is_running(pid) for pid in found), "nobody is left over")
        service.start()
        until(service.is_settled, "it goes on")
        assert service.stop() == 0


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_on_one_core_there_is_no_second_process(tmp_path: Path) -> None:
    cores, service = os.sched_getaffinity(0), FreshService(tmp_path, DONE)
    os.sched_setaffinity(0, {min(cores)})
    try:
        service.start()
    finally:
        os.sched_setaffinity(0, cores)
    flood(service)
    assert followers(service.process.pid) == []
    service.kill()
