"""A mail server in a process of its own: takes every mail and notes when; it offers PIPELINING."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Self

Accepted = tuple[str, float]
"""Recipient, and the monotonic clock (the same in every process) when it was accepted."""


class Sink:
    """The process; ask it what came.

    It `thinks` so many seconds about each mail, and whatever is said to it is so many `away`.
    """

    def __init__(self, thinks: float = 0.0, away: float = 0.0) -> None:
        self._takes = (thinks, away)

    def __enter__(self) -> Self:
        spawn = multiprocessing.get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(theirs, *self._takes), daemon=True)
        self._process.start()
        self.port = int(self._ours.recv())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=learning@academy.example"

    @property
    def accepted(self) -> list[Accepted]:
        """Every mail so far."""
        self._ours.send("accepted")
        found: list[Accepted] = self._ours.recv()
        return found

    @property
    def count(self) -> int:
        """How many mails so far."""
        self._ours.send("count")
        return int(self._ours.recv())

    def wait_for(self, count: int, seconds: float) -> list[Accepted]:
        """Waits until so many mails have come; returns all that have, be they fewer."""
        deadline = time.monotonic() + seconds
        while self.count < count and time.monotonic() < deadline:
            time.sleep(0.2)
        return self.accepted

    @property
    def last(self) -> bytes:
        """The bytes of the last mail, as sent."""
        self._ours.send("last")
        return bytes(self._ours.recv())


class Books:
    """What the server has taken, how long it thinks about each, and how far away it is."""

    def __init__(self, thinks: float, away: float) -> None:
        self.thinks, self.away = thinks, away
        self.accepted: list[Accepted] = []
        self.last = b""

    @property
    def count(self) -> int:
        return len(self.accepted)


def serve(control: Connection, thinks: float, away: float) -> None:
    """The main function of the process."""
    books = Books(thinks, away)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    control.send(listener.getsockname()[1])
    threading.Thread(target=accept, args=(listener, books), daemon=True).start()
    with suppress(EOFError):
        while True:
            control.send(getattr(books, control.recv()))


def accept(listener: socket.socket, books: Books) -> None:
    while True:
        wire, _ = listener.accept()
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=converse, args=(wire, books), daemon=True).start()


def converse(wire: socket.socket, books: Books) -> None:
    """One session; knows no more than a client needs."""
    recipient, lines = "", lines_of(wire, books.away)
    with wire, suppress(OSError):
        wire.sendall(b"220 sink.example ESMTP\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                wire.sendall(b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"DATA":
                wire.sendall(b"354 go on\r\n")
                books.last = until_dot(lines)
                if books.thinks:
                    time.sleep(books.thinks)
                books.accepted.append((recipient, time.monotonic()))
                wire.sendall(b"250 2.0.0 taken\r\n")
            elif verb == b"QUIT":
                wire.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                if verb == b"RCPT":
                    recipient = line.decode().partition("<")[2].partition(">")[0]
                wire.sendall(b"250 2.0.0 ok\r\n")


def lines_of(wire: socket.socket, away: float) -> Iterator[bytes]:
    """What is said, line by line; what is said at once is underway once."""
    rest = b""
    while said := wire.recv(65_536):
        if away:
            time.sleep(away)
        *whole, rest = (rest + said).split(b"\n")
        yield from (line + b"\n" for line in whole)


def until_dot(lines: Iterator[bytes]) -> bytes:
    """A mail as it was sent, without the final dot."""
    kept: list[bytes] = []
    for line in lines:
        if line == b".\r\n":
            break
        kept.append(line)
    return b"".join(kept)
