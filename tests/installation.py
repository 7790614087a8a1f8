"""One installation for tests: a real ledger in a folder, real mail and files, a clock we own."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from service.app.app import App, settings_of
from service.incoming.letter import Arrival
from service.learners.directory.people import PersonRow
from tests.chat_room import HERE
from tests.engines import ledger_environ

ROOT = Path(__file__).parent.parent
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_794_819_600_000
"""Monday 16 November 2026, 09:00 UTC, in ms."""

COURSE, SESSION = "course:7", "course:7_1"


def event(name: str, at: int, id: str = "", **data: Any) -> dict[str, Any]:
    """One event as Adobe documents its shape; `at` is ms since 1970 UTC."""
    id = id or f"{name}-{at}-{'-'.join(map(str, data.values()))}"
    return {"eventId": id, "eventName": name, "timestamp": at, "eventInfo": "1-2-3", "data": data}


def about(user: int, course: str = COURSE, session: str = SESSION) -> dict[str, Any]:
    return {"userId": user, "loId": course, "loInstanceId": session, "loType": "course"}


def enrolled(at: int, user: int, **more: Any) -> dict[str, Any]:
    return event("COURSE_ENROLLMENT", at, enrollmentSource="SELF_ENROLL", **about(user, **more))


def progressed(at: int, user: int, percent: float, **more: Any) -> dict[str, Any]:
    return event("LEARNER_PROGRESS", at, progressPercent=percent, **about(user, **more))


def completed(at: int, user: int, passed: bool | None = True, **more: Any) -> dict[str, Any]:
    result = {} if passed is None else {"hasPassed": passed}
    return event("COURSE_COMPLETED", at, **result, **about(user, **more))


def unenrolled(at: int, user: int, **more: Any) -> dict[str, Any]:
    return event("COURSE_UNENROLLMENT", at, enrollmentSource="SELF_ENROLL", **about(user, **more))


def revoked(at: int, user: int, **more: Any) -> dict[str, Any]:
    return event("LEARNING_PATH_COMPLETION_ROLLBACK", at, **about(user, **more))


def seats(at: int, taken: int, waiting: int = 0, limit: int = 10) -> dict[str, Any]:
    return event(
        "CI_STATS", at, loInstanceId=SESSION, enrollmentCount=taken, waitlistCount=waiting,
        seatLimit=limit,
    )  # fmt: skip


def body(*events: dict[str, Any], account: int = 1234) -> bytes:
    """One delivery."""
    return json.dumps({"accountId": account, "events": events}).encode()


class Installation:
    """A Coursebell in a folder; `rules` is the list under `rules:`, indented by two.

    `head` are other keys of the file, e.g. `defaults`.
    """

    def __init__(
        self, folder: Path, rules: str, email: str = "drawer://", head: str = "", **more: str
    ) -> None:
        self.head = head
        self.folder = folder
        self.rules = folder / "rules.yaml"
        self.environ = {
            "COURSEBELL_DATA": str(folder / "data"),
            "COURSEBELL_RULES": str(self.rules),
            "COURSEBELL_TEMPLATES": str(ROOT / "templates"),
            "COURSEBELL_EMAIL_URL": email,
            "COURSEBELL_CHAT_URL": "drawer://",
            "COURSEBELL_CHAT_PRIVATE_NETWORKS": HERE,
            **ledger_environ(folder / "data"),
            **more,
        }
        self.write_rules(rules)
        self.open()

    def write_rules(self, rules: str) -> None:
        """The rule file anew."""
        self.rules.write_text(
            "version: 1\nchannels:\n  email: ${COURSEBELL_EMAIL_URL}\n"
            f"  room: ${{COURSEBELL_CHAT_URL}}\n{self.head}\nrules:\n{rules}"
        )

    def open(self, at: int = START) -> None:
        """Starts, or starts again."""
        self.app = App(settings_of(self.environ))
        self.app.start(at)

    def reopen(self, at: int = START) -> None:
        """As after a restart."""
        self.app.close()
        self.open(at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.app.close()

    def post(self, *events: dict[str, Any], at: int | None = None) -> int:
        """A letter arrives, at the time of its newest event if not said; returns its receipt."""
        if at is None:
            at = max((e["timestamp"] for e in events), default=START)
        return self.app.letters.keep([Arrival("adobe", at, {}, body(*events))])[0]

    def import_people(self, rows: Iterable[PersonRow], at: int = START) -> None:
        with self.app.ledger.transaction() as cursor:
            self.app.people.store(cursor, list(rows), at)
        self.app.writer.forget()

    def tick(self, at: int = START) -> None:
        self.app.tick(at)

    def notifications(self) -> list[dict[str, Any]]:
        """Every notification as the view shows it, in order of decision."""
        self.app.views.catch_up()
        return list(self.app.views.reader()["notifications"].rows_where(order_by="decided_at, id"))

    def states(self) -> list[str]:
        return [row["state"] for row in self.notifications()]

    def history(self, place: int = 0) -> list[str]:
        """The topics of one notification's stream."""
        id = self.notifications()[place]["id"]
        return [body.topic for body in self.app.store.stream(id)]

    def drawer(self) -> list[str]:
        """The texts in the drawer."""
        return [path.read_text() for path in sorted((self.folder / "data/drawer").glob("[!.]*"))]


ADA = PersonRow("77", name="Ada Lovelace", email="ada@example.org", manager="boss@example.org")
GRACE = PersonRow("78", name="Grace Hopper", email="grace@example.org")

DONE = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
"""
STILL = """
  - id: still
    trigger: {stalled_for: 7d}
    notify:
      - {to: learner, via: email, template: stalled}
"""
FREE = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {post: room, template: seat_free}
"""
