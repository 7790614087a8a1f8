"""What one person would get by one channel within a short while is one message."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.learners.directory.people import PersonRow
from service.sending.operator import mute, unmute
from tests.installation import (
    ADA,
    DAY,
    HOUR,
    MINUTE,
    START,
    Installation,
    completed,
    enrolled,
    revoked,
    unenrolled,
)
from tests.merged_people import merge
from tests.sending.test_released import Desk

HEAD = "defaults: {timezone: Europe/Berlin, bundle: 30m}"
BOSS = PersonRow("1", name="Marie Curie", email="boss@example.org")
CHIEF = PersonRow("2", name="Lise Meitner", email="chief@example.org")
GRACE = PersonRow("78", name="Grace Hopper", email="grace@example.org", manager="boss@example.org")
RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
      - {to: manager, via: email, template: team_completion}
  - id: welcome
    trigger: {event: enrollment.enrolled}
    notify:
      - {to: learner, via: email, template: enrolled}
"""
EIGHT = {"course": "course:8", "session": "course:8_1"}
LEARNER_DONE, WELCOMED = ("done", "learner"), ("welcome", "learner")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def office(tmp_path: Path, desk: Desk) -> Iterator[Installation]:
    with opened(tmp_path, desk) as found:
        yield found


def opened(folder: Path, desk: Desk, rules: str = RULES, head: str = HEAD) -> Installation:
    found = Installation(folder, rules, head=head)
    found.app.deliveries["email"]._channel = desk
    found.import_people([ADA, GRACE, BOSS, CHIEF])
    return found


def told(office: Installation) -> dict[tuple[str, str], tuple[str, str | None]]:
    """How each stands, by rule and recipient."""
    rows = office.notifications()
    return {(row["rule"], row["recipient"]): (row["state"], row["reason"]) for row in rows}


def begin(office: Installation) -> None:
    """Ada is enrolled in one course, and completes another twenty minutes later."""
    office.post(enrolled(START, 77))
    office.tick(START)
    office.post(completed(START + 20 * MINUTE, 77, **EIGHT))
    office.tick(START + 20 * MINUTE)


def to(desk: Desk, address: str) -> list[str]:
    return [each.message.text for each in desk.sent if each.address == address]


def test_two_rules_tell_one_reader_in_one_message_led_by_the_rule_that_stands_first(office, desk):
    begin(office)
    assert desk.sent == []

    office.tick(START + 30 * MINUTE)

    (mail,) = [each for each in desk.sent if each.address == ADA.email]
    assert mail.message.subject == "Completed: course:8"
    assert "course:7" in mail.message.text
    assert mail.message.html is not None
    assert mail.message.html.count("</body>") == 1
    assert "You are in: course:7" in mail.message.html or "course:7" in mail.message.html
    assert told(office)[LEARNER_DONE] == ("sent", None)
    assert told(office)[WELCOMED] == ("dropped", "bundle")
    (lead,) = [row for row in office.notifications() if row["state"] == "sent"]
    (other,) = [row for row in office.notifications() if row["state"] == "dropped"]
    assert office.app.notification_streams.notifications([other["id"]])[0].into == lead["id"]


def test_what_is_decided_later_is_a_message_of_its_own(office, desk):
    begin(office)
    office.tick(START + 30 * MINUTE)
    office.post(enrolled(START + HOUR, 77, **EIGHT))
    office.tick(START + HOUR)
    office.tick(START + 90 * MINUTE)

    assert len(to(desk, "ada@example.org")) == 2


def test_a_rule_may_let_its_messages_leave_alone(tmp_path, desk):
    alone = RULES.replace("  - id: welcome\n", "  - id: welcome\n    bundle: none\n")
    with opened(tmp_path, desk, alone) as office:
        begin(office)
        assert len(to(desk, "ada@example.org")) == 1
        office.tick(START + HOUR)

        assert len(to(desk, "ada@example.org")) == 2
        assert set(office.states()) == {"sent"}


def test_a_manager_gets_one_message_of_all_their_learners(office, desk):
    office.post(completed(START, 77), completed(START + 1, 78))
    office.tick(START)
    office.tick(START + 31 * MINUTE)

    (mail,) = to(desk, "boss@example.org")
    assert "Ada Lovelace" in mail
    assert "Grace Hopper" in mail
    assert len(to(desk, "ada@example.org")) == len(to(desk, "grace@example.org")) == 1


def test_what_is_no_longer_true_ends_by_itself_be_it_the_first_one(office, desk):
    begin(office)
    office.post(unenrolled(START + 25 * MINUTE, 77))
    office.tick(START + 25 * MINUTE)
    office.tick(START + 30 * MINUTE)

    (mail,) = to(desk, "ada@example.org")
    assert "course:7" not in mail
    assert told(office)[WELCOMED] == ("cancelled", "no_longer_true")
    assert told(office)[LEARNER_DONE] == ("sent", None)


def test_so_does_one_that_would_lead(office, desk):
    begin(office)
    office.post(revoked(START + 25 * MINUTE, 77, **EIGHT))
    office.tick(START + 25 * MINUTE)
    office.tick(START + 30 * MINUTE)

    (mail,) = to(desk, "ada@example.org")
    assert "course:8" not in mail
    assert told(office)[LEARNER_DONE] == ("cancelled", "no_longer_true")


def test_whose_reader_is_another_by_then_leaves_apart(office, desk):
    office.post(completed(START, 77), completed(START + 1, 78))
    office.tick(START)
    office.import_people([replace(ADA, manager="chief@example.org")])
    office.tick(START + 31 * MINUTE)

    assert ["Ada" in mail for mail in to(desk, "chief@example.org")] == [True]
    assert ["Grace" in mail and "Ada" not in mail for mail in to(desk, "boss@example.org")] == [
        True
    ]


def test_a_muted_rule_is_left_out_and_leaves_later(office, desk):
    begin(office)
    mute(office.app.store, "done", START + 21 * MINUTE)
    office.tick(START + 30 * MINUTE)
    assert told(office)[WELCOMED] == ("sent", None)
    assert told(office)[LEARNER_DONE] == ("held", "muted")

    unmute(office.app.store, office.app.views, "done", START + HOUR)
    office.tick(START + HOUR)

    assert told(office)[LEARNER_DONE] == ("sent", None)


def test_what_a_window_lets_out_at_one_moment_leaves_together(tmp_path, desk):
    hours = 'time_intervals: {office: [{weekdays: [mon], from: "08:00", until: "18:00"}]}'
    head = f"{HEAD[:-1]}, send_window: office, expires_after: 8d}}\n{hours}"
    with opened(tmp_path, desk, head=head) as office:
        for hour in range(12, 7 * 24 - 6, 6):
            at = START + hour * HOUR
            course = f"course:{hour}"
            office.post(enrolled(at, 77, course=course, session=f"{course}_1"))
            office.tick(at)
            office.tick(at + 30 * MINUTE)
        assert desk.sent == []
        deferred = [len(office.history(place)) for place in range(len(office.states()))]
        assert set(deferred) == {2}

        office.tick(START + 7 * DAY - 2 * HOUR)

        assert len(desk.sent) == 1
        assert sorted(set(office.states())) == ["dropped", "sent"]


def test_steps_of_an_escalation_are_bundled_too(tmp_path, desk):
    rules = """
  - id: stalled
    trigger: {stalled_for: 7d, count_from: enrolled}
    notify:
      - {to: learner, via: email, template: stalled}
    escalation:
      - {after: 7d, to: manager, via: email, template: stalled_manager}
"""
    with opened(tmp_path, desk, rules) as office:
        office.app.tick(START)
        for n in range(4):
            course = f"course:{n}"
            office.post(
                enrolled(START + n * MINUTE, 77, course=course, session=f"{course}_1"),
                enrolled(START + n * MINUTE, 78, course=course, session=f"{course}_1"),
            )
        for day in (0, 7, 14):
            for minutes in range(0, 80, 10):
                office.tick(START + day * DAY + minutes * MINUTE)

        assert len(to(desk, "ada@example.org")) == len(to(desk, "grace@example.org")) == 1
        (team,) = to(desk, "boss@example.org")
        assert all(f"course:{n}" in team for n in range(4))


def test_all_that_waited_for_one_address_leaves_as_one_message(office, desk):
    for n in range(3):
        course = f"course:{n}"
        office.post(enrolled(START + n, 99, course=course, session=f"{course}_1"))
    office.tick(START)
    office.tick(START + HOUR)
    assert set(office.states()) == {"waiting_address"}

    office.import_people([PersonRow("99", name="Alan", email="alan@example.org")])
    office.app.deliveries["email"].look_again(START + 2 * HOUR)
    office.tick(START + 2 * HOUR)

    assert len(to(desk, "alan@example.org")) == 1
    assert sorted(office.states()) == ["dropped", "dropped", "sent"]


def test_two_records_of_one_person_are_one_reader(office, desk):
    twin = PersonRow("79", name="Ada Lovelace", email="ada@example.org")
    office.import_people([twin])
    merge(office, 79, 77, START)
    office.post(enrolled(START, 77), enrolled(START + 1, 79, **EIGHT))
    office.tick(START)
    office.tick(START + 31 * MINUTE)

    assert len(desk.sent) == 1


def test_rooms_are_told_at_once(tmp_path, desk):
    rules = RULES.replace("{to: learner, via: email, template: enrolled}",
                          "{post: room, template: seat_free}")  # fmt: skip
    with opened(tmp_path, desk, rules) as office:
        office.post(enrolled(START, 77))
        office.tick(START)
        assert office.states() == ["sent"]


def test_no_more_than_fifty_things_are_one_message_and_none_is_lost(office, desk):
    for n in range(70):
        office.post(enrolled(START + n, 77, course=f"course:{n}", session=f"course:{n}_1"))
    office.tick(START)
    office.tick(START + 31 * MINUTE)

    named = [set(re.findall(r"course:\d+", mail)) for mail in to(desk, "ada@example.org")]
    assert sorted(map(len, named)) == [20, 50]
    assert len(set.union(*named)) == 70
    assert sorted(office.states()) == ["dropped"] * 68 + ["sent"] * 2


def test_a_throttle_counts_each_thing_of_a_bundle_and_drops_that_alone(tmp_path, desk):
    rules = RULES.replace("template: enrolled}", "template: enrolled, throttle: {max: 2, per: 1d}}")
    with opened(tmp_path, desk, rules) as office:
        for n in range(3):
            course = f"course:{n}"
            office.post(enrolled(START + n, 77, course=course, session=f"{course}_1"))
        office.post(completed(START + 9, 77, **EIGHT))
        office.tick(START)
        office.tick(START + 30 * MINUTE)

        (mail,) = to(desk, "ada@example.org")
        assert [n for n in range(3) if f"course:{n}" in mail] == [0, 1]
        assert sorted(filter(None, (row["reason"] for row in office.notifications()))) == [
            "bundle", "bundle", "throttle",
        ]  # fmt: skip
        office.post(enrolled(START + HOUR, 77, course="course:5", session="course:5_1"))
        office.tick(START + HOUR)
        office.tick(START + 2 * HOUR)
        assert len(to(desk, "ada@example.org")) == 1


def test_words_that_go_through_items_tell_of_all_their_things_in_one_piece(tmp_path, desk):
    words = tmp_path / "templates"
    for name in ("completed", "team_completion", "enrolled"):
        place = words / name / "email"
        place.mkdir(parents=True)
        (place / "subject.txt").write_text("{{ course.id }}{% if items %} +{% endif %}")
        (place / "body.txt").write_text(
            f"{name}:{{% for item in items %}} {{{{ item.course.id }}}}{{% endfor %}}"
            "{% if not items %} {{ course.id }} alone{% endif %}"
        )
    with Installation(tmp_path, RULES, head=HEAD, COURSEBELL_TEMPLATES=str(words)) as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA, BOSS])
        for n in range(3):
            office.post(enrolled(START + n, 77, course=f"course:{n}", session=f"course:{n}_1"))
        office.post(completed(START + 9, 77, **EIGHT))
        office.tick(START)
        office.tick(START + 30 * MINUTE)

    (mail,) = [each.message for each in desk.sent if each.address == ADA.email]
    assert mail.subject == "course:8"
    assert mail.text == (
        "completed: course:8 alone\n\n* * *\n\nenrolled: course:0 course:1 course:2\n"
    )
