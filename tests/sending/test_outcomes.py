"""What a delivery does when the trouble is ours: a full disk, a bug, a message in hand."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from eventsourcing.persistence import PersistenceError

from service.learners.directory.people import PersonRow
from service.rules.verdict import judge
from service.sending.channels.channel import OutgoingMessage, SendResult
from service.sending.templates.templates import RenderedMessage
from tests.installation import ADA, DONE, GRACE, MINUTE, START, Installation, completed
from tests.smtp_sink import HANG, SmtpSink
from tests.waiting import until

ALAN = PersonRow("79", name="Alan Turing", email="alan@example.org")


class Desk:
    """A channel that keeps what it is given, and does first what a test tells it."""

    form = "email"
    batch = 50
    domain: str | None = None
    replies = False

    def __init__(self) -> None:
        self.sent: list[OutgoingMessage] = []
        self.first = lambda outgoing: None
        self.closed = False

    def fits(self, message: RenderedMessage) -> bool:
        return True

    def send(self, outgoing: OutgoingMessage) -> SendResult:
        self.first(outgoing)
        self.sent.append(outgoing)
        return SendResult("accepted", 250)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def office(tmp_path):
    with Installation(tmp_path, DONE) as office:
        office.import_people([ADA, GRACE, ALAN])
        yield office


@pytest.fixture
def desk(office):
    office.app.deliveries["email"]._channel = desk = Desk()
    return desk


@contextmanager
def full_disk(office: Installation) -> Iterator[None]:
    """Every commit fails."""

    @contextmanager
    def refused(**_: bool) -> Iterator[sqlite3.Cursor]:
        raise sqlite3.OperationalError("database or disk is full")
        yield

    office.app.ledger.transaction = refused
    yield
    del office.app.ledger.transaction


def test_an_outcome_that_cannot_be_recorded_is_kept_and_nothing_repeats(office, desk):
    office.post(completed(START, 77), completed(START, 78))
    trouble = full_disk(office)
    desk.first = lambda outgoing: None if desk.sent else trouble.__enter__()
    with pytest.raises(sqlite3.OperationalError):
        office.tick()
    trouble.__exit__(None, None, None)

    office.tick(START + MINUTE)
    office.tick(START + 20 * MINUTE)

    assert office.states() == ["sent", "sent"]
    assert len({outgoing.message_id for outgoing in desk.sent}) == len(desk.sent) == 2


def test_an_outcome_on_disk_whose_commit_was_said_to_have_failed_counts_once(office, desk):
    transaction = office.app.ledger.transaction

    @contextmanager
    def doubtful(**how: bool) -> Iterator[sqlite3.Cursor]:
        with transaction(**how) as cursor:
            yield cursor
        del office.app.ledger.transaction
        raise sqlite3.OperationalError("disk I/O error")

    desk.first = lambda _: setattr(office.app.ledger, "transaction", doubtful)
    office.post(completed(START, 77))
    with pytest.raises(sqlite3.OperationalError):
        office.tick()
    office.tick(START + MINUTE)
    assert office.history() == [
        "notification.owed", "notification.attempt_started", "notification.attempt_ended",
    ]  # fmt: skip
    assert len(desk.sent) == 1


def test_a_message_that_breaks_the_program_holds_up_no_other_and_loses_no_outcome(office, desk):
    def breaks(outgoing: OutgoingMessage) -> None:
        if outgoing.address == "grace@example.org" and not broken:
            broken.append(outgoing)
            raise ZeroDivisionError

    broken: list[OutgoingMessage] = []
    desk.first = breaks
    office.post(*(completed(START, user) for user in (77, 78, 79)))
    office.tick()

    assert sorted(office.states()) == ["owed", "sent", "sent"]
    office.tick(START + 2 * MINUTE)
    assert office.states() == ["sent"] * 3
    assert len(desk.sent) == 3


def test_a_notification_that_breaks_the_program_is_given_up_alone(office, desk, monkeypatch):
    def breaks(notification, *rest):
        if notification.owed.person == grace:
            raise ZeroDivisionError
        return judge(notification, *rest)

    office.post(completed(START, 77), completed(START, 78))
    office.app.take(START)
    (grace,) = office.app.people.known([("adobe", "1234", "78")]).values()
    monkeypatch.setattr("service.sending.planner.judge", breaks)
    office.tick()

    assert sorted(office.states()) == ["given_up", "sent"]
    assert "ZeroDivisionError" in str([row["reason"] for row in office.notifications()])


def test_what_was_taken_over_meanwhile_is_not_given_back(office, desk):
    """A claim that ran out while the message before it hung belongs to somebody else."""
    office.post(completed(START, 77), completed(START, 78))
    office.app.take(START)
    office.app.views.catch_up()
    delivery = office.app.deliveries["email"]
    later = START + 16 * MINUTE

    def other_takes_over(_: OutgoingMessage) -> None:
        desk.first = lambda _: None
        office.app.views.catch_up()
        (other,) = office.app.deliveries._workers("email", [desk])
        while other.deliver(later):
            office.app.views.catch_up()
        delivery.retired = True

    desk.first = other_takes_over
    delivery.deliver(START)
    office.tick(later)

    assert office.states() == ["sent", "sent"]
    assert len({outgoing.message_id for outgoing in desk.sent}) == 2
    assert len(desk.sent) == 3  # the one that hung, once more; the other one once


def test_who_closes_waits_for_a_ledger_that_is_away_once(office, desk, monkeypatch, caplog):
    """It may take ten seconds each time."""
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    deliveries, tries = office.app.deliveries, []

    def away(what: object) -> int:
        tries.append(what)
        raise PersistenceError("away")

    desk.first = lambda _: monkeypatch.setattr(office.app.ledger, "append", away)
    workers = deliveries._workers("email", [desk, Desk()])
    deliveries.connections = {each.label: each for each in workers}
    with suppress(PersistenceError):
        workers[0].deliver(START)
    assert len(desk.sent) == 1
    tries.clear()
    deliveries.close()
    assert len(tries) == 1 and "not recorded and so sent again" in caplog.text
    assert all(each._channel.closed for each in workers)


def test_who_stands_down_again_and_again_keeps_nothing_of_it(office):
    for _ in range(3):
        for worker in office.app.deliveries.connections.values():
            worker.close()
        office.app.stand_down(lambda: START)
    assert office.app.deliveries.connections and office.app.deliveries._retired == []


def test_closing_leaves_a_message_that_hangs_to_its_thread(tmp_path):
    with SmtpSink() as sink, Installation(tmp_path, DONE, email=sink.url) as office:
        office.import_people([ADA])
        sink.on("dot", HANG)
        office.post(completed(START, 77))
        office.app.take(START)
        office.app.views.catch_up()
        delivery = office.app.deliveries["email"]
        sending = threading.Thread(target=delivery.deliver, args=(START,))
        sending.start()
        until(lambda: "DATA" in sink.verbs(), "the mail is on its way")

        delivery.close()

        assert sending.is_alive()
        sink.down()
        sending.join(10)
        assert not sending.is_alive()
        office.app.views.catch_up()
        assert office.states() == ["owed"]
