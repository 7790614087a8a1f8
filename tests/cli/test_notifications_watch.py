"""`coursebell notifications watch`: beside a running service, on a terminal and in a pipe."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ
from typing import Any

import pytest
from rich.console import Console

from service.cli.notifications_watch import ChannelFlow, Flow, page
from tests import forks
from tests.installation import DONE, START, completed
from tests.real_service import FRESH, RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

PEOPLE = "id,name,email\n" + "".join(f"{n},U{n},u{n}@example.org\n" for n in range(30))
WATCH = ("notifications", "watch")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[RealService, SmtpSink]]:
    with SmtpSink() as sink, RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url) as service:
        service.import_people(PEOPLE, "--source", "adobe")
        yield service, sink


def watching(service: RealService, *options: str, **more: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*FRESH, *WATCH, *options], cwd=service.folder,
        env={**service.environ, "PYTHONUNBUFFERED": "1", **more.pop("environ", {})}, **more,
    )  # fmt: skip


def owe(service: RealService, learners: range) -> None:
    now = int(time.time() * 1000)
    assert service.post(*(completed(now, n) for n in learners)).status == 202


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(10)


def test_a_program_reads_a_line_of_json_for_each_look(
    service: tuple[RealService, SmtpSink],
) -> None:
    running, sink = service
    sink.on("RCPT", "550 5.1.1 nobody", local="u1")
    sink.on("RCPT", "450 4.7.1 greylisted", local="u2")
    with watching(running, "--json", "--every", "1s", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert first["running"] is True
        (email, room) = first["channels"]
        assert (email["name"], email["per_second"], email["sent"]) == ("email", None, 0)
        owe(running, range(10))
        sent, rates = 0, []
        while sent < 8:
            (email, _) = json.loads(process.stdout.readline())["channels"]
            sent = email["sent"]
            rates.append(email["per_second"])
        assert (email["again"], email["refused"], email["unknown"]) == (1, 1, 0)
        assert max(rates) > 0 and room["sent"] == 0
        (email, _) = json.loads(process.stdout.readline())["channels"]
        assert (email["due"], email["later"], email["per_second"]) == (1, 0, 0)
        assert START < email["oldest_due"] < time.time() * 1000
        assert ended(process) == 0
    assert len(sink.mails) == 8


def test_a_pipe_gets_plain_lines_and_what_fails(service: tuple[RealService, SmtpSink]) -> None:
    running, sink = service
    sink.down()
    owe(running, range(3))
    until(lambda: "channel.failing" in running.logged() or None, "the channel fails")
    with watching(running, "--every", "1s", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as seen:
        assert seen.stdout is not None and seen.stderr is not None
        told = [seen.stdout.readline().decode() for _ in range(3)]
        assert ended(seen) == 0
        assert seen.stderr.read() == b""
    assert re.search(
        r"  email: sent 0, due 3, oldest \d+ (s|min), later 0, again 0, refused 0$", told[0]
    )
    assert "room: " in told[1]
    assert "email fails since" in told[2] and "there is no connection to its server" in told[2]
    assert not any("\x1b" in line for line in told)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_a_table_that_fits_80_columns(
    service: tuple[RealService, SmtpSink], no_color: str
) -> None:
    running, sink = service
    controller, terminal = pty.openpty()
    ioctl(terminal, TIOCSWINSZ, pack("HHHH", 24, 80, 0, 0))
    environ = {"TERM": "xterm-256color", "NO_COLOR": no_color}
    environ = {name: value for name, value in environ.items() if value}
    process = watching(
        running, "--every", "1s", environ=environ, stdin=terminal, stdout=terminal,
        start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    told = read_until(controller, "Ctrl-C ends")
    owe(running, range(5))
    sink.wait_for(5)
    told += read_until(controller, "     5  ")
    assert ended(process) == 0
    told += read_until(controller, "\x1b[?25h")
    os.close(controller)
    assert ("\x1b[1m" in told) is not bool(no_color)
    shown = ESCAPE.sub("", told).replace("\r", "\n").split("\n")
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert any(
        re.match(r"Channel +A second +Sent +Due +Oldest +Later +Again +Refused", s) for s in shown
    )
    assert any(re.match(r"email +[\d.]+ +5 +0 +0 +0 +0$", line.rstrip()) for line in shown)


def read_until(controller: int, wanted: str) -> str:
    """What a terminal is told, until it is told this."""
    told = b""
    deadline = time.monotonic() + 20
    while wanted.encode() not in told:
        assert time.monotonic() < deadline, told.decode(errors="replace")
        if select.select([controller], [], [], 0.5)[0]:
            told += os.read(controller, 65_536)
    return told.decode()


def test_without_a_service_it_says_so(tmp_path: Path) -> None:
    service = RealService(tmp_path, DONE)
    service.import_people(PEOPLE, "--source", "adobe")
    with watching(service, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert b"the service is not running: nothing leaves" in process.stdout.readline()
        assert ended(process) == 0


@pytest.mark.parametrize("given", ["0", "2", "50ms", "often"])
def test_how_often_is_a_duration(tmp_path: Path, given: str) -> None:
    done = forks.run([*WATCH, "--every", given], tmp_path, os.environ)
    assert done.returncode == 2
    assert b"expected a duration like 2s or 1m" in done.stderr


def test_a_busy_day_fits_80_columns() -> None:
    busy = ChannelFlow(
        name="email", per_second=1_234.5, sent=1_234_567, due=100_000, oldest_due=0, later=100_000,
        again=50_000, refused=10_000, unknown=0, failing_since=None, trouble=None,
    )  # fmt: skip
    told = io.StringIO()
    screen = Console(file=told, width=80, color_system=None)
    screen.print(page(Flow(at=59 * 60_000, running=True, channels=[busy])))
    table, *_ = told.getvalue().split("\n")[1:]
    figures = ["1,234.5", "1,234,567", "100,000", "59 min", "100,000", "50,000", "10,000"]
    assert re.split(r"  +", table.strip()) == ["email", *figures]
