"""A mail server in a process of its own: takes every mail and notes when."""

import multiprocessing
import socket
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import BinaryIO, Self

Accepted = tuple[str, float]
"""Recipient, and the monotonic clock (the same in every process) when it was accepted."""


class Sink:
    """The process; ask it what came. It thinks so many seconds about each mail."""

    def __init__(self, thinks: float = 0.0) -> None:
        self._thinks = thinks

    def __enter__(self) -> Self:
        spawn = multiprocessing.get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(theirs, self._thinks), daemon=True)
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
    """What the server has taken, and how long it thinks about each."""

    def __init__(self, thinks: float) -> None:
        self.thinks = thinks
        self.accepted: list[Accepted] = []
        self.last = b""

    @property
    def count(self) -> int:
        return len(self.accepted)


def serve(control: Connection, thinks: float) -> None:
    """The main function of the process."""
    books = Books(thinks)
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
    recipient, lines = "", wire.makefile("rb")
    with wire, suppress(OSError):
        wire.sendall(b"220 sink.example ESMTP\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                wire.sendall(b"250-sink.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
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


def until_dot(lines: BinaryIO) -> bytes:
    """A mail as it was sent, without the final dot."""
    kept: list[bytes] = []
    for line in lines:
        if line == b".\r\n":
            break
        kept.append(line)
    return b"".join(kept)
