"""An academy of four weeks, lived through by a clock of its own, to be asked about afterwards."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from service.api import AsgiApplication
from service.incoming.group_commit import GroupCommit
from service.incoming.letter import Arrival
from service.learners.directory.courses import CourseRow
from service.learners.directory.people import PersonRow
from tests.installation import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Installation,
    completed,
    enrolled,
    event,
    progressed,
    seats,
    unenrolled,
)

GIVEN = Path(__file__).parent / "given"
USUALLY = 12 * HOUR
AFTERWARDS = (0, 10 * MINUTE, 30 * MINUTE, HOUR)
"""When the service wakes: by its own clock, and after each letter."""
DAYS = 28
LMS = {"source": "adobe", "account": "1234"}
PEOPLE = (
    PersonRow("77", **LMS, name="Ada Lovelace", email="ada@example.org", manager="81", locale="de"),
    PersonRow("78", **LMS, name="Grace Hopper", email="grace@example.org", manager="81",
              timezone="Asia/Tokyo", groups=("staff",)),
    PersonRow("79", **LMS, name="Emmy Noether", email="", manager="81"),
    PersonRow("80", **LMS, name="Max Born", email="max@example.org", fields={"cost center": "7"}),
    PersonRow("81", **LMS, name="Lise Meitner", email="lise@example.org", manager="nobody"),
)  # fmt: skip
COURSES = (
    CourseRow("course:7", title="Safe driving", tags=("mandatory",), url="https://lms.example/7"),
    CourseRow("course:8", title="First aid", tags=("optional",)),
)
SETTINGS = {
    "COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true",
    "COURSEBELL_PUBLIC_URL": "https://bell.example.org",
    "COURSEBELL_SECRET_KEY": "0123456789abcdef0123456789abcdef",
}
EIGHT = {"course": "course:8", "session": "course:8_1"}
ASKED, SPOILED, CHANGED = START + 6 * HOUR, START + 78 * HOUR, START + 24 * DAY + HOUR
QUIET_FROM, QUIET_UNTIL = 20, 24
"""Days on which no letter comes."""


def _letters() -> dict[int, list[dict[str, Any]]]:
    """What the LMS says, by the time at which it says that."""
    moments = [
        (0, enrolled(START, 77), enrolled(START, 78), enrolled(START, 79)),
        (1, enrolled(START + 10 * MINUTE, 80, **EIGHT), seats(START + 10 * MINUTE, 7)),
        (5, progressed(START + 5 * HOUR, 77, 30), seats(START + 5 * HOUR, 10)),
        (24, progressed(START + DAY, 78, 85), progressed(START + DAY, 80, 20, **EIGHT)),
        (25, seats(START + 25 * HOUR, 9), seats(START + 25 * HOUR + MINUTE, 8)),
        (26, seats(START + 26 * HOUR, 10)),
        (27, seats(START + 27 * HOUR, 8, waiting=2)),
        (28, seats(START + 28 * HOUR, 3)),
        (30, seats(START + 30 * HOUR, 9)),
        (31, seats(START + 31 * HOUR, 7), seats(START + 31 * HOUR + MINUTE, 9)),
        (32, seats(START + 32 * HOUR, 3), seats(START + 32 * HOUR + MINUTE, 9)),
        (48, completed(START + 2 * DAY, 77), completed(START + 2 * DAY, 79, passed=None)),
        (
            48.1,
            completed(START + 2 * DAY + 5 * MINUTE, 77, course="course:6", session="course:6_1"),
        ),
        (50, completed(START + 50 * HOUR, 77, **EIGHT), completed(START + 50 * HOUR, 80, False)),
        (51, completed(START + 51 * HOUR, 78)),
        (51.5, unenrolled(START + 51 * HOUR + 5 * MINUTE, 78)),
        (72, enrolled(START + 3 * DAY, 78, **EIGHT), event("BOGUS", START + 3 * DAY)),
        (73, progressed(START + 3 * DAY, 78, 5, **EIGHT)),
        (96, enrolled(START + 4 * DAY, 77, course="course:9", session="course:9_1")),
        (300, progressed(START + 300 * HOUR, 80, 40, **EIGHT)),
        (400, progressed(START + 399 * HOUR, 77, 10, course="course:9", session="course:9_1")),
        (
            528.5,
            progressed(
                START + 528 * HOUR + 15 * MINUTE, 77, 20, course="course:9", session="course:9_1"
            ),
        ),
        (640, completed(START + 640 * HOUR, 80, **EIGHT)),
    ]
    return {START + round(hours * HOUR): list(said) for hours, *said in moments}


class Academy(Installation):
    """An installation, the moment it is at, and an API over it by the same clock."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "", **SETTINGS)
        self.now = START
        self._group_commit = GroupCommit(self.app.letters)
        self._site = AsgiApplication(self.app, None, self._group_commit, lambda: self.now)
        told: dict[str, Any] = {"base_url": "http://localhost", "client": ("127.0.0.1", 50_000)}
        self.api = TestClient(self._site, **told)

    def write_rules(self, rules: str) -> None:
        """Take the rule file that is given, whatever was asked for."""
        self.rules.write_text((GIVEN / "academy.yaml").read_text())

    def close(self) -> None:
        """End the API and the installation."""
        self._site.close()
        self._group_commit.close()
        self.app.close()

    def settle(self) -> None:
        """Let people and courses be known, under ids that do not change."""
        with self.app.ledger.transaction() as cursor:
            self.app.people.meet(
                cursor, [(row.lms_id.encode().hex().zfill(32), row.key) for row in PEOPLE]
            )
            self.app.people.store(cursor, list(PEOPLE), START)
            self.app.courses.store(cursor, list(COURSES), START)
        self.app.writer.forget()

    def live(self) -> None:
        """Live through all days: letters come, seats are asked for, one letter is spoiled."""
        said = _letters()
        special = {ASKED: self._ask, SPOILED: self._spoil, CHANGED: self._change}
        for now in _moments(said):
            self.now = now
            if now in said:
                self.post(*said[now], at=now)
            elif now % DAY == START % DAY and not QUIET_FROM <= (now - START) // DAY < QUIET_UNTIL:
                self.post(_news(now), at=now)
            if now in special:
                special[now]()
            self.tick(now)

    def _ask(self) -> None:
        """Ask to be told of a free seat, and one person takes that back."""
        self.app.views.catch_up()
        (found,) = self.api.get("/api/v1/instances?instance=course:7_1").json()["items"]
        path = f"/api/v1/instances/{found['id']}/watchers"
        for learner in ("80", "79", "78"):
            self.api.post(path, json={"learner": learner}).raise_for_status()
        self.api.delete(f"{path}/79").raise_for_status()

    def _change(self) -> None:
        """Another rule file goes live."""
        self.rules.write_text((GIVEN / "academy_new.yaml").read_text())
        assert self.app.reload(self.now)

    def _spoil(self) -> None:
        """A letter comes that cannot be read."""
        self.app.letters.keep([Arrival("adobe", self.now, {}, b"{")])


def _news(at: int) -> dict[str, Any]:
    """Say something of which no rule makes anything."""
    numbers = {"enrollmentCount": 1, "waitlistCount": 0, "seatLimit": 10}
    return event("CI_STATS", at, loInstanceId="course:6_1", **numbers)


def _moments(said: Iterable[int]) -> list[int]:
    usual = range(START, START + DAYS * DAY + 1, USUALLY)
    return sorted(
        {*usual, ASKED, SPOILED, CHANGED, *(at + later for at in said for later in AFTERWARDS)}
    )


@contextmanager
def lived(folder: Path) -> Iterator[Academy]:
    """An academy after its four weeks."""
    academy = Academy(folder)
    try:
        academy.settle()
        academy.live()
        academy.app.views.catch_up()
        yield academy
    finally:
        academy.close()
