"""From owed to sent: attempts, outcomes, retries and what a crash leaves behind."""

from service.rules.notification import AttemptEnded, AttemptStarted, Owed
from service.sending.operator import redrive
from tests.installation import DAY, MINUTE, START, completed
from tests.smtp_sink import DROP, KEEP_AND_DROP


def test_a_completion_is_one_mail_to_the_learner(office, sink):
    office.post(completed(START, 77))
    office.tick()
    office.tick(START + DAY)

    (mail,) = sink.wait_for(1)
    assert mail.recipients == ("ada@example.org",)
    assert mail.parsed["Message-ID"] == f"<{office.notifications()[0]['id']}@academy.example>"
    assert office.states() == ["sent"]


def test_the_attempt_is_on_disk_before_the_mail_leaves(office, sink):
    office.post(completed(START, 77))
    office.tick()

    assert office.history() == [Owed.TOPIC, AttemptStarted.TOPIC, AttemptEnded.TOPIC]


def test_a_refused_recipient_is_given_up_and_can_be_redriven(office, sink):
    sink.on("RCPT", "550 5.7.1 not today", local="ada", times=1)
    office.post(completed(START, 77))
    office.tick()
    assert office.states() == ["given_up"]

    id = office.notifications()[0]["id"]
    app = office.app
    assert redrive(app.notification_streams, [id], START) == ([id], [])
    office.tick()

    assert office.states() == ["sent"]
    assert redrive(app.notification_streams, [id], START)[0] == []


def test_a_reply_is_kept_apart_from_the_log(office, sink):
    sink.on("RCPT", "550 5.1.1 ada@example.org is nobody", local="ada")
    office.post(completed(START, 77))
    office.tick()

    id = office.notifications()[0]["id"]
    (_, _, ended) = office.app.store.stream(id)
    assert (ended.code, ended.status) == (550, "5.1.1")
    assert "ada" not in str(ended)
    assert "ada@example.org" in office.app.ledger.erasable(id)["reply/3"]


def test_what_fails_for_a_while_is_tried_after_1_5_25_60_and_60_minutes(office, sink):
    sink.on("RCPT", "451 4.7.1 later", local="ada", times=5)
    office.post(completed(START, 77))
    tried, at = [], START
    for _ in range(6):
        office.tick(at)
        tried.append(office.notifications()[0]["attempts"])
        office.tick(at + 30_000)
        at = office.notifications()[0]["due_at"]

    waits = [1, 5, 25, 60, 60]
    assert tried == [1, 2, 3, 4, 5, 6]
    assert office.states() == ["sent"]
    assert abs(at - START - sum(waits) * MINUTE) < MINUTE


def test_a_dead_mail_server_stops_nothing_and_loses_nothing(office, sink):
    sink.down()
    office.post(completed(START, 77), completed(START, 78))
    office.tick()
    assert office.states() == ["owed", "owed"]

    sink.up()
    office.tick(START + 2 * MINUTE)

    assert office.states() == ["sent", "sent"]
    assert len(sink.wait_for(2)) == 2


def test_an_unknown_outcome_is_tried_again_with_the_same_message_id(office, sink):
    sink.on("dot", KEEP_AND_DROP, times=1)
    office.post(completed(START, 77))
    office.tick()
    assert office.states() == ["owed"]
    assert office.notifications()[0]["reason"] == "unknown"

    office.tick(START + 2 * MINUTE)

    first, second = sink.wait_for(2)
    assert first.parsed["Message-ID"] == second.parsed["Message-ID"]
    assert office.states() == ["sent"]


def test_a_connection_lost_before_the_mail_was_given_is_no_unknown(office, sink):
    sink.on("DATA", DROP, times=1)
    office.post(completed(START, 77))
    office.tick()
    assert office.notifications()[0]["reason"] == "transient"
