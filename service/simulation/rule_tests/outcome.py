"""The outcome: what a rule test led to, notification by notification."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from service.app.app import App
from service.learners.directory.people import Person
from service.learners.world import World, events_of
from service.ledger.events import EventBody
from service.rules.notification import SENT, AttemptStarted, Notification, Owed
from service.rules.rule import ROOM
from service.simulation.sent import Drawn, drawn


class Told(msgspec.Struct, frozen=True):
    """One notification at the end of a test.

    `whom` is the person of the test or the room, None when nobody is known for the role. `at`
    (ms UTC) is when it left, or else when it last changed. Only what was sent has a `message`.
    """

    id: str
    rule: str
    role: str
    whom: str | None
    template: str
    at: int
    state: str
    reason: str | None
    due_at: int
    message: Drawn | None

    @property
    def sent(self) -> bool:
        return self.state == SENT


def outcome(app: App, folder: Path, now: int) -> list[Told]:
    """Every notification, in the order of what happened to them."""
    app.views.catch_up()
    ids = [row[0] for row in app.views.reader().execute("SELECT id FROM notifications")]
    world = app.writer.world(now)
    found = [_told(app, folder, each, world) for each in app.docket.notifications(ids)]
    return sorted(found, key=lambda told: (told.at, told.id))


def _told(app: App, folder: Path, notification: Notification, world: World) -> Told:
    owed, sent = notification.owed, notification.state == SENT
    whom = whom_of(owed, world)
    bodies = [event.body for event in events_of(app.ledger, app.mapper, notification.id)]
    return Told(
        notification.id, owed.rule, owed.recipient, whom, owed.template, moment_of(bodies, sent),
        notification.state, notification.reason, notification.due_at,
        drawn(folder / "drawer", notification.id, whom or "") if sent else None,
    )  # fmt: skip


def moment_of(bodies: list[EventBody], sent: bool) -> int:
    """When it left, or when it last changed (ms UTC)."""
    left = [body.at for body in bodies if isinstance(body, AttemptStarted)]
    if sent and left:
        return left[-1]
    last = bodies[-1]
    at: int = last.decided_at if isinstance(last, Owed) else getattr(last, "at", 0)
    return at


def whom_of(owed: Owed, world: World) -> str | None:
    """The person of the test, or the room, whom a notification is for."""
    if owed.recipient.startswith(ROOM):
        return owed.recipient.removeprefix(ROOM)
    line = list(upwards(world.person(owed.person), world)) if owed.person else []
    place = {"learner": 0, "manager": 1, "managers_manager": 2}.get(owed.recipient)
    if place is not None:
        return line[place].lms_id if place < len(line) else None
    person = world.person(owed.recipient)
    return person.lms_id if person else None


def upwards(person: Person | None, world: World) -> Iterator[Person]:
    """A person, their manager, and that one's manager."""
    for _ in range(3):
        if person is None:
            return
        yield person
        person = world.manager(person)
