"""Speak HTTP as uvicorn does, but with an end to all that a stranger can make it wait for."""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
UNREAD_SECONDS = 30.0
LAST_HEAD_SECONDS = 0.3
"""What is left to who has connected, or may ask again, when the service ends."""
PENDING_BYTES = 64 * 1024
URL_BYTES = 8 * 1024
HEADERS = 100
PIPELINED = 16
CONNECTIONS = min(512, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
"""How many connections strangers may have, so that files and honest senders always find room."""

PROVED = "coursebell.proved"
"""What in the state of an ASGI scope an application calls once it knows the sender."""

log = logging.getLogger(__name__)
log.setLevel(logging.ERROR)  # uvicorn's warnings are of strangers, who must not fill the disk


def prove(scope: Mapping[str, Any]) -> None:
    """Take the connection of a request from what strangers have, until it is answered."""
    if leave := scope.get("state", {}).get(PROVED):
        leave()


def peer_of(scope: Mapping[str, Any]) -> str:
    """Name the peer of the connection, be it a proxy: a head says what its sender likes."""
    peer = scope.get("client")
    return str(peer[0]) if peer else ""


class Deadline:
    """End something that is not done in time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, end: Callable[[], None]) -> None:
        """Count from now on, unless it counts already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, end)

    def stop(self) -> None:
        """End nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Strangers:
    """Hold the connections of nobody knows whom; who has been longest makes room for who comes.

    An honest sender says at once who it is, so only a flood can make one of them the oldest.
    Refusing who comes last would let those stay who keep others out.
    """

    def __init__(self, most: int = CONNECTIONS) -> None:
        self._most = most
        self._connections: dict[object, ImpatientProtocol] = {}

    def enter(self, place: object, connection: "ImpatientProtocol") -> None:
        """Count a connection, that has this place alone, as the newest."""
        self._connections.pop(place, None)
        self._connections[place] = connection
        if len(self._connections) > self._most:
            next(iter(self._connections.values())).give_up()

    def leave(self, place: object) -> None:
        """Count the connection of a place no more."""
        self._connections.pop(place, None)


class LastAnswersServer(uvicorn.Server):
    """Serve as uvicorn does; who has connected when it ends is known before it says goodbye."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, let those in who are through it, and tell all that the next is the last.

        A listening socket that another process holds, too, goes on taking connections for it.
        """
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)
        await super().shutdown(sockets)


class ImpatientProtocol(HttpToolsProtocol):
    """Close a connection that is late, does not end, is not read, or wants too much at once.

    uvicorn 0.54 measured: 400 of 400 connections with half a head were still open after 40
    seconds; one header or trailer of 200 MB grew the process by 157 MB, as the parser keeps it
    until it ends; any byte stops the keep-alive timer, and only an answer starts it again; a
    MiB of requests without waiting for answers grew the process by 60 MiB, for good; and a
    peer that reads no answer keeps its connection, closed or not. When a peer goes away, it is
    its newest request that is told, and the one being answered, if others wait behind it, writes
    on: an error in the log for each, 400 kB a second of them.
    """

    head_seconds = HEAD_SECONDS
    unread_seconds = UNREAD_SECONDS
    strangers = Strangers()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = log
        self._head = Deadline(self.head_seconds)
        self._reader = Deadline(self.unread_seconds)
        self._place = object()
        self._leave = partial(self.strangers.leave, self._place)  # no cycle keeps what is closed
        self._answered = self.cycle
        self._owes_head = True
        self._understood = False
        self._is_ending = False
        self._is_last = False
        self._pending_bytes = 0
        self._at_hand_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock before the first byte."""
        super().connection_made(transport)
        self._head.begin(self.give_up)
        self.strangers.enter(self._place, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, and tell the request being answered."""
        self._leave()
        self._head.stop()
        self._reader.stop()
        super().connection_lost(exc)
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Set no timer for a head that comes in one piece, as nearly all do."""
        if self._is_ending:
            return
        self._understood = False
        self._at_hand_bytes = self._pending_bytes + len(data)
        super().data_received(data)
        self._pending_bytes = 0 if self._understood else self._at_hand_bytes
        if self._pending_bytes > PENDING_BYTES or len(self.headers or ()) > HEADERS:
            self.give_up()
        elif self._owes_head:
            self._head.begin(self.give_up)
        else:
            self._head.stop()

    def on_message_begin(self) -> None:
        """Note the first byte of a request."""
        self._owes_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Leave the time to the application from here on; an error ends what the parser reads."""
        self._owes_head = False
        self._understood = True
        if self._is_too_much():
            raise ValueError("too much at once")
        self.scope["state"][PROVED] = self._leave
        super().on_headers_complete()
        if self._is_last:
            self.cycle.keep_alive = False
        if not self.pipeline:
            self._answered = self.cycle

    def _is_too_much(self) -> bool:
        """Tell whether a head is larger than may be, or waits behind too many."""
        return (
            len(self.headers) > HEADERS
            or len(self.url) > URL_BYTES
            or len(self.pipeline) >= PIPELINED
            or (
                self._at_hand_bytes > PENDING_BYTES
                and sum(len(name) + len(value) for name, value in self.headers) > PENDING_BYTES
            )
        )

    def on_body(self, body: bytes) -> None:
        """Leave the size to the application."""
        self._understood = True
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read; what was asked before it is answered first (RFC 9112, 9.3.2).

        uvicorn would cut those answers off.
        """
        self._is_ending = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            super().send_400_response(msg)
            self._reader.begin(self.give_up)
        else:
            cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Count what is left of an unread body against the time of the next head."""
        if self.pipeline:
            self._answered = self.pipeline[-1][0]
        super().on_response_complete()
        if self.transport.is_closing():
            self._reader.begin(self.give_up)
        elif self.cycle.response_complete:
            self._owes_head = True
            self.strangers.enter(self._place, self)
            if self.cycle.more_body:
                self._head.begin(self.give_up)

    def pause_writing(self) -> None:
        """Give the peer a while to read its answers."""
        super().pause_writing()
        self._reader.begin(self.give_up)

    def resume_writing(self) -> None:
        """Note that it does."""
        super().resume_writing()
        self._reader.stop()

    def shutdown(self) -> None:
        """Answer what is on its way, and say with it that this was the last.

        uvicorn closes at once who has connected and whose request was not read yet: between a
        POST that has left and its answer, which its sender takes for a refusal.
        """
        self._is_last = True
        if self.cycle is None or self.cycle.response_complete:
            asyncio.get_running_loop().call_later(LAST_HEAD_SECONDS, self._close_unasked)
        else:
            self.cycle.keep_alive = False

    def _close_unasked(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close what is idle, once its last answer is read or was given time to."""
        super().timeout_keep_alive_handler()
        self._reader.begin(self.give_up)

    def give_up(self) -> None:
        """End the connection now: closing would wait for a peer that may not read."""
        self.transport.abort()
