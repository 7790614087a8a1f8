"""A peer that never comes to an end: it says something first, and then the same for ever."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self


class Endless:
    """Say `first` to everybody who connects, then `again` every `pause` seconds.

    Where there is nothing to say again it listens; else it hears nothing. `gone` counts the
    clients that have hung up.
    """

    def __init__(
        self, first: bytes, again: bytes, pause: float = 0.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.first, self.again, self.pause, self.tls = first, again, pause, tls
        self.connections = self.said = self.gone = 0
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(wire,), daemon=True).start()

    def _talk(self, wire: socket.socket) -> None:
        with suppress(OSError):
            if self.tls:
                wire = self.tls.wrap_socket(wire, server_side=True)
            self._say(wire, self.first)
            while not self._over.wait(self.pause) and (self.again or wire.recv(65_536)):
                self._say(wire, self.again)
        wire.close()
        self.gone += 1

    def _say(self, wire: socket.socket, text: bytes) -> None:
        wire.sendall(text)
        self.said += len(text)
