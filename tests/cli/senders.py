"""Who posts letters all the time, as an LMS does, while the service is stopped and started."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Self

from tests.installation import START, body, completed

CLIENTS = 6
PATIENCE = 5.0
"""So many seconds Adobe waits for an answer."""


class Senders:
    """Threads that post one letter after another, each on a new connection; none is repeated."""

    def __init__(self, port: int, learners: Iterator[int] | None = None) -> None:
        self.receipts: list[int] = []
        self.refused: list[str] = []
        self._port = port
        self._numbers = learners or count(1)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._post) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let each finish the letter in hand; twice is harmless."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _post(self) -> None:
        while not self._over.is_set():
            n = next(self._numbers)
            letter = body(completed(START + n, n))
            connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
            try:
                connection.request(
                    "POST", "/webhooks/adobe", letter, {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                said = answer.read()
                if answer.status == 202:
                    self.receipts.append(json.loads(said)["receipt"])
                else:
                    self.refused.append(str(answer.status))
            except (OSError, HTTPException) as error:
                self.refused.append(repr(error))
            finally:
                connection.close()
