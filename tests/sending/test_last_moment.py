"""What stops a message at the last moment, and what a crash leaves behind."""

from service.learners.directory.people import PersonRow
from service.rules.notification import AttemptEnded, AttemptStarted, Owed
from service.sending.streams import Update
from tests.installation import (
    ADA,
    DAY,
    DONE,
    HOUR,
    MINUTE,
    START,
    Installation,
    completed,
    progressed,
    revoked,
)


def test_it_is_not_sent_when_it_is_no_longer_true(office, sink):
    sink.down()
    office.post(completed(START, 77))
    office.tick()
    sink.up()
    office.post(revoked(START + 1, 77))

    office.tick(START + HOUR)

    assert [(n["state"], n["reason"]) for n in office.notifications()] == [
        ("cancelled", "no_longer_true")
    ]
    assert sink.to("ada@example.org") == []


def test_it_expires_when_it_could_not_leave_in_time(office, sink):
    sink.down()
    office.post(completed(START, 77))
    office.tick()

    sink.up()
    office.tick(START + 3 * DAY)

    assert office.states() == ["expired"]
    assert sink.to("ada@example.org") == []


def test_without_an_address_it_waits_for_an_import(office, sink):
    office.post(completed(START, 99))
    office.tick()
    office.tick(START + 5 * DAY)
    assert office.states() == ["waiting_address"]

    office.import_people([PersonRow("99", name="Alan", email="alan@example.org")])
    office.app.deliveries["email"].look_again(START + 5 * DAY)
    office.tick(START + 5 * DAY)

    assert office.states() == ["sent"]
    assert len(sink.wait_for(1)) == 1


def test_an_address_nobody_ever_knew_expires_after_thirty_days(office):
    office.post(completed(START, 99))
    office.tick()

    office.tick(START + 30 * DAY)

    assert office.states() == ["expired"]


def test_a_rule_that_is_gone_cancels_what_it_owes(office, sink):
    sink.down()
    office.post(completed(START, 77))
    office.tick()
    office.write_rules(DONE.replace("id: done", "id: other"))
    office.app.reload(START)
    sink.up()

    office.tick(START + HOUR)

    assert [(n["state"], n["reason"]) for n in office.notifications()] == [
        ("cancelled", "rule_removed")
    ]


def test_cancel_on_ends_what_has_not_left(tmp_path):
    started = DONE.replace("enrollment.completed", "enrollment.enrolled") + (
        "    collapse: 1h\n    cancel_on: [enrollment.progressed]\n"
    )
    with Installation(tmp_path, started) as office:
        office.import_people([ADA])
        office.post({**completed(START, 77), "eventName": "COURSE_ENROLLMENT"})
        office.tick()
        office.post(progressed(START + MINUTE, 77, 10))
        office.tick(START + 2 * HOUR)

        assert [n["reason"] for n in office.notifications()] == ["cancel_on enrollment.progressed"]


def test_an_attempt_left_open_by_a_dead_worker_counts_as_unknown(office, sink):
    """As after kill -9 between the claim and the outcome."""
    sink.down()
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    id = office.notifications()[0]["id"]
    claim = AttemptStarted(at=START, worker="dead", until=START + 15 * MINUTE)
    assert office.app.store.append_unless_moved([(id, 2, claim)])
    office.tick(START + MINUTE)
    assert office.history() == [Owed.TOPIC, AttemptStarted.TOPIC]

    sink.up()
    office.reopen(START + MINUTE)
    office.tick(START + MINUTE)

    assert office.states() == ["sent"]
    ended = office.app.store.stream(id)[2]
    assert (ended.outcome, ended.then) == ("unknown", "owed")


def test_of_two_senders_one_sends(office, sink, tmp_path):
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    delivery = office.app.deliveries["email"]
    (found,) = office.app.notification_streams.notifications([office.notifications()[0]["id"]])
    claim = AttemptStarted(at=START, worker="other", until=START + MINUTE)

    assert delivery._recorder.append([Update(found, claim)]) == {found.id}
    assert delivery._recorder.append([Update(found, claim)]) == set()


def test_a_late_accepted_settles_what_was_taken_over(office, sink):
    office.post(completed(START, 77))
    office.tick()
    (found,) = office.app.notification_streams.notifications([office.notifications()[0]["id"]])
    late = AttemptEnded(at=START, outcome="transient", then="owed", next_at=START)

    assert found.apply(late).state == "sent"


def test_stopping_finishes_the_mail_in_hand_and_gives_the_rest_back(office, sink):
    office.post(*(completed(START, user) for user in (77, 78)))
    office.app.take(START)
    office.app.views.catch_up()
    asked = iter([False, True])

    office.app.deliveries["email"].deliver(START, lambda: next(asked, True))

    assert sorted(office.states()) == ["owed", "sent"]
    assert len(sink.wait_for(1)) == 1
    office.tick(START)
    assert office.states() == ["sent", "sent"]


def test_a_template_that_fails_gives_up_its_own_notification_only(tmp_path, sink):
    folder = tmp_path / "templates"
    for template in ("breaks", "works"):
        (folder / template / "email").mkdir(parents=True)
        (folder / template / "email/subject.txt").write_text("Hello")
        (folder / template / "email/body.txt").write_text("Well done")
    (folder / "breaks/email/body.txt").write_text(
        "{% if enrollment.progress %}{{ 1 / (enrollment.progress - 100) }}{% endif %}"
    )
    rules = DONE.replace("template: completed", "template: breaks") + (
        "      - {to: learner, via: email, template: works}\n"
    )
    more = {"COURSEBELL_TEMPLATES": str(folder)}
    with Installation(tmp_path, rules, email=sink.url, **more) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick()

        by_template = {n["template"]: n for n in office.notifications()}
        assert by_template["works"]["state"] == "sent"
        assert by_template["breaks"]["state"] == "given_up"
        assert "body.txt:1: ZeroDivisionError" in by_template["breaks"]["reason"]
