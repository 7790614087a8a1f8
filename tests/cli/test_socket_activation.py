"""A restart refuses nobody: systemd holds the socket, and the service takes it over."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.senders import Senders
from tests.installation import DONE, ROOT
from tests.real_service import RealService
from tests.waiting import until

RESTARTS = 3
AS_SYSTEMD_DOES = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'


class Activated(RealService):
    """The real service, which is given a socket that stays open between two of them."""

    def __init__(self, folder: Path, **environ: str) -> None:
        super().__init__(folder, DONE, **environ)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]

    def _begun(self) -> subprocess.Popen[str]:
        """Started by a shell, as LISTEN_PID must be the service's own."""
        words = ["sh", "-c", AS_SYSTEMD_DOES, "sh", sys.executable, "-m", "service", "run"]
        file = self.socket.fileno()

        def hand_over() -> None:
            os.dup2(file, 3)
            os.set_inheritable(3, True)

        return subprocess.Popen(
            words, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, stderr=self.log,
            text=True, preexec_fn=hand_over, close_fds=False,
        )  # fmt: skip


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Activated]:
    activated = Activated(tmp_path)
    with activated.socket, activated:
        yield activated


def test_restarts_under_load_refuse_nobody(service: Activated) -> None:
    with Senders(service.port) as senders:
        for _ in range(RESTARTS):
            taken = len(senders.receipts)
            until(lambda: len(senders.receipts) > taken + 50, "letters are taken")  # noqa: B023
            assert service.stop() == 0
            service.start()
    assert senders.refused == []
    assert sorted(senders.receipts) == list(range(1, len(senders.receipts) + 1))


def test_where_it_listens_is_what_was_handed_over(service: Activated) -> None:
    assert service.address == f"http://127.0.0.1:{service.port}"
    assert service.get("/healthz")


def test_another_process_of_the_variables_listens_itself(service: Activated) -> None:
    """They are for the process that systemd started, and it alone."""
    service.process.send_signal(signal.SIGTERM)
    service.process.wait(20)
    found = subprocess.run(
        [sys.executable, "-c",
         "from service.cli.options.listening import handed_over as h; print(h())"],
        cwd=ROOT, env={**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1"}, text=True,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert found.stdout == "None\n"


@pytest.mark.parametrize(
    ("files", "told"), [("2", "expected one socket, got 2"), ("1", "expected a socket as file 3")]
)
def test_what_cannot_be_listened_on_is_refused(tmp_path: Path, files: str, told: str) -> None:
    with (tmp_path / "no socket").open("w") as file:
        ended = subprocess.run(
            ["sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS={files} exec "$@" 3>&1', "sh",
             sys.executable, "-m", "service", "run"],
            cwd=ROOT, env={**os.environ, "COURSEBELL_DATA": str(tmp_path)}, text=True,
            stdout=file, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert ended.returncode == 2
    assert told in ended.stderr
