"""A chat service for tests, over real HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any, Self

from service.sending.channels.chat import ChatChannel

HERE = "127.0.0.0/8"
"""Where the rooms of tests are, for COURSEBELL_CHAT_PRIVATE_NETWORKS."""
LOCAL = (ip_network(HERE),)


def room_channel(url: str, **more: Any) -> ChatChannel:
    """A channel that may post to a room of ours."""
    return ChatChannel("ops", url, private_networks=LOCAL, **more)


class Room:
    """A chat service: remembers posts, answers what it is told (status, headers, silence)."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.connections = 0
        self.status: int | None = 200
        self.headers: dict[str, str] = {}
        self.over = threading.Event()

    def __enter__(self) -> Self:
        room = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                room.connections += 1
                super().setup()

            def do_POST(self) -> None:
                room.paths.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                room.posts.append(json.loads(body))
                room.answer(self)

            do_PUT = do_PATCH = do_POST  # noqa: N815  (the names that http.server calls)

            def do_GET(self) -> None:
                room.paths.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hooks/s3cret-t0ken"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.status == 0:
            self.over.wait(5)
        if not self.status:
            handler.close_connection = True
            return
        handler.send_response_only(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
