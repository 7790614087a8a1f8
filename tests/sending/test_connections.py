"""Several connections of one channel: who sends what, what is on disk when, and who rests."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from service.learners.directory.people import PersonRow
from service.rules.notification import AttemptEnded, AttemptStarted
from service.sending.delivery import DeliveryWorker
from service.sending.streams import UnrecordedOutcome
from tests.installation import DONE, MINUTE, START, Installation, completed, progressed
from tests.smtp_sink import SLOW, SmtpSink
from tests.waiting import until

LEARNERS = 24
RARE = """
  - id: rare
    trigger: {event: enrollment.progressed}
    notify: [{to: learner, via: email, template: completed, throttle: {max: 1, per: 12h}}]
"""


@pytest.fixture
def office(tmp_path, sink):
    with crowded(tmp_path, sink, DONE) as office:
        office.post(*(completed(START, user) for user in range(LEARNERS)))
        office.app.take(START)
        office.app.views.catch_up()
        yield office


@contextmanager
def crowded(folder, sink: SmtpSink, rules: str) -> Iterator[Installation]:
    with Installation(folder, rules, sink.url, COURSEBELL_EMAIL_CONNECTIONS="4") as office:
        learners = (str(user) for user in range(LEARNERS))
        office.import_people(PersonRow(id, email=f"u{id}@example.org") for id in learners)
        yield office


def workers(office: Installation) -> list[DeliveryWorker]:
    found = office.app.deliveries.connections
    return [worker for worker in found.values() if worker.name == "email"]


def together(office: Installation, now: int = START) -> None:
    """Every connection sends on a thread of its own until nothing is left."""

    def sends(worker: DeliveryWorker) -> None:
        while office.app.views.catch_up() or worker.deliver(now):
            pass

    threads = [threading.Thread(target=sends, args=(each,)) for each in workers(office)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def outcomes(office: Installation) -> Counter[str]:
    rows = office.notifications()
    bodies = [body for row in rows for body in office.app.store.stream(row["id"])]
    return Counter(body.outcome for body in bodies if isinstance(body, AttemptEnded))


def test_each_of_four_connections_sends_its_share_and_none_sends_what_another_does(office, sink):
    sink.on("dot", SLOW)
    together(office)

    assert len({mail.recipients for mail in sink.mails}) == len(sink.mails) == LEARNERS
    assert len({mail.connection for mail in sink.mails}) == 4
    assert office.states() == ["sent"] * LEARNERS


def test_little_is_sent_by_one_connection(tmp_path, sink):
    with crowded(tmp_path, sink, DONE) as office:
        office.post(*(completed(START, user) for user in range(5)))
        office.app.take(START)
        office.app.views.catch_up()
        together(office)
    assert (len(sink.mails), sink.connections) == (5, 1)


def test_a_throttle_counts_what_every_connection_lets_through(tmp_path, sink):
    with crowded(tmp_path, sink, RARE) as office:
        told = [progressed(START + n, user, 10.0 + n) for n in range(3) for user in range(8)]
        office.post(*told)
        office.app.take(START)
        office.app.views.catch_up()
        together(office)
        office.tick(START + MINUTE)
        assert Counter(office.states()) == {"sent": 8, "dropped": 16}
    assert len({mail.recipients for mail in sink.mails}) == len(sink.mails) == 8


def test_what_became_of_a_mail_is_on_disk_before_the_next_one_leaves(office):
    def looks(outgoing) -> None:
        newest = [office.app.store.stream(id)[-1] for id in gone]
        assert all(isinstance(body, AttemptEnded) for body in newest)
        gone.append(outgoing.notification)

    gone: list[str] = []
    channel = office.app.deliveries["email"]._channel
    send = channel.send
    channel.send = lambda outgoing: looks(outgoing) or send(outgoing)
    office.app.deliver(START)

    assert office.states() == ["sent"] * LEARNERS
    assert len(gone) == LEARNERS


def test_outcomes_of_several_connections_share_a_commit(office):
    """Three come while the first is being committed."""
    ledger, recorder = office.app.ledger, office.app.deliveries["email"]._recorder
    rows = office.notifications()[:4]
    found = office.app.notification_streams.notifications([row["id"] for row in rows])
    end = AttemptEnded(at=START, outcome="transient", then="owed", code=451, next_at=START)
    commit, commits = ledger.transaction, []

    @contextmanager
    def slow(**how: bool) -> Iterator[sqlite3.Cursor]:
        commits.append(len(commits))
        until(lambda: len(commits) > 1 or len(recorder.unrecorded) == 4, "all have come")
        with commit(**how) as cursor:
            yield cursor

    ledger.transaction = slow
    threads = [
        threading.Thread(target=recorder.record, args=(UnrecordedOutcome(each, end),))
        for each in found
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del ledger.transaction
    assert (len(commits), recorder.unrecorded) == (2, [])
    assert outcomes(office) == {"transient": 4}


def claims(office: Installation, claim: Callable[[int], AttemptStarted]) -> list[str]:
    """As a worker leaves it that dies with its second mail in hand; returns the ids in turn."""
    ids = [row["id"] for row in office.notifications()]
    sent = AttemptEnded(at=START, outcome="accepted", then="sent")
    assert office.app.store.append_unless_moved([(id, 2, claim(n)) for n, id in enumerate(ids, 1)])
    assert office.app.store.append_unless_moved([(ids[0], 3, sent)])
    office.reopen(START + MINUTE)
    return ids


def test_of_what_a_dead_worker_had_claimed_only_the_first_without_outcome_is_unknown(office, sink):
    ids = claims(
        office,
        lambda n: AttemptStarted(
            at=START, worker=f"academy.example/email/{n % 2 + 1}", until=START + MINUTE, turn=n
        ),
    )
    ends = {id: office.app.store.stream(id)[2] for id in ids}
    assert [ends[id].outcome for id in ids] == [
        "accepted", "unknown", "unknown", *["not_tried"] * (LEARNERS - 3)
    ]  # fmt: skip
    rows = {row["id"]: row for row in office.notifications()}
    assert [rows[id]["attempts"] for id in ids] == [1, 1, 1, *[0] * (LEARNERS - 3)]
    office.tick(START + MINUTE)
    assert office.states() == ["sent"] * LEARNERS
    assert len(sink.mails) == LEARNERS - 1


def test_what_was_claimed_by_an_older_version_is_unknown(office):
    """It recorded several outcomes at a time and kept no order."""
    claim = AttemptStarted(at=START, worker="academy.example/email", until=START + MINUTE)
    claims(office, lambda _: claim)
    assert outcomes(office) == {"accepted": 1, "unknown": LEARNERS - 1}


def test_a_claim_in_hand_is_no_others_though_the_clock_jumps_behind_its_end(office, sink):
    first, second, *_ = workers(office)
    slow = sink.hold()
    sending = threading.Thread(target=first.deliver, args=(START,))
    sending.start()
    until(slow.entered.is_set, "a mail is in hand")
    office.app.views.catch_up()
    while second.deliver(START + 20 * MINUTE):
        office.app.views.catch_up()
    slow.go_on.set()
    sending.join()

    assert outcomes(office)["unknown"] == 0
    assert len({mail.recipients for mail in sink.mails}) == len(sink.mails) == LEARNERS


def test_when_the_server_is_away_all_connections_rest_and_then_one_tries_one(office, sink):
    first, second, *_ = workers(office)
    sink.down()
    first.deliver(START)
    second.deliver(START)
    assert outcomes(office)["transient"] == 1

    office.app.views.catch_up()
    later = START + 2 * MINUTE
    second.deliver(later)
    assert outcomes(office)["transient"] == 2
    first.deliver(later)
    assert outcomes(office)["transient"] == 2

    sink.up()
    slow = sink.hold()
    last = later + 2 * MINUTE
    trying = threading.Thread(target=second.deliver, args=(last,))
    trying.start()
    until(slow.entered.is_set, "one is tried")
    assert first.deliver(last) == 0
    slow.go_on.set()
    trying.join()
    assert len(sink.mails) == 1
    together(office, last)
    office.app.deliver(last + 2 * MINUTE)
    assert office.states() == ["sent"] * LEARNERS


def test_a_connection_that_the_server_refuses_beside_another_rests_alone(office, sink):
    first, second, *_ = workers(office)
    first.deliver(START)
    office.app.views.catch_up()
    sink.on("greeting", "421 4.7.0 too many connections from you")
    second.deliver(START)
    assert outcomes(office)["transient"] == 1

    office.app.deliver(START)
    assert Counter(office.states()) == {"sent": LEARNERS - 1, "owed": 1}
    office.app.deliver(START + 2 * MINUTE)
    assert office.states() == ["sent"] * LEARNERS
