"""A mail server for tests: takes mail over real sockets and does what it is told.

with SmtpSink() as sink:
    sink.on("RCPT", "550 5.1.1 nobody here", local="ghost")
    sink.on("dot", DROP, times=1)
    channel = open_channel("email", sink.url, drawer=folder)
"""

import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import quote

from tests.smtp_conversation import (
    DRIP,
    DROP,
    FLOOD,
    HANG,
    KEEP_AND_DROP,
    SLOW,
    Conversation,
    House,
    Mail,
    Order,
    Pause,
)

__all__ = [
    "DRIP", "DROP", "FLOOD", "HANG", "KEEP_AND_DROP", "SLOW", "Mail", "SmtpSink",
    "certificate", "server_tls",
]  # fmt: skip


class SmtpSink:
    """`tls`: None, `starttls` or `ssl`. `users`: name to password; login is asked for if given."""

    def __init__(
        self,
        *,
        tls: str | None = None,
        users: dict[str, str] | None = None,
        extensions: Iterable[str] = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
        mechanisms: str = "PLAIN LOGIN",
        sender: str = "Academy <learning@academy.example>",
        host: str = "127.0.0.1",
    ) -> None:
        self.sender, self.host = sender, host
        self.mails: list[Mail] = []
        self.connections = 0
        self.port = 0
        context = server_tls() if tls else None
        self._house = House(tls, users or {}, tuple(extensions), mechanisms, context, self._keep)
        self._changed = threading.Condition()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def url(self) -> str:
        """The `mailto://` URL of this server; it does not verify the self-made certificate."""
        schema = "mailtos" if self._house.tls else "mailto"
        user = next(iter(self._house.users.items()), None)
        login = f"{quote(user[0], safe='')}:{quote(user[1], safe='')}@" if user else ""
        mode = f"&mode={self._house.tls}&verify=no" if self._house.tls else ""
        return f"{schema}://{login}{self.host}:{self.port}?from={quote(self.sender, safe='')}{mode}"

    @property
    def certificate(self) -> Path:
        """The certificate to trust (SSL_CERT_FILE)."""
        return certificate()[0]

    @property
    def commands(self) -> list[tuple[int, str]]:
        """Every line a client said outside of mails, with its connection's number."""
        return self._house.commands

    @property
    def logins(self) -> list[tuple[str, str]]:
        """Every try to log in: mechanism and user."""
        return self._house.logins

    @property
    def flooded(self) -> int:
        """How many bytes of replies without end a client has taken."""
        return self._house.flooded

    def on(
        self, verb: str, reply: str, *, local: str | None = None, times: int | None = None
    ) -> Order:
        """Answer otherwise at `greeting`, a verb (`RCPT`), or the final `dot`; newest first.

        `reply` is a reply line or DROP, KEEP_AND_DROP, HANG, DRIP, FLOOD, SLOW.
        `local`: only for recipients with this part before the @. `times`: so often, then as before.
        """
        order = Order(verb, reply, local, times)
        self._house.orders.insert(0, order)
        return order

    def hold(self) -> Pause:
        """Take the next mail, but think before saying so."""
        pause = Pause()
        self._house.orders.insert(0, Order("dot", "250 2.0.0 taken", None, 1, pause))
        return pause

    def up(self) -> None:
        """Listen; after `down()` on the same port again."""
        self._house.stopping.clear()
        self._listener = socket.create_server((self.host, self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def down(self) -> None:
        """Stop listening and close every connection; what was received stays."""
        self._house.stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)
        self._threads.clear()

    def hang_up(self) -> None:
        """Close the open connections, as a server does with idle ones."""
        for wire in list(self._house.open):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Mail]:
        """Wait until so many mails came; return all that came."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.mails) >= count, seconds):
                raise AssertionError(f"expected {count} mails, got {len(self.mails)}")
            return list(self.mails)

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if address in mail.recipients]

    def verbs(self, connection: int = 1) -> list[str]:
        return [line.split(" ")[0].upper() for n, line in self._house.commands if n == connection]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self._house.stopping.is_set():
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(Conversation(self._house, wire, self.connections).hold)

    def _keep(self, mail: Mail) -> None:
        with self._changed:
            self.mails.append(mail)
            self._changed.notify_all()


@cache
def certificate() -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and localhost, once per run; return it and its key."""
    folder = Path(tempfile.mkdtemp(prefix="smtp-sink-"))
    crt, key = folder / "sink.crt", folder / "sink.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    subprocess.run(
        [*command.split(), *names.split(), "-out", str(crt), "-keyout", str(key)],
        check=True,
        capture_output=True,
    )
    return crt, key


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    return context
