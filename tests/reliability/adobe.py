"""Adobe as a crowd: threads that post one letter after another and repeat each until it is 202."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from tests.installation import START, body, completed, enrolled
from tests.waiting import until

LEARNERS = 40
BREATH = 0.02
PAUSE = 0.1
HEADERS = {"Content-Type": "application/json"}


class Addressed(Protocol):
    """Who is posted to."""

    @property
    def address(self) -> str: ...


class Crowd:
    """`acked` holds receipt and course of every letter; each letter has its own course."""

    def __init__(self, service: Addressed, threads: int) -> None:
        self.breath = BREATH
        self.acked: list[tuple[int, str]] = []
        self.tries = self.refused = 0
        self.clients = threads
        self._service = service
        self._numbers = count(1)
        self._over = threading.Event()
        self._failed = False
        self._threads = [threading.Thread(target=self._post) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Nobody begins another letter; what is in hand is posted to its end, or dropped."""
        self._failed = kind is not None
        self.leave()

    def leave(self) -> None:
        """Post what is in hand to its end, and no more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        wanted = len(self.acked) + more
        until(lambda: len(self.acked) >= wanted, "more letters are taken in")

    def _post(self) -> None:
        while not self._over.wait(self.breath):
            self.post_one()

    def post_one(self) -> None:
        """Post the next letter until it is acknowledged, or all is over."""
        n = next(self._numbers)
        if receipt := self._receipt(self._letter(n)):
            self.acked.append((receipt, course(n)))

    def _letter(self, n: int) -> bytes:
        return body(*story(n))

    def _receipt(self, letter: bytes) -> int | None:
        while not self._failed:
            self.tries += 1
            if receipt := self._tried(letter):
                return receipt
            self.refused += 1
            self._over.wait(PAUSE)
        return None

    def _tried(self, letter: bytes) -> int | None:
        """One request; None for any answer but 202, and for none at all."""
        connection = HTTPConnection(urlsplit(self._service.address).netloc, timeout=10)
        try:
            connection.request("POST", "/webhooks/adobe", letter, HEADERS)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
        return json.loads(said)["receipt"] if answer.status == 202 else None


def course(n: int) -> str:
    return f"course:{n}"


def story(n: int) -> Iterator[dict[str, Any]]:
    """Somebody enrols in a course of this number and completes it."""
    about = {"course": course(n), "session": f"{course(n)}_1"}
    user = n % LEARNERS
    yield enrolled(START + n, user, **about)
    yield completed(START + n + 1, user, **about)


def people() -> str:
    """All the learners, for an import."""
    rows = (f"{n},Learner {n},learner{n}@example.org" for n in range(LEARNERS))
    return "\n".join(["id,name,email", *rows])
