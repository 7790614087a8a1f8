"""A message stays the same message: across outcomes kept back, new templates, new senders."""

import sqlite3

import pytest

from service.learners.directory.people import PersonRow
from service.rules.verdict import judge
from service.sending.channels.channel import SendResult
from tests.installation import DONE, HOUR, MINUTE, START, Installation, completed
from tests.sending.test_released import TOGETHER, Desk

ADA = PersonRow("77", name="Ada Lovelace", email="ada@example.org", timezone=None)
TWO = TOGETHER + "      - {to: learner, via: email, template: stalled}\n"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def office(tmp_path, desk):
    with Installation(tmp_path, TOGETHER) as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA])
        yield office


def sentences(desk: Desk) -> list[str]:
    return [outgoing.message.subject for outgoing in desk.sent]


def test_an_outcome_kept_back_is_recorded_before_the_delivery_ends(office, desk):
    office.post(completed(START, 77))
    office.tick(START)
    delivery, due = office.app.deliveries["email"], START + 11 * MINUTE
    append = office.app.store.append_unless_moved
    times = iter([append])

    def full(*of, **how):
        try:
            return next(times)(*of, **how)
        except StopIteration:
            raise sqlite3.OperationalError("database or disk is full") from None

    office.app.store.append_unless_moved = full
    with pytest.raises(sqlite3.OperationalError):
        delivery.deliver(due)
    with pytest.raises(sqlite3.OperationalError):
        delivery.settle()
    office.app.store.append_unless_moved = append
    office.reopen(due)
    office.app.deliveries["email"]._channel = desk
    office.tick(due + HOUR)

    assert office.states() == ["sent"]
    assert len(desk.sent) == 1


def test_closing_with_a_full_disk_says_what_was_not_recorded(office, desk, caplog):
    office.post(completed(START, 77))
    office.tick(START)
    delivery = office.app.deliveries["email"]
    append = office.app.store.append_unless_moved
    times = iter([append])
    office.app.store.append_unless_moved = lambda *of, **how: next(times, no_room)(*of, **how)
    with pytest.raises(sqlite3.OperationalError):
        delivery.deliver(START + 11 * MINUTE)
    delivery.close()

    assert desk.sent[0].notification in caplog.text
    office.app.store.append_unless_moved = append


def no_room(*_: object, **__: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_what_waits_leaves_with_the_template_its_entry_has_by_now(office, desk):
    office.post(completed(START, 77))
    office.tick(START)
    office.write_rules(TOGETHER.replace("template: completed", "template: stalled"))
    office.app.reload(START + MINUTE)
    office.tick(START + HOUR)

    assert office.states() == ["sent"]
    assert sentences(desk) == ["Still open: course:7"]


def test_a_new_recipient_or_channel_is_another_entry(office, desk):
    office.post(completed(START, 77))
    office.tick(START)
    office.write_rules(TOGETHER.replace("to: learner", "to: manager"))
    office.app.reload(START + MINUTE)
    office.tick(START + HOUR)

    assert [row["reason"] for row in office.notifications()] == ["rule_removed"]


def test_of_two_entries_on_one_way_the_one_taken_out_is_not_sent_as_the_other(tmp_path, desk):
    with Installation(tmp_path, TWO) as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick(START)
        office.write_rules(TOGETHER)
        office.app.reload(START + MINUTE)
        office.tick(START + HOUR)

        assert sorted(office.states()) == ["cancelled", "sent"]
        assert sentences(desk) == ["Completed: course:7"]


def test_the_zone_of_the_file_counts_as_it_is_now(office, desk, tmp_path):
    folder = tmp_path / "templates/when/email"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("When")
    (folder / "body.txt").write_text("{{ enrollment.completed_at|datetime }}")
    office.environ["COURSEBELL_TEMPLATES"] = str(tmp_path / "templates")
    office.write_rules(DONE.replace("template: completed", "template: when"))
    office.reopen()
    office.app.deliveries["email"]._channel = desk
    text = office.rules.read_text()
    office.rules.write_text(text.replace("rules:\n", "defaults: {timezone: Asia/Tokyo}\nrules:\n"))
    office.app.reload(START)
    office.post(completed(START, 77))
    office.tick(START)

    assert "18:00" in desk.sent[0].message.text


def test_a_collapsed_message_that_breaks_the_program_is_the_one_given_up(office, desk, monkeypatch):
    def breaks(notification, *rest):
        if notification.owed.course == "course:8":
            raise RuntimeError
        return judge(notification, *rest)

    office.post(completed(START, 77))
    office.tick(START)
    office.post(completed(START + 1, 77, course="course:8", session="course:8_1"))
    office.tick(START + 1)
    monkeypatch.setattr("service.sending.planner.judge", breaks)
    office.tick(START + HOUR)

    states = {row["course"]: row["state"] for row in office.notifications()}
    assert states == {"course:7": "sent", "course:8": "given_up"}


def test_a_message_keeps_its_id_when_the_senders_domain_changes(tmp_path, desk):
    with Installation(tmp_path, DONE, COURSEBELL_MAIL_DOMAIN="old.example") as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA])
        desk.answers = [SendResult("unknown")]
        office.post(completed(START, 77), completed(START, 77, course="course:8"))
        office.tick(START)
        office.environ["COURSEBELL_MAIL_DOMAIN"] = "new.example"
        office.reopen(START + MINUTE)
        office.app.deliveries["email"]._channel = desk
        office.tick(START + HOUR)
        office.post(completed(START + HOUR, 77, course="course:9", session="course:9_1"))
        office.tick(START + HOUR)

        ids: dict[str, set[str]] = {}
        for outgoing in desk.sent:
            ids.setdefault(outgoing.notification, set()).add(outgoing.message_id)
        assert all(len(each) == 1 for each in ids.values())
        assert len(desk.sent) > len(ids)
        assert desk.sent[-1].message_id.endswith("@new.example>")
