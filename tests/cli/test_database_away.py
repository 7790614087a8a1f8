"""PostgreSQL goes away and comes back: every command says so in a line, nothing kept is lost."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from service.running import wall_clock
from tests.installation import DONE, completed
from tests.postgres import Cluster
from tests.real_service import FreshService, RealService
from tests.waiting import until

pytestmark = pytest.mark.of_files

PEOPLE = (
    "id,name,email\n77,Ada,ada@example.org\n78,Grace,grace@example.org\n79,Alan,a@example.org\n"
)
COMMANDS = (
    ("status",),
    ("fsck",),
    ("rebuild",),
    ("check",),
    ("schema", "--data", "data"),
    ("explain", "n1"),
    ("mute", "--all"),
    ("letters", "list"),
    ("letters", "retry", "--all"),
    ("notifications", "list"),
    ("notifications", "redrive", "n1"),
    ("notifications", "release", "--all"),
    ("people", "list"),
    ("people", "import", "people.csv", "--new"),
    ("letters", "import", "people.csv", "--source", "adobe"),
    ("feeds",),
    ("channels", "list"),
    ("watch", "list", "i1"),
    ("backtest",),
    ("preview", "completed", "--notification", "n1"),
    ("try", "done", "--event", "letter.json", "--data", "data"),
    ("clock", "accept"),
)
SECRET = "a-password-of-tests"
NOBODY = f"postgresql://somebody:{SECRET}@127.0.0.1:1/a_database"
OF_THE_ADDRESS = ("somebody", SECRET, "127.0.0.1", "a_database", "Traceback")


def in_one_line(said: str) -> str:
    assert said.startswith("coursebell: ") and said.count("\n") == 1, said
    assert not [each for each in OF_THE_ADDRESS if each in said]
    return said


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_works_without_the_server_and_each_says_so(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    service = RealService(tmp_path, DONE, COURSEBELL_DATABASE_URL=NOBODY)
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "letter.json").write_text("{}")
    done = service.command(*words)
    assert done.returncode == 2, done
    assert "is the server up" in in_one_line(done.stderr)


def test_what_is_wrong_with_an_address_is_said_without_it(tmp_path: Path, server: Cluster) -> None:
    def said(url: str) -> str:
        done = RealService(tmp_path, DONE, COURSEBELL_DATABASE_URL=url).command("fsck")
        assert done.returncode == 2
        return in_one_line(done.stderr)

    with (server.data / "pg_hba.conf").open("w") as rules:
        rules.write("local all somebody scram-sha-256\nlocal all all trust\n")
    server.execute(f"CREATE ROLE somebody LOGIN PASSWORD '{SECRET}'; SELECT pg_reload_conf()")
    host = quote(str(server.folder), safe="")
    assert "expected a ledger in the database, found none" in said(server.address)
    assert "database … does not exist" in said(server.address.replace("/postgres", "/a_database"))
    until(
        lambda: "password authentication failed" in said(
            f"postgresql://somebody:wrong@/postgres?host={host}"
        ),
        "the server asks for a password",
    )  # fmt: skip
    assert "written as in a URL" in said(f"postgresql://somebody:{SECRET}%zz@/postgres?host={host}")


def test_without_its_library_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('not installed')\n")
    service = FreshService(tmp_path, DONE, COURSEBELL_DATABASE_URL=NOBODY)
    service.environ["PYTHONPATH"] = f"{tmp_path}:{service.environ['PYTHONPATH']}"
    done = service.command("status")
    assert done.returncode == 2
    assert "pip install 'coursebell[postgres]'" in in_one_line(done.stderr)


def started(service: RealService, server: Cluster) -> None:
    """Start a service, and then the server it waits for."""
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(service.start)
        log = service.folder / "service.log"
        until(lambda: log.exists() and "database.away" in service.logged(), "it waits")
        server.start()
        starting.result()


def test_a_service_waits_for_its_server_and_goes_on_when_that_was_away(
    tmp_path: Path, server: Cluster
) -> None:
    service = RealService(tmp_path, DONE, COURSEBELL_DATABASE_URL=server.schema())
    server.stop()
    try:
        started(service, server)
        service.import_people(PEOPLE)
        assert service.post(completed(wall_clock(), 77)).status == 202
        until(service.is_settled, "the first is told")

        server.stop(signal.SIGQUIT)
        refused = service.post(completed(wall_clock(), 78))
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        until(lambda: service.call("GET", "/readyz").status == 503, "it says that it is not ready")
        assert service.call("GET", "/healthz").status == 200
        assert service.call("GET", "/api/v1/letters").status == 503
        assert service.call("GET", "/metrics").status == 503
        server.start()

        until(lambda: service.post(completed(wall_clock(), 79)).status == 202, "letters are kept")
        until(service.is_settled, "the others are told")
        until(lambda: service.call("GET", "/readyz").status == 200, "it is ready again")
        assert service.command("fsck").returncode == 0
        told = [path.read_text() for path in (tmp_path / "data/drawer").rglob("*.eml")]
        assert len(told) == len(set(told)) >= 2
        assert service.stop() == 0
    finally:
        service.kill()
    said = service.logged()
    assert not [each for each in ("Traceback", str(server.folder)) if each in said]
