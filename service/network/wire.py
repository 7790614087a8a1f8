"""Connect, read and speak SMTP within a time and a size, whatever the other side does."""

import io
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

Tell = Callable[[str], None]
STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts a suspended machine's sleep too (clock_getres(2)): who wakes up knows how long it was."""

_listener: ContextVar[Tell | None] = ContextVar("listener", default=None)


def steady_clock() -> int:
    """Read a clock that never jumps, in ms since the machine started."""
    return int(time.clock_gettime(STEADY) * 1000)


@contextmanager
def overheard(tell: Tell) -> Iterator[None]:
    """Tell of each step of the talks begun here, without a password; may hold an address."""
    token = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_listener(words: str) -> None:
    """Say something to whoever listens, which is nobody while the service runs."""
    if tell := _listener.get():
        tell(words)


class NoAddressAllowed(OSError):
    """Say that a host has addresses, and that none of them may be connected to."""


def time_left(until: float) -> float:
    """Return the seconds until a moment of `monotonic`. Raises TimeoutError when it has passed."""
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left


def anywhere(address: str) -> bool:
    """Allow every address."""
    return True


def connected(
    host: str, port: int, until: float, allowed: Callable[[str], bool] = anywhere
) -> socket.socket:
    """Connect to the first address of a host that answers, each given its share of the time.

    What is asked of `allowed` is what is connected to: the name is looked up once. What is left
    of the time is the socket's for what comes next. Raises OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = [place for place in found if allowed(str(place[4][0]))]
    failure: OSError = NoAddressAllowed("none of its addresses may be connected to")
    for number, (family, kind, protocol, _, address) in enumerate(places):
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(time_left(until) / (len(places) - number))
            wire.connect(address)
            wire.settimeout(time_left(until))
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            wire.close()
            failure = error
        else:
            return wire
    raise failure


class BoundedReader(io.RawIOBase):
    """Read a socket until a moment of `monotonic` and up to so many bytes; each read in `pause` s.

    A socket's own time-out is for each read: who drips a byte now and then is never too late.
    """

    def __init__(
        self, wire: socket.socket, until: float, size: float, *, pause: float = inf
    ) -> None:
        self._wire = wire
        self._pause = pause
        self._raw = wire.makefile("rb", buffering=0)
        self.allow(until, size)

    def allow(self, until: float, size: float) -> None:
        """Say how long and how much may be read from now on."""
        self._until, self._left = until, size

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        """Read once. Raises OSError when it takes too long or is too much."""
        if self._left <= 0:
            raise OSError("the answer is too long")
        self._wire.settimeout(min(time_left(self._until), self._pause))
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        return count

    def close(self) -> None:
        """Let go of the socket, which its owner closes."""
        self._raw.close()
        super().close()


REPLY_BYTES = 65_536
"""A reply's lines have 512 octets by RFC 5321 §4.5.3.1.5, and EHLO's are a few dozen."""
PIECE = 16_384
SHOWN = ("HELO", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT")
"""What is shown of what we say; after AUTH come user and password."""


class SmtpSession(smtplib.SMTP):
    """Keep each step of a session to a time and a size.

    `until`: a moment of `monotonic`, for all that follows together; its owner moves it on.
    `step_seconds`: for a whole reply, a whole handshake, and each piece of what is sent.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        until: float,
        step_seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connect, with `tls` from the first byte if given. Raises SMTPException or OSError."""
        self.until = until
        self.step_seconds = step_seconds
        self._tls = tls
        self._told_tls = False
        super().__init__(host, port, _own_name(), timeout=step_seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        wire = connected(host, port, self._step_ends())
        tell_listener(f"connected to {wire.getpeername()[0]}, port {port}")
        return self._tls.wrap_socket(wire, server_hostname=host) if self._tls else wire

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Say one command. Raises SMTPException, OSError or ValueError."""
        self._tell(cmd, args)
        super().putcmd(cmd, args)

    def put_together(self, commands: Sequence[str]) -> None:
        """Say commands at once (RFC 2920), to be heard one by one.

        Raises SMTPException, OSError or ValueError.
        """
        for command in commands:
            self._tell(command, "")
        self.send("".join(f"{command}\r\n" for command in commands))

    def _tell(self, cmd: str, args: str) -> None:
        secured = getattr(self.sock, "version", None)
        if secured and not self._told_tls:
            self._told_tls = True
            tell_listener(f"secured by {secured()}")
        shown = cmd.upper().startswith(SHOWN)
        tell_listener(f"> {cmd} {args}".rstrip() if shown else "> (user or password)")

    def getreply(self) -> tuple[int, bytes]:
        """Hear one reply. Raises SMTPException or OSError."""
        assert self.sock is not None
        if self.file is None:
            self._reader = BoundedReader(self.sock, self._step_ends(), REPLY_BYTES)
            self.file = io.BufferedReader(self._reader)
        self._reader.allow(self._step_ends(), REPLY_BYTES)
        reply = super().getreply()
        words = reply[1].decode("utf-8", "replace").replace("\n", "\n< ")
        tell_listener(f"< {reply[0]} {words}")
        # A handshake may be next, and is as long as the socket waits.
        self.sock.settimeout(max(self._step_ends() - monotonic(), 0.001))
        return reply

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Hand over a command or a mail. Raises SMTPException or OSError."""
        for start in range(0, len(s), PIECE):
            if self.sock is not None:
                self.sock.settimeout(time_left(self._step_ends()))
            super().send(s[start : start + PIECE])

    def _step_ends(self) -> float:
        return min(self.until, monotonic() + self.step_seconds)


Reply = tuple[int, bytes]


class ConnectionLost(Exception):
    """Say that the connection ended, timed out or spoke no SMTP."""


def say(session: SmtpSession, command: str) -> Reply:
    """Send one command and hear the reply. Raises ConnectionLost."""
    try:
        session.putcmd(command)
    except (smtplib.SMTPException, OSError) as error:
        raise ConnectionLost from error
    return hear(session)


def hear(session: SmtpSession) -> Reply:
    """Hear one reply. Raises ConnectionLost, also when it is no SMTP reply."""
    try:
        code, reply = session.getreply()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise ConnectionLost from error
    if not 200 <= code <= 599:
        raise ConnectionLost
    return code, reply


def answers(session: SmtpSession, commands: Sequence[str], *, together: bool) -> Iterator[Reply]:
    """Give the answer to each command: said `together` (RFC 2920), or each when it is asked for.

    Raises ConnectionLost.
    """
    if together:
        try:
            session.put_together(commands)
        except (smtplib.SMTPException, OSError) as error:
            raise ConnectionLost from error
    for command in commands:
        yield hear(session) if together else say(session, command)


def hand_over(session: SmtpSession, mail: bytes) -> None:
    """Send a mail with CRLF line ends, dots doubled, and the final dot. Raises ConnectionLost.

    When this raises, the final dot cannot have left: it is the last thing handed to the wire.
    """
    try:
        session.send(mail.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    except (smtplib.SMTPException, OSError) as error:
        raise ConnectionLost from error


def _own_name() -> str:
    """Return our name for EHLO. Not `getfqdn`: a dead resolver makes it take half a minute."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
