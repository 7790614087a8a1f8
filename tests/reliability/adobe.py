"""Adobe as a crowd: threads that post one letter after another and repeat each until it is 202."""

import threading
from collections.abc import Iterator
from http.client import HTTPException
from itertools import count
from typing import Any, Self

from tests.installation import START, completed, enrolled
from tests.real_service import RealService

LEARNERS = 40
PAUSE = 0.01


class Crowd:
    """`acked` holds the course of every letter by its receipt; each letter has its own course."""

    def __init__(self, service: RealService, threads: int) -> None:
        self.acked: dict[int, str] = {}
        self.tries = 0
        self._service = service
        self._numbers = count(1)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._post) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Nobody begins another letter; what is in hand is posted to its end."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _post(self) -> None:
        while not self._over.is_set():
            n = next(self._numbers)
            self.acked[self._receipt(list(story(n)))] = course(n)

    def _receipt(self, events: list[dict[str, Any]]) -> int:
        while True:
            self.tries += 1
            try:
                answer = self._service.post(*events)
            except (OSError, HTTPException):
                self._over.wait(PAUSE)
                continue
            if answer.status == 202:
                receipt: int = answer.json["receipt"]
                return receipt


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
