"""A mailbox for tests, over real TLS: as much of IMAP as reading it takes."""

import re
import socket
import threading
from contextlib import suppress
from typing import Self

from tests.smtp_sink import server_tls


class ImapBox:
    """Hold mails, some seen; `commands` are what clients said.

    Those that are `broken` are not given, and at `hangs_up` the connection ends.
    """

    def __init__(self, user: str = "bounces", password: str = "s3cret/pass") -> None:
        self.login = f'"{user}" "{password}"'
        self.mails: list[bytes] = []
        self.seen: set[int] = set()
        self.commands: list[str] = []
        self.broken: set[int] = set()
        self.hangs_up = ""
        self.validity = 7

    def __enter__(self) -> Self:
        self._tls = server_tls()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"imaps://bounces:s3cret%2Fpass@127.0.0.1:{self.port}/INBOX"

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), self._tls.wrap_socket(wire, server_side=True) as secured:
                self._talk(secured)

    def _talk(self, wire: socket.socket) -> None:
        wire.sendall(b"* OK ready\r\n")
        with wire.makefile("rb") as lines:
            for line in lines:
                tag, _, command = line.decode().strip().partition(" ")
                self.commands.append(command)
                if self.hangs_up and command.startswith(self.hangs_up):
                    return
                wire.sendall(self._answer(command) + f"{tag} {self._verdict(command)}\r\n".encode())
                if command == "LOGOUT":
                    return

    def _verdict(self, command: str) -> str:
        if any(command.startswith(f"UID FETCH {n} ") for n in self.broken):
            return "NO [SERVERBUG] Internal error occurred."
        known = not command.startswith("LOGIN") or command == f"LOGIN {self.login}"
        return "OK done" if known else "NO [AUTHENTICATIONFAILED] bounces@example.org"

    def _answer(self, command: str) -> bytes:
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if command.startswith("SELECT"):
            return b"* %d EXISTS\r\n* OK [UIDVALIDITY %d]\r\n" % (
                len(self.mails),
                self.validity,
            )
        if found := re.fullmatch(r"UID SEARCH UNSEEN UID (\d+):\*", command):
            unseen = [n for n in range(1, len(self.mails) + 1) if n not in self.seen]
            wanted = [n for n in unseen if n >= int(found[1]) or n == len(self.mails)]
            return b"* SEARCH " + b" ".join(b"%d" % n for n in wanted) + b"\r\n"
        if found := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            n, mail = int(found[1]), self.mails[int(found[1]) - 1][: int(found[2])]
            if n in self.broken:
                return b""
            changed = b"* 1 FETCH (FLAGS (\\Answered))\r\n"
            head = changed + b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n" % (n, n, len(mail))
            return head + mail + b")\r\n"
        if found := re.fullmatch(r"UID STORE (\d+) \+FLAGS \(\\Seen\)", command):
            self.seen.add(int(found[1]))
        return b""
