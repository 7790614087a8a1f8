"""A made-up but realistic feed of Adobe: late, repeated and re-ordered, the same every time."""

import heapq
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from service.incoming.letter import Arrival
from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow

LEARNERS = 8_000
COURSES = 400
INSTANCES = 3
EVENTS_PER_LETTER = 8
REPEATED = 0.17
ACCOUNT = "77021"
HOUR = 3_600_000
DAY = 24 * HOUR
BETWEEN_ENROLLMENTS = 3 * 60_000
KINDS = (("course", "COURSE"),) * 17 + (
    ("learning_program", "LEARNING_PATH"), ("learning_program", "LEARNING_PATH"),
    ("certification", "CERTIFICATION"),
)  # fmt: skip

Told = tuple[int, int, bytes]
"""When an event arrives, a number that breaks ties, and its JSON."""


class Feed:
    """An academy of 8,000 learners and 400 courses, an enrolment every three minutes."""

    def __init__(self, seed: int, begin: int) -> None:
        """The first enrolment is made at `begin` (ms UTC); other seeds are other people."""
        self._random = random.Random(seed)
        self._now = begin
        self._number = 0
        self._coming: list[Told] = []
        self._seats: dict[str, int] = {}

    @property
    def now(self) -> int:
        """When the newest letter came, ms UTC."""
        return self._now

    def letters(self, count: int) -> Iterator[Arrival]:
        """The next letters, eight events each, in the order in which they arrive."""
        events = self._events()
        for _ in range(count):
            body = b",".join(islice(events, EVENTS_PER_LETTER))
            whole = b'{"accountId":%s,"events":[%s]}' % (ACCOUNT.encode(), body)
            yield Arrival("adobe", self._now, {"content-type": "application/json"}, whole)

    def _events(self) -> Iterator[bytes]:
        while True:
            while self._coming and self._coming[0][0] <= self._now:
                yield heapq.heappop(self._coming)[2]
            self._now += int(self._random.expovariate(1 / BETWEEN_ENROLLMENTS)) + 1
            self._enroll(self._now)

    def _enroll(self, at: int) -> None:
        """One learner's story in one instance, from enrolment to its end."""
        dice = self._random
        course = dice.randrange(COURSES)
        prefix, word = KINDS[course % len(KINDS)]
        instance = f"{prefix}:{1000 + course}_{1 + dice.randrange(INSTANCES)}"
        about = {
            "userId": 100_000 + dice.randrange(LEARNERS), "loId": f"{prefix}:{1000 + course}",
            "loInstanceId": instance, "loType": prefix,
        }  # fmt: skip
        by_admin = "_BATCH" if dice.random() < 0.05 else ""
        source = {"enrollmentSource": "ADMIN_ENROLL" if by_admin else "SELF_ENROLL"}
        self._tell(f"{word}_ENROLLMENT{by_admin}", at, about | source)
        self._report_seats(instance, at)
        for percent in sorted(dice.sample(range(5, 101, 5), dice.choice((0, 1, 2, 2, 3, 4)))):
            at += int(dice.expovariate(1 / (4 * DAY)))
            self._tell("LEARNER_PROGRESS", at, about | {"progressPercent": percent}, late=True)
        at += int(dice.expovariate(1 / (3 * DAY)))
        self._end(word, at, about | source, dice.random())

    def _end(self, word: str, at: int, about: dict[str, object], fate: float) -> None:
        if fate < 0.65:
            passed = {"hasPassed": True} if fate < 0.5 else {"hasPassed": fate > 0.53}
            self._tell(f"{word}_COMPLETED", at, about | passed)
            if word == "LEARNING_PATH" and fate < 0.03:
                self._tell("LEARNING_PATH_COMPLETION_ROLLBACK", at + HOUR, about)
        elif fate < 0.73:
            self._tell(f"{word}_UNENROLLMENT", at, about)
            self._report_seats(str(about["loInstanceId"]), at)

    def _report_seats(self, instance: str, at: int) -> None:
        if self._random.random() < 0.5:
            return
        limit = 12
        count = self._seats.get(instance, 6) + self._random.choice((-1, 1))
        self._seats[instance] = count = min(max(count, 0), limit + 2)
        data = {
            "loInstanceId": instance, "enrollmentCount": min(count, limit),
            "waitlistCount": max(0, count - limit), "seatLimit": limit,
        }  # fmt: skip
        self._tell("CI_STATS", at, data)

    def _tell(self, name: str, at: int, data: dict[str, object], *, late: bool = False) -> None:
        """An event arrives a little later, progress up to 15 minutes, some of them twice."""
        dice = self._random
        self._number += 1
        raw = f"{dice.getrandbits(128):032x}"
        event = {
            "eventId": f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}",
            "eventName": name, "timestamp": iso(at),
            "eventInfo": f"{at}-{self._number % 100_000:05}-1013-0", "data": data,
        }  # fmt: skip
        written = json.dumps(event, separators=(",", ":")).encode()
        arrives = at + int(dice.expovariate(1 / 5_000)) + (dice.randrange(900_000) if late else 0)
        heapq.heappush(self._coming, (arrives, self._number, written))
        if dice.random() < REPEATED / (1 - REPEATED):
            again = arrives + int(dice.expovariate(1 / (2 * HOUR)))
            heapq.heappush(self._coming, (again, self._number, written))


def iso(at: int) -> str:
    """A moment as Adobe writes it."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z"


def completion(learner: int, at: int, course: int = 1) -> Arrival:
    """A letter with one event: this learner has completed a course."""
    place = f"course:{1000 + course}"
    event = {
        "eventId": f"{learner}-{course}-{at}", "eventName": "COURSE_COMPLETED",
        "timestamp": iso(at), "eventInfo": f"{at}-1", "data": {
            "userId": 100_000 + learner, "loId": place, "loInstanceId": f"{place}_1",
            "loType": "course", "enrollmentSource": "SELF_ENROLL", "hasPassed": True,
        },
    }  # fmt: skip
    body = json.dumps({"accountId": int(ACCOUNT), "events": [event]}).encode()
    return Arrival("adobe", at, {"content-type": "application/json"}, body)


def people(count: int = LEARNERS) -> list[PersonRow]:
    """The learners as an import tells of them, every tenth of them a manager of nine others."""
    return [
        PersonRow(
            str(100_000 + n), "adobe", ACCOUNT, name=f"Ada Lovelace {n}",
            email=f"ada.{n}@example.org", manager=str(100_000 + n // 10 * 10),
            locale="de" if n % 3 else "en", groups=("leaders",) if n % 10 == 0 else ("staff",),
        )
        for n in range(count)
    ]  # fmt: skip


def courses() -> list[CourseRow]:
    """The courses as an import tells of them, every fifth of them mandatory."""
    return [
        CourseRow(
            f"{KINDS[n % len(KINDS)][0]}:{1000 + n}", title=f"Logic, part {n}",
            tags=("mandatory", "thinking") if n % 5 == 0 else ("thinking",),
        )
        for n in range(COURSES)
    ]  # fmt: skip
