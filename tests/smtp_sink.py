"""A mail server for tests: takes mail over real sockets and does what it is told.

with SmtpSink() as sink:
    sink.on("RCPT", "550 5.1.1 nobody here", local="ghost")
    sink.on("dot", DROP, times=1)
    channel = open_channel("email", sink.url, drawer=folder)
"""

import base64
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import quote

DROP = "drop"  # close the connection instead of answering
KEEP_AND_DROP = "keep and drop"  # at the dot: take the mail, then close without a word
HANG = "hang"  # never answer


@dataclass(frozen=True)
class Mail:
    """One accepted mail: its envelope, its bytes as sent (dots undone), its connection's number."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    connection: int

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)


@dataclass
class Order:
    """What to do at a verb, for one recipient or all, so many times or always (None)."""

    verb: str
    reply: str
    local: str | None
    times: int | None


@dataclass
class Session:
    """One connection's state."""

    number: int
    wire: socket.socket
    lines: BinaryIO
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    user: str | None = None

    def say(self, reply: str) -> None:
        self.wire.sendall(reply.encode() + b"\r\n")

    def hear(self) -> str:
        line = self.lines.readline(4096)
        if not line:
            raise ConnectionError
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def local(self) -> str | None:
        return self.recipients[-1].rpartition("@")[0] if self.recipients else None


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
    ) -> None:
        self.tls, self.users, self.sender = tls, users or {}, sender
        self.extensions, self.mechanisms = tuple(extensions), mechanisms
        self.mails: list[Mail] = []
        self.commands: list[tuple[int, str]] = []
        self.logins: list[tuple[str, str]] = []
        self.connections = 0
        self.port = 0
        self._orders: list[Order] = []
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._context = server_tls() if tls else None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def url(self) -> str:
        """The `mailto://` URL of this server; it does not verify the self-made certificate."""
        schema = "mailtos" if self.tls else "mailto"
        user = next(iter(self.users.items()), None)
        login = f"{quote(user[0], safe='')}:{quote(user[1], safe='')}@" if user else ""
        mode = f"&mode={self.tls}&verify=no" if self.tls else ""
        return f"{schema}://{login}127.0.0.1:{self.port}?from={quote(self.sender, safe='')}{mode}"

    @property
    def certificate(self) -> Path:
        """The certificate to trust (SSL_CERT_FILE)."""
        return certificate()[0]

    def on(
        self, verb: str, reply: str, *, local: str | None = None, times: int | None = None
    ) -> None:
        """Answer otherwise at `greeting`, a verb (`RCPT`), or the final `dot`; newest first.

        `reply` is a reply line or DROP, KEEP_AND_DROP, HANG. `local`: only for recipients with
        this part before the @. `times`: so often, then as before.
        """
        self._orders.insert(0, Order(verb, reply, local, times))

    def up(self) -> None:
        """Listen; after `down()` on the same port again."""
        self._stopping.clear()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def down(self) -> None:
        """Stop listening and close every connection; what was received stays."""
        self._stopping.set()
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
        for wire in list(self._open):
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
        return [line.split(" ")[0].upper() for n, line in self.commands if n == connection]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, wire, self.connections)

    def _serve(self, wire: socket.socket, number: int) -> None:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(wire)
        session = Session(number, wire, wire.makefile("rb"))
        try:
            if self.tls == "ssl":
                self._secure(session)
            self._converse(session)
        except (OSError, ValueError):
            pass  # the client left, or was shown out
        finally:
            self._open.discard(session.wire)
            session.lines.close()
            session.wire.close()

    def _secure(self, session: Session) -> None:
        """Go on over TLS. The plain socket is emptied by this, even when the client refuses."""
        assert self._context is not None
        self._open.discard(session.wire)
        session.lines.close()
        session.wire = secured = self._context.wrap_socket(
            session.wire, server_side=True, do_handshake_on_connect=False
        )
        self._open.add(session.wire)
        session.lines = session.wire.makefile("rb")
        secured.do_handshake()

    def _converse(self, session: Session) -> None:
        self._answer(session, "greeting", "220 sink.example ESMTP")
        while True:
            line = session.hear()
            self.commands.append((session.number, line))
            verb = line.split(" ")[0].upper()
            action = getattr(self, f"_do_{verb.lower()}", None)
            if action is None:
                session.say("502 5.5.1 unknown command")
            else:
                action(session, line)

    def _answer(self, session: Session, verb: str, reply: str) -> bool:
        """Say the reply, or what an order says instead; tell whether it was a good one."""
        order = self._order(verb, session.local())
        reply = order.reply if order else reply
        if reply == HANG:
            self._stopping.wait()
        if reply in (DROP, HANG, KEEP_AND_DROP):
            # Shut down first: the reading side holds the file descriptor open.
            with suppress(OSError):
                session.wire.shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        session.say(reply)
        return reply[0] in "23"

    def _order(self, verb: str, local: str | None) -> Order | None:
        for order in self._orders:
            if order.verb == verb and order.local in (None, local) and order.times != 0:
                if order.times is not None:
                    order.times -= 1
                return order
        return None

    def _do_ehlo(self, session: Session, line: str) -> None:
        secure = isinstance(session.wire, ssl.SSLSocket)
        words = ["sink.example", *self.extensions]
        words += ["STARTTLS"] if self.tls == "starttls" and not secure else []
        words += [f"AUTH {self.mechanisms}"] if self.users and (secure or not self.tls) else []
        lines = [f"250{'-' if n < len(words) else ' '}{word}" for n, word in enumerate(words, 1)]
        self._answer(session, "EHLO", "\r\n".join(lines))

    def _do_helo(self, session: Session, line: str) -> None:
        self._answer(session, "HELO", "250 sink.example")

    def _do_starttls(self, session: Session, line: str) -> None:
        if self._context is None or self.tls != "starttls":
            session.say("502 5.5.1 not offered")
        elif self._answer(session, "STARTTLS", "220 2.0.0 go ahead"):
            self._secure(session)

    def _do_auth(self, session: Session, line: str) -> None:
        _, mechanism, *given = line.split(" ")
        if mechanism.upper() == "LOGIN":
            user = _plain(given[0] if given else self._asked(session, "VXNlcm5hbWU6"))
            password = _plain(self._asked(session, "UGFzc3dvcmQ6"))
        else:
            answer = given[0] if given else self._asked(session, "")
            _, user, password = _plain(answer).split("\0")
        self.logins.append((mechanism.upper(), user))
        good = self.users.get(user) == password
        reply = "235 2.7.0 welcome" if good else "535 5.7.8 wrong name or password"
        if self._answer(session, "AUTH", reply):
            session.user = user

    def _asked(self, session: Session, challenge: str) -> str:
        session.say(f"334 {challenge}")
        return session.hear()

    def _do_mail(self, session: Session, line: str) -> None:
        session.recipients = []
        good = "250 2.1.0 sender ok"
        reply = good if session.user or not self.users else "530 5.7.0 log in first"
        if self._answer(session, "MAIL", reply):
            session.sender = _path(line)

    def _do_rcpt(self, session: Session, line: str) -> None:
        session.recipients.append(_path(line))
        if not self._answer(session, "RCPT", "250 2.1.5 recipient ok"):
            session.recipients.pop()

    def _do_data(self, session: Session, line: str) -> None:
        if not session.recipients:
            session.say("503 5.5.1 no recipient")
        elif self._answer(session, "DATA", "354 go on"):
            raw = _until_dot(session.lines)
            order = self._order_ahead("dot", session.local())
            if order is None or order.reply[0] == "2" or order.reply == KEEP_AND_DROP:
                self._keep(session, raw)
            self._answer(session, "dot", "250 2.0.0 taken")
            session.recipients = []

    def _order_ahead(self, verb: str, local: str | None) -> Order | None:
        matching = (o for o in self._orders if o.verb == verb and o.local in (None, local))
        return next((order for order in matching if order.times != 0), None)

    def _keep(self, session: Session, raw: bytes) -> None:
        mail = Mail(session.sender, tuple(session.recipients), raw, session.number)
        with self._changed:
            self.mails.append(mail)
            self._changed.notify_all()

    def _do_rset(self, session: Session, line: str) -> None:
        session.recipients = []
        self._answer(session, "RSET", "250 2.0.0 forgotten")

    def _do_noop(self, session: Session, line: str) -> None:
        self._answer(session, "NOOP", "250 2.0.0 still here")

    def _do_quit(self, session: Session, line: str) -> None:
        self._answer(session, "QUIT", "221 2.0.0 bye")
        raise ConnectionError


def _path(line: str) -> str:
    """Return what stands between < and the last >."""
    return line[line.index("<") + 1 : line.rindex(">")]


def _plain(text: str) -> str:
    return base64.b64decode(text).decode()


def _until_dot(lines: BinaryIO) -> bytes:
    """Read a mail up to its final dot, undoing the doubled ones (RFC 5321 §4.5.2)."""
    kept: list[bytes] = []
    while (line := lines.readline()) != b".\r\n":
        if not line:
            raise ConnectionError
        kept.append(line[1:] if line.startswith(b".") else line)
    return b"".join(kept)


@cache
def certificate() -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and localhost, once per run; return it and its key."""
    folder = Path(tempfile.mkdtemp(prefix="smtp-sink-"))
    crt, key = folder / "sink.crt", folder / "sink.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", str(crt), "-keyout", str(key)]
        + ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
        check=True,
        capture_output=True,
    )
    return crt, key


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    return context
