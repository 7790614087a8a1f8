"""A mail server in a process of its own: takes every mail and notes when; it offers PIPELINING."""

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Self

Accepted = tuple[str, float]
"""Recipient, and the monotonic clock (the same in every process) when it was accepted."""


class Sink:
    """The process; ask it what came.

    It `thinks` so many seconds about each mail, and whatever is said to it is so many `away`.
    """

    def __init__(self, thinks: float = 0.0, away: float = 0.0, books: type | None = None) -> None:
        self._takes = (books or Books, thinks, away)

    def __enter__(self) -> Self:
        spawn = multiprocessing.get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(theirs, *self._takes), daemon=True)
        self._process.start()
        theirs.close()
        self.port = int(self._ours.recv())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()
        self._ours.close()

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=learning@academy.example"

    def ask(self, name: str) -> Any:
        """What its books say under this name."""
        self._ours.send(name)
        return self._ours.recv()

    @property
    def accepted(self) -> list[Accepted]:
        """Every mail so far."""
        found: list[Accepted] = self.ask("accepted")
        return found

    @property
    def count(self) -> int:
        """How many mails so far."""
        return int(self.ask("count"))

    def wait_for(self, count: int, seconds: float) -> list[Accepted]:
        """Waits until so many mails have come; returns all that have, be they fewer."""
        deadline = time.monotonic() + seconds
        while self.count < count and time.monotonic() < deadline:
            time.sleep(0.2)
        return self.accepted

    @property
    def last(self) -> bytes:
        """The bytes of the last mail, as sent."""
        return bytes(self.ask("last"))


class Books:
    """What the server has taken, how long it thinks about each, and how far away it is.

    It welcomes everybody and every connection.
    """

    most_connections = 1_000

    def __init__(self, thinks: float, away: float) -> None:
        self.thinks, self.away = thinks, away
        self.accepted: list[Accepted] = []
        self.last = b""
        self.open = self.most_open = self.crowded_out = 0
        self.lock = threading.Lock()

    def welcome(self, recipient: str) -> bytes:
        """What is answered to RCPT."""
        return b"250 2.1.5 ok\r\n"

    def think(self) -> None:
        """Take a while before a mail is taken."""
        if self.thinks:
            time.sleep(self.thinks)

    def enter(self) -> bool:
        """Count a connection, and tell whether there is room for it."""
        with self.lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            room = self.open <= self.most_connections
            self.crowded_out += not room
            return room

    @property
    def count(self) -> int:
        return len(self.accepted)


def serve(control: Connection, make: Callable[[float, float], Books], *takes: float) -> None:
    """The main function of the process."""
    books = make(*takes)
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
    with wire, suppress(OSError):
        if books.enter():
            wire.sendall(b"220 sink.example ESMTP\r\n")
            talk(wire, books)
        else:
            wire.sendall(b"421 4.7.0 too many connections\r\n")
    with books.lock:
        books.open -= 1


def talk(wire: socket.socket, books: Books) -> None:
    """Answer until the client leaves."""
    recipient, lines = "", lines_of(wire, books.away)
    for line in lines:
        verb, reply = line[:4].upper(), b"250 2.0.0 ok\r\n"
        if verb == b"EHLO":
            reply = b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        elif verb == b"RCPT":
            recipient = line.decode().partition("<")[2].partition(">")[0]
            reply = books.welcome(recipient)
            recipient = recipient if reply[:1] == b"2" else ""
        elif verb == b"QUIT":
            reply = b"221 2.0.0 bye\r\n"
        elif verb == b"DATA" and not recipient:
            reply = b"554 5.5.1 no valid recipients\r\n"
        elif verb == b"DATA":
            wire.sendall(b"354 go on\r\n")
            books.last = until_dot(lines)
            books.think()
            books.accepted.append((recipient, time.monotonic()))
            recipient = ""
        wire.sendall(reply)
        if verb == b"QUIT":
            return


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
