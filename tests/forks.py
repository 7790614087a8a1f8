"""`coursebell …` in a process of its own within a tenth of a second, spoken to like a `Popen`.

A stem has the modules loaded (`tests/reliability/stem.py`). What an interpreter does at its
start is proved by `tests.real_service.FreshService`.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

from tests.engines import with_ledger
from tests.installation import ROOT

LONGEST_WAIT = 60.0


class Forked:
    """A running command; `stdout` is its output, read line by line, unless a file was given."""

    def __init__(
        self,
        words: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        *,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | int | None = None,
        stderr: IO[bytes] | None = None,
    ) -> None:
        self.returncode: int | None = None
        self.stdout, output = (None, stdout) if stdout is not None else _pipe()
        report, told = os.pipe()
        self._report = os.fdopen(report, "rb", buffering=0)
        os.umask(umask := os.umask(0))
        asked = json.dumps([list(words), str(cwd), with_ledger(env, cwd), umask]).encode()
        with open(os.devnull, "r+b") as nothing:
            streams = [stdin or nothing, output, stderr or nothing]
            files = [each if isinstance(each, int) else each.fileno() for each in streams]
            socket.send_fds(_stem(env.get("LD_PRELOAD", "")), [asked], [*files, told])
        os.close(told)
        if self.stdout is not None:
            os.close(files[1])
        self.pid = int(self._report.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()
        if self.stdout is not None:
            self.stdout.close()

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float = LONGEST_WAIT) -> int:
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("coursebell", timeout)
            self.returncode = int(self._report.readline())
            self._report.close()
        return self.returncode

    def send_signal(self, which: signal.Signals) -> None:
        """As a Popen does: nothing for one that has ended, be it just now."""
        with suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    with TemporaryFile() as given, TemporaryFile() as output, TemporaryFile() as errors:
        given.write(stdin)
        given.seek(0)
        code = Forked(words, cwd, env, stdin=given, stdout=output, stderr=errors).wait()
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(words, code, output.read(), errors.read())


def _pipe() -> tuple[IO[str], int]:
    ours, theirs = os.pipe()
    return os.fdopen(ours), theirs


@cache
def _stem(preload: str) -> socket.socket:
    """Start the stem, once for this process and what it preloads; it ends as the socket closes."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.reliability.stem", str(theirs.fileno())]
    environ = {**os.environ, "LD_PRELOAD": preload}
    stem = subprocess.Popen(command, cwd=ROOT, env=environ, pass_fds=[theirs.fileno()])
    theirs.close()

    def end() -> None:
        ours.close()
        stem.wait()

    atexit.register(end)
    return ours
