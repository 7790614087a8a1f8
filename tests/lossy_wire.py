"""Lose a COMMIT on its way to PostgreSQL, or its answer on the way back, by count.

So may be what takes or gives back a share of the work, a statement that commits by itself.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from tests.waiting import until

COMMIT = b"\0COMMIT\0"
HEADER = 5
"""Of the message before it: its kind, and four bytes of length."""

ANSWERS = {
    COMMIT: b"COMMIT\0",
    b"\0\nWITH free AS": b"UPDATE ",
    b"\0\nUPDATE shards SET owner": b"UPDATE ",
}
"""How the answer begins to each that may be counted."""
LONGEST = max(map(len, ANSWERS))
READY = b"Z\0\0\0\5"
PASS, LOSE_COMMIT, LOSE_ANSWER, HOLD = "pass", "lose the commit", "lose the answer", "hold it"


class LossyWire:
    """A TCP proxy before a server's socket: `fate` says of the n-th COMMIT what becomes of it.

    Or of the n-th of all that is `counted`.
    """

    def __init__(
        self, server: Path, fate: Callable[[int], str], counted: Collection[bytes] = (COMMIT,)
    ) -> None:
        self.commits = self.lost = 0
        self.held: list[Callable[[], bytes]] = []
        self._server, self._fate, self._counted = server, fate, counted
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        host, port = self._listening.getsockname()
        return f"host={host}&port={port}"

    def close(self) -> None:
        for each in self._open:
            shut(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            self._open += [client, server]
            Line(self, client, server)

    def found_in(self, data: bytes) -> tuple[int, bytes]:
        """Where the first of what is counted is, and which it is; none is empty."""
        places = ((data.find(what), what) for what in self._counted)
        return min((place for place in places if place[0] >= 0), default=(-1, b""))

    def next_fate(self) -> str:
        self.commits += 1
        return self._fate(self.commits)


class Line:
    """One connection through the wire."""

    def __init__(self, wire: LossyWire, client: socket.socket, server: socket.socket) -> None:
        self._wire, self._client, self._server = wire, client, server
        self._held = self._ended = False
        self._said = self._lost_answer = b""
        for pump in (self._forth, self._back):
            threading.Thread(target=pump, daemon=True).start()

    def _forth(self) -> None:
        with contextlib.suppress(OSError):
            before = b""
            while data := self._client.recv(1 << 16):
                at, what = self._wire.found_in(before + data)
                fate = self._wire.next_fate() if what else PASS
                if fate in (LOSE_COMMIT, HOLD):
                    cut = max(at - len(before) - HEADER, 0)
                    self._cut(data[:cut], data[cut:], fate)
                    return
                if fate == LOSE_ANSWER:
                    self._lost_answer = ANSWERS[what]
                self._server.sendall(data)
                before = b"" if what else data[-LONGEST + 1 :]
        if not self._held:
            shut(self._server)

    def _cut(self, sent: bytes, kept: bytes, fate: str) -> None:
        """The server has all that came before the COMMIT; the client never hears of it again."""
        self._held = fate == HOLD
        self._server.sendall(sent)
        if self._held:
            self._wire.held.append(lambda: self._deliver(kept))
        else:
            shut(self._server)
        self._wire.lost += 1
        shut(self._client)

    def _deliver(self, kept: bytes) -> bytes:
        """Sends what was held, long after; gives what the server said."""
        with contextlib.suppress(OSError):
            self._server.sendall(kept)
        until(lambda: self._ended or READY in self._said, "the server answers what was held")
        shut(self._server)
        return self._said

    def _is_answered(self, data: bytes) -> bool:
        """Whether a statement that commits by itself failed, or was only prepared."""
        return self._lost_answer != ANSWERS[COMMIT] and READY in data

    def _back(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(1 << 16):
                if self._held:
                    self._said += data
                elif not self._lost_answer:
                    self._client.sendall(data)
                elif self._lost_answer in data or self._is_answered(data):
                    self._wire.lost += 1
                    break
        self._ended = True
        if not self._held:
            shut(self._client)
            shut(self._server)


def shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
