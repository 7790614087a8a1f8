"""The server's side of one SMTP conversation, for `smtp_sink`."""

import base64
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Event
from typing import BinaryIO

DROP = "drop"  # close the connection instead of answering
KEEP_AND_DROP = "keep and drop"  # at the dot: take the mail, then close without a word
HANG = "hang"  # never answer
DRIP = "drip"  # answer a byte now and then, for ever
SLOW = "250 2.1.5 in a while"  # yes, a tenth of a second later
FLOOD = "flood"  # answer line upon line, for ever
FLOODED = b"250-and more\r\n" * 1_000


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


@dataclass(frozen=True)
class Pause:
    """A moment in which a server thinks: `entered` when it is there, until it may `go_on`."""

    entered: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)


@dataclass
class Order:
    """What to do at a verb, for one recipient or all, so many times or always (None)."""

    verb: str
    reply: str
    local: str | None
    times: int | None
    pause: Pause | None = None


@dataclass
class House:
    """What all conversations of one server share. `keep` is called with every mail taken."""

    tls: str | None
    users: dict[str, str]
    extensions: tuple[str, ...]
    mechanisms: str
    context: ssl.SSLContext | None
    keep: Callable[[Mail], None]
    orders: list[Order] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)
    stopping: Event = field(default_factory=Event)
    flooded: int = 0

    def order(self, verb: str, local: str | None) -> Order | None:
        """Return what was ordered for this moment, if anything."""
        matching = (o for o in self.orders if o.verb == verb and o.local in (None, local))
        return next((order for order in matching if order.times != 0), None)


class Conversation:
    """One connection, from the greeting to its end."""

    def __init__(self, house: House, wire: socket.socket, number: int) -> None:
        self.house, self.wire, self.number = house, wire, number
        self.lines: BinaryIO = wire.makefile("rb")
        self.sender = ""
        self.recipients: list[str] = []
        self.user: str | None = None

    def hold(self) -> None:
        """Serve the client until it leaves or is shown out."""
        self.house.open.add(self.wire)
        try:
            if self.house.tls == "ssl":
                self._secure()
            self._converse()
        except (OSError, ValueError):
            pass
        finally:
            self.house.open.discard(self.wire)
            self.lines.close()
            self.wire.close()

    def say(self, reply: str) -> None:
        self.wire.sendall(reply.encode() + b"\r\n")

    def hear(self) -> str:
        line = self.lines.readline(4096)
        if not line:
            raise ConnectionError
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def _local(self) -> str | None:
        return self.recipients[-1].rpartition("@")[0] if self.recipients else None

    def _secure(self) -> None:
        """Go on over TLS. The plain socket is emptied by this, even when the client refuses."""
        assert self.house.context is not None
        self.house.open.discard(self.wire)
        self.lines.close()
        self.wire = secured = self.house.context.wrap_socket(
            self.wire, server_side=True, do_handshake_on_connect=False
        )
        self.house.open.add(self.wire)
        self.lines = self.wire.makefile("rb")
        secured.do_handshake()

    def _converse(self) -> None:
        self._answer("greeting", "220 sink.example ESMTP")
        while True:
            line = self.hear()
            self.house.commands.append((self.number, line))
            verb = line.split(" ")[0].upper()
            action = getattr(self, f"_do_{verb.lower()}", None)
            if action is None:
                self.say("502 5.5.1 unknown command")
            else:
                action(line)

    def _answer(self, verb: str, reply: str) -> bool:
        """Say the reply, or what an order says instead; tell whether it was a good one."""
        order = self.house.order(verb, self._local())
        if order and order.times is not None:
            order.times -= 1
        if order and order.pause:
            order.pause.entered.set()
            order.pause.go_on.wait(30)
        reply = order.reply if order else reply
        if reply == HANG:
            self.house.stopping.wait()
        if reply == SLOW:
            self.house.stopping.wait(0.1)
        while reply == DRIP:
            self.wire.sendall(b"2")
            self.house.stopping.wait(0.02)
        while reply == FLOOD:
            self.wire.sendall(FLOODED)
            self.house.flooded += len(FLOODED)
        if reply in (DROP, HANG, KEEP_AND_DROP):
            # Shut down first: the reading side holds the file descriptor open.
            with suppress(OSError):
                self.wire.shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        self.say(reply)
        return reply[0] in "23"

    def _do_ehlo(self, line: str) -> None:
        secure = isinstance(self.wire, ssl.SSLSocket)
        words = ["sink.example", *self.house.extensions]
        words += ["STARTTLS"] if self.house.tls == "starttls" and not secure else []
        words += (
            [f"AUTH {self.house.mechanisms}"]
            if self.house.users and (secure or not self.house.tls)
            else []
        )
        lines = [f"250{'-' if n < len(words) else ' '}{word}" for n, word in enumerate(words, 1)]
        self._answer("EHLO", "\r\n".join(lines))

    def _do_helo(self, line: str) -> None:
        self._answer("HELO", "250 sink.example")

    def _do_starttls(self, line: str) -> None:
        if self.house.context is None or self.house.tls != "starttls":
            self.say("502 5.5.1 not offered")
        elif self._answer("STARTTLS", "220 2.0.0 go ahead"):
            self._secure()

    def _do_auth(self, line: str) -> None:
        _, mechanism, *given = line.split(" ")
        if mechanism.upper() == "LOGIN":
            user = _plain(given[0] if given else self._asked("VXNlcm5hbWU6"))
            password = _plain(self._asked("UGFzc3dvcmQ6"))
        else:
            answer = given[0] if given else self._asked("")
            _, user, password = _plain(answer).split("\0")
        self.house.logins.append((mechanism.upper(), user))
        good = self.house.users.get(user) == password
        reply = "235 2.7.0 welcome" if good else "535 5.7.8 wrong name or password"
        if self._answer("AUTH", reply):
            self.user = user

    def _asked(self, challenge: str) -> str:
        self.say(f"334 {challenge}")
        return self.hear()

    def _do_mail(self, line: str) -> None:
        self.recipients = []
        good = "250 2.1.0 sender ok"
        reply = good if self.user or not self.house.users else "530 5.7.0 log in first"
        if self._answer("MAIL", reply):
            self.sender = _path(line)

    def _do_rcpt(self, line: str) -> None:
        self.recipients.append(_path(line))
        if not self._answer("RCPT", "250 2.1.5 recipient ok"):
            self.recipients.pop()

    def _do_data(self, line: str) -> None:
        if not self.recipients:
            self.say("503 5.5.1 no recipient")
        elif self._answer("DATA", "354 go on"):
            raw = _until_dot(self.lines)
            order = self.house.order("dot", self._local())
            if order is None or order.reply[0] == "2" or order.reply == KEEP_AND_DROP:
                self.house.keep(Mail(self.sender, tuple(self.recipients), raw, self.number))
            self._answer("dot", "250 2.0.0 taken")
            self.recipients = []

    def _do_rset(self, line: str) -> None:
        self.recipients = []
        self._answer("RSET", "250 2.0.0 forgotten")

    def _do_noop(self, line: str) -> None:
        self._answer("NOOP", "250 2.0.0 still here")

    def _do_quit(self, line: str) -> None:
        self._answer("QUIT", "221 2.0.0 bye")
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
