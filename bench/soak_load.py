"""The load of a soak: letters at moments fixed beforehand, whether or not the last is answered."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from bench.feed import ACCOUNT, COURSES, KINDS, LEARNERS, iso
from bench.running import HEADERS

STAGES: tuple[str | int, ...] = ("ENROLLMENT", 25, 50, 75, "COMPLETED")
"""What happens in an enrolment: it begins, three reports of progress, and its completion."""
PAIRS = 2
EVENTS_PER_LETTER = PAIRS * len(STAGES)
APART = 20
"""So many letters lie between two stages of an enrolment."""
SENDERS = 16
PATIENCE_SECONDS = 30.0


class Letter(msgspec.Struct, frozen=True):
    """One body, how many events it has, and whom its completions are to be told to."""

    body: bytes
    events: int
    told: list[str]


def letter(number: int, at: int) -> Letter:
    """Make a letter in which two enrolments reach each stage; the first ones have fewer."""
    events, told = [], []
    for step, stage in enumerate(STAGES):
        first = PAIRS * (number - step * APART)
        for pair in range(max(first, 0), max(first + PAIRS, 0)):
            events.append(event(pair, stage, at))
            if stage == STAGES[-1]:
                told.append(f"ada.{pair % LEARNERS}@example.org")
    body = json.dumps({"accountId": int(ACCOUNT), "events": events}, separators=(",", ":"))
    return Letter(body.encode(), len(events), told)


def event(pair: int, stage: str | int, at: int) -> dict[str, object]:
    """Tell that an enrolment reached a stage; no learner has a course twice in 3.2 million."""
    course = (pair + pair // LEARNERS) % COURSES
    prefix, word = KINDS[course % len(KINDS)]
    data: dict[str, object] = {
        "userId": 100_000 + pair % LEARNERS, "loId": f"{prefix}:{1000 + course}",
        "loInstanceId": f"{prefix}:{1000 + course}_1", "loType": prefix,
        "enrollmentSource": "SELF_ENROLL",
    }  # fmt: skip
    if isinstance(stage, int):
        name, data["progressPercent"] = "LEARNER_PROGRESS", stage
    else:
        name = f"{word}_{stage}"
        data["hasPassed"] = True
    return {
        "eventId": f"soak-{pair}-{stage}", "eventName": name, "timestamp": iso(at),
        "eventInfo": f"{at}-{pair}", "data": data,
    }  # fmt: skip


class Answers:
    """What the door said since it was last asked for: each status, and how long it took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds: list[float] = []
        self.refused = 0

    def add(self, status: int, milliseconds: float) -> None:
        """Count an answer; 0 is the status of none."""
        with self._lock:
            self._milliseconds.append(milliseconds)
            self.refused += status != 202

    def taken(self) -> list[float]:
        """Hand out the times since the last call, in order of size."""
        with self._lock:
            found, self._milliseconds = self._milliseconds, []
        return sorted(found)


class OpenLoop:
    """Post each letter when it is due, on a connection of its own as webhooks come.

    An answer that is slow delays no other letter, and its time counts from when it was due.
    """

    def __init__(self, port: int, answers: Answers) -> None:
        self._port = port
        self._answers = answers
        self._pool = ThreadPoolExecutor(SENDERS, "soak")

    def run(self, events_per_second: float, seconds: float) -> Iterator[Letter]:
        """Yield each letter as it is sent off."""
        per_second = events_per_second / EVENTS_PER_LETTER
        begun = time.monotonic()
        for number in range(int(seconds * per_second)):
            due = begun + number / per_second
            time.sleep(max(0.0, due - time.monotonic()))
            made = letter(number, int(time.time() * 1000))
            self._pool.submit(self._post, made.body, due)
            yield made
        self._pool.shutdown()

    def _post(self, body: bytes, due: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
        status = 0
        try:
            connection.request("POST", "/webhooks/adobe", body, HEADERS)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            pass  # counted as refused
        finally:
            connection.close()
        self._answers.add(status, (time.monotonic() - due) * 1000)
