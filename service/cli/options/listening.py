"""Listen where the settings say, or on the socket that was handed over."""

import os
import socket
from collections.abc import Callable, MutableMapping
from functools import wraps

import rich_click as click

from service.cli.output.console import fail
from service.settings import Settings

FIRST = 3
"""The first file that is handed over (sd_listen_fds(3))."""
BACKLOG = 1024


def handed_over(environ: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """Take the listening socket that systemd holds, if it started this process with one.

    Who connects while no service runs waits in it, so a restart refuses nobody. The variables are
    taken away: they mean nothing to other processes.
    """
    told = {name: environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if told["LISTEN_PID"] != str(os.getpid()):
        return None
    if told["LISTEN_FDS"] != "1":
        fail(f"LISTEN_FDS: expected one socket, got {told['LISTEN_FDS']}; have one ListenStream=")
    try:
        handed = socket.socket(fileno=FIRST)
    except OSError as error:
        fail(f"LISTEN_FDS: expected a socket as file {FIRST}, got none ({error.strerror})")
    listens = handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens or handed.family not in (socket.AF_INET, socket.AF_INET6):
        fail(
            "LISTEN_FDS: expected a socket that listens at an address and a port, got another; "
            "write ListenStream=127.0.0.1:8000 and Accept=no"
        )
    handed.set_inheritable(False)
    return handed


class Doorway:
    """Know where to listen: as the options say, or on the socket that was handed over."""

    def __init__(self, host: str | None, port: int | None) -> None:
        self._handed = handed_over()
        self.place: dict[str, object] = {"HOST": host, "PORT": port}
        """For the settings; None is not given."""
        if self._handed is not None:
            handed_host, handed_port, *_ = self._handed.getsockname()
            self.place = {"HOST": handed_host, "PORT": handed_port}

    def open(self, chosen: Settings) -> socket.socket:
        """Give the socket that listens; ends the command where it cannot."""
        return self._handed or listen(chosen)


def listen_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --host and --port; the command gets both as `doorway`."""

    @click.option("--host", help="Address to listen on.")
    @click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes any.")
    @wraps(command)
    def run(*, host: str | None, port: int | None, **others: object) -> None:
        command(doorway=Doorway(host, port), **others)

    return run


def listen(chosen: Settings) -> socket.socket:
    """Open the listening socket, so that a port in use is one clear line before anything runs."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((chosen.host, chosen.port))
    except OSError as error:
        fail(
            f"{chosen.host}:{chosen.port}: cannot listen there ({error.strerror}); "
            "set COURSEBELL_HOST or COURSEBELL_PORT to an address that is free"
        )
    listening.listen(BACKLOG)
    return listening
