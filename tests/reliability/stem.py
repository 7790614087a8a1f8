"""A stem: has every module of the service loaded, and grows a `coursebell …` for each request.

What runs is the command in a process of its own, with the files, folder, environment and umask
that it was given; only importing the modules and compiling the shipped templates, most of the
time of a start, is spared. `tests/forks.py` is the side of the tests.
"""

import gc
import json
import os
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from service.cli import main
from service.cli.output import csv_import
from service.sending.channels.smtp_url import server_at
from service.sending.templates.templates import Templates
from tests.installation import ROOT
from tests.reliability.shorter_leases import adapt

csv_import.STILL_SECONDS = 0.01  # the tests do not write to a file while they import it
LONGEST = 200_000
FILES = 4


def grown(wire: socket.socket) -> tuple[list[str], str, dict[str, str], int]:
    """Return words, folder, environment and umask of a command, in a process for it alone."""
    while True:
        asked, files, _, _ = socket.recv_fds(wire, LONGEST, FILES)
        if not asked:
            raise SystemExit
        if os.fork() == 0:
            wire.close()
            *streams, report = files
            mind(streams, report)
            words, folder, environ, umask = json.loads(asked)
            return words, folder, environ, umask
        for file in files:
            os.close(file)
        reap()


def mind(streams: list[int], report: int) -> None:
    """Return in a child with these streams; its parent reports its id and its exit code."""
    child = os.fork()
    if child == 0:
        os.close(report)
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        return
    for stream in streams:
        os.close(stream)
    with suppress(BrokenPipeError):
        os.write(report, b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        os.write(report, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def reap() -> None:
    """Bury the parents that have reported."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def become(folder: str, environ: dict[str, str], umask: int) -> None:
    """Take on a folder, environment, umask, and the streams as a new interpreter opens them."""
    os.chdir(folder)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    for folder in ("templates", str(ROOT / "templates")):  # as commands are told of them
        Templates(Path(folder)).problems()  # so that these are compiled, and their words read
    server_at("email", "mailto://localhost?from=a@example.org")  # apprise loads its plugins now
    with suppress(ImportError):
        import_module("service.ledger.postgresql.postgres_store")
    gc.freeze()  # so that no collection touches the pages that all share
    words, folder, environ, umask = grown(socket.socket(fileno=int(sys.argv[1])))
    become(folder, environ, umask)
    adapt(environ)
    main(words, prog_name="coursebell")
