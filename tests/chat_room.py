"""A chat service for tests, over real HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Room:
    """A chat service: remembers posts, answers what it is told (status, headers, silence)."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status: int | None = 200
        self.headers: dict[str, str] = {}
        self.over = threading.Event()

    def __enter__(self) -> Self:
        room = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                room.paths.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                room.posts.append(json.loads(body))
                room.answer(self)

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
