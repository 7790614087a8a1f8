"""Collect what a rule test led to, notification by notification."""

import msgspec

from service.learners.world import World
from service.ledger.events import EventBody
from service.rules.notification import SENT, AttemptStarted, Notification, Owed
from service.rules.rule import ROOM, find_reader, route_of
from service.sending import queue
from service.sending.channels.drawer import DrawerMessage
from service.simulation.sandbox import Sandbox

EVERY = -1


class Actual(msgspec.Struct, frozen=True):
    """Hold one notification as it stands at the end of a test.

    `whom` is the person of the test or the room, None when nobody is known for the role. `at`
    is when the message left, or else when the notification last changed; times are in ms since
    the start. Only what was sent has a `message`.
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
    message: DrawerMessage | None

    @property
    def sent(self) -> bool:
        """Tell whether the reader has the message."""
        return self.state == SENT


def outcome(sandbox: Sandbox, start: int) -> list[Actual]:
    """Collect every notification of a test that began at `start`, in the order of time."""
    app = sandbox.app
    app.views.catch_up()
    ids = [row["id"] for row in queue.latest(app.views, state=None, rule=None, limit=EVERY)]
    world = app.writer.world(sandbox.now)
    streams = app.notification_streams.notifications(ids)
    found = [_actual(sandbox, each, world, start=start) for each in streams]
    return sorted(found, key=lambda actual: (actual.at, actual.id))


def _actual(sandbox: Sandbox, notification: Notification, world: World, *, start: int) -> Actual:
    owed, sent, app = notification.owed, notification.state == SENT, sandbox.app
    whom = _whom_of(owed, world)
    bodies = app.store.stream(notification.id)
    return Actual(
        id=notification.id,
        rule=owed.rule,
        role=owed.recipient,
        whom=whom,
        template=owed.template,
        at=_moment_of(bodies, sent) - start,
        state=notification.state,
        reason=notification.reason,
        due_at=notification.due_at - start,
        message=sandbox.message(notification.id, whom or "") if sent else None,
    )


def _moment_of(bodies: list[EventBody], sent: bool) -> int:
    """Tell when a notification left, or when it last changed (ms UTC)."""
    left = [body.at for body in bodies if isinstance(body, AttemptStarted)]
    if sent and left:
        return left[-1]
    last = bodies[-1]
    at: int = last.decided_at if isinstance(last, Owed) else getattr(last, "at", 0)
    return at


def _whom_of(owed: Owed, world: World) -> str | None:
    """Name the person of the test, or the room, whom a notification is for."""
    if owed.recipient.startswith(ROOM):
        return owed.recipient.removeprefix(ROOM)
    person = find_reader(owed.recipient, owed.person, world, role=route_of(owed.entry)).meant
    return person.lms_id if person else None
