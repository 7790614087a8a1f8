"""Speak HTTP as uvicorn does, but end a slow or endless request head."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
PENDING_BYTES = 64 * 1024


class ImpatientProtocol(HttpToolsProtocol):
    """Close a connection whose next request head is not complete in time, or does not end.

    uvicorn 0.54 measured: 400 of 400 connections with half a head were still open after 40
    seconds; one header or trailer of 200 MB grew the process by 157 MB, as the parser keeps it
    until it ends; and when a request was answered before its body had come, the rest may drip
    in for ever, because any byte stops the keep-alive timer and nothing starts it again.
    """

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._owes_head = True
        self._understood = False
        self._pending_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock before the first byte."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Set no timer for a head that comes in one piece, as nearly all do."""
        self._understood = False
        super().data_received(data)
        self._pending_bytes = 0 if self._understood else self._pending_bytes + len(data)
        if self._pending_bytes > PENDING_BYTES:
            self._give_up()
        elif self._owes_head:
            self._await_head()
        else:
            self._stop_waiting()

    def on_message_begin(self) -> None:
        """Note the first byte of a request."""
        self._owes_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Leave the time to the application from here on."""
        self._owes_head = False
        self._understood = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Leave the size to the application."""
        self._understood = True
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Count what is left of an unread body against the time of the next head."""
        unread = self.cycle.response_complete and self.cycle.more_body
        super().on_response_complete()
        if unread:
            self._owes_head = True
            self._await_head()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
