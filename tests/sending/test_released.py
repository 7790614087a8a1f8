"""What one message was to stand for is owed again when that message ends unsent."""

from collections.abc import Callable

import pytest

from service.rules.notification import AttemptStarted, Ended, Redriven
from service.sending.channels.channel import OutgoingMessage, SendResult
from service.sending.templates.templates import RenderedMessage
from tests.installation import (
    ADA,
    DAY,
    DONE,
    HOUR,
    MINUTE,
    START,
    Installation,
    about,
    completed,
    event,
    revoked,
)

TOGETHER = DONE.replace("    notify:", "    collapse: 10m\n    notify:")
PATH = {**about(77, "learningProgram:5", "learningProgram:5_1"), "loType": "learningProgram"}


class Desk:
    """A channel that answers what a test says, else that all is well."""

    form = "email"
    batch = 50
    domain: str | None = None
    replies = False

    def __init__(self) -> None:
        self.answers: list[SendResult] = []
        self.sent: list[OutgoingMessage] = []
        self.first: Callable[[OutgoingMessage], object] = lambda outgoing: None

    def fits(self, message: RenderedMessage) -> bool:
        return True

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        self.first(outgoing)
        self.sent.append(outgoing)
        return self.answers.pop(0) if self.answers else SendResult("accepted", 250)

    def close(self) -> None:
        """Nothing is kept open."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def office(tmp_path, desk):
    """A path and one of its courses are completed; their message fails the first time."""
    with Installation(tmp_path, TOGETHER) as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA])
        desk.answers = [SendResult("transient", 451)]
        office.post(completed(START, 77), event("LEARNING_PATH_COMPLETED", START, **PATH))
        office.tick(START)
        office.tick(START + 11 * MINUTE)
        assert by_course(office) == {"learningProgram:5": "owed", "course:7": "dropped"}
        yield office


def by_course(office: Installation) -> dict[str, str]:
    return {row["course"]: row["state"] for row in office.notifications()}


def bodies(office: Installation, course: str) -> list[object]:
    (id,) = [row["id"] for row in office.notifications() if row["course"] == course]
    return office.app.store.stream(id)


def take_back_the_path(office: Installation) -> None:
    at = START + 12 * MINUTE
    office.post(event("LEARNING_PATH_COMPLETION_ROLLBACK", at, **PATH))


def test_the_log_says_for_whom_a_message_speaks(office):
    (claim,) = [b for b in bodies(office, "learningProgram:5") if isinstance(b, AttemptStarted)]
    (dropped,) = [row["id"] for row in office.notifications() if row["state"] == "dropped"]

    assert claim.speaks_for == (dropped,)


def test_a_cancelled_message_gives_back_what_it_was_to_stand_for(office, desk):
    take_back_the_path(office)
    office.tick(START + 20 * MINUTE)
    office.tick(START + 2 * HOUR)

    assert by_course(office) == {"learningProgram:5": "cancelled", "course:7": "sent"}
    assert [outgoing.message.subject for outgoing in desk.sent[1:]] == ["Completed: course:7"]
    assert isinstance(bodies(office, "course:7")[2], Redriven)


def test_so_does_one_that_is_given_up_for_its_template(office, desk):
    delivery = office.app.deliveries["email"]
    active, render = office.app.active, type(office.app.active.templates).render

    def only_courses(self, template, form, locale, values):
        if values["course"]["kind"] != "course":
            raise RuntimeError
        return render(self, template, form, locale, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(active.templates), "render", only_courses)
        office.tick(START + 20 * MINUTE)

    assert delivery is office.app.deliveries["email"]
    assert by_course(office) == {"learningProgram:5": "given_up", "course:7": "sent"}


def test_so_does_one_that_is_refused_for_good(office, desk):
    desk.answers = [SendResult("permanent", 554)]
    office.tick(START + 20 * MINUTE)
    office.tick(START + 21 * MINUTE)

    assert by_course(office) == {"learningProgram:5": "given_up", "course:7": "sent"}


def test_what_is_given_back_expires_when_it_would_have_by_itself(office, desk):
    desk.answers = [SendResult("transient", 451)] * 100
    for hours in range(1, 100):
        office.tick(START + hours * HOUR)

    assert by_course(office) == {"learningProgram:5": "expired", "course:7": "expired"}
    rows = office.notifications()
    assert all(row["ended_at"] <= START + 3 * DAY + 2 * HOUR for row in rows)


def test_what_is_given_back_is_tested_again(office, desk):
    take_back_the_path(office)
    office.post(revoked(START + 13 * MINUTE, 77))
    office.tick(START + 20 * MINUTE)

    assert by_course(office) == {"learningProgram:5": "cancelled", "course:7": "cancelled"}


def test_a_message_that_became_untrue_in_the_senders_hand_gives_back_too(office, desk):
    """The path is taken back after the second claim, before the mail is on its way."""
    planner = office.app.deliveries["email"]._planner
    plan = planner.plan

    def then_taken_back(found, now):
        planned = plan(found, now)
        if planned.ready:
            take_back_the_path(office)
            office.app.take(now)
        return planned

    planner.plan = then_taken_back
    office.tick(START + 20 * MINUTE)
    office.tick(START + 21 * MINUTE)

    assert by_course(office) == {"learningProgram:5": "cancelled", "course:7": "sent"}
    assert [type(body) for body in bodies(office, "learningProgram:5")[-2:]] == [
        AttemptStarted,
        Ended,
    ]


def test_one_message_never_drops_what_another_worker_has_claimed(office):
    """The claim and the end of those it speaks for are one: with a conflict there is neither."""
    app = office.app
    delivery = app.deliveries["email"]
    later = START + 30 * MINUTE
    courses = [completed(later, 77, course=f"course:{n}", session=f"course:{n}_1") for n in (8, 9)]
    office.post(*courses)
    app.take(later)
    app.views.catch_up()
    rows = [row for row in office.notifications() if row["course"] in ("course:8", "course:9")]
    found = app.notification_streams.notifications([row["id"] for row in rows])
    due = later + 10 * MINUTE
    plan = delivery._planner.plan(found, due)
    claims = [delivery._claim(ready, AttemptStarted(at=due, worker="a", until=due + HOUR))
              for ready in plan.ready]  # fmt: skip
    ((other, _),) = plan.ready[0].message.told
    claim = AttemptStarted(at=due, worker="b", until=due + HOUR)
    assert app.store.append_unless_moved([(other.id, other.version + 1, claim)])

    assert delivery._recorder.append(claims) == set()
    (lead,) = app.notification_streams.notifications([plan.ready[0].notification.id])
    assert lead.version == 1


def test_attempts_and_redrives_of_older_ledgers_are_read(office):
    mapper = office.app.store.mapper
    claim = mapper.decode(AttemptStarted.TOPIC, b'{"at":1,"worker":"w","until":2}')

    assert (claim.message_id, claim.speaks_for) == ("", ())
    assert mapper.decode(Redriven.TOPIC, b'{"at":1}') == Redriven(at=1)
