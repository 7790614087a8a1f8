"""So many messages a day are enough for one person; what is beyond leaves with the next day's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from service.rules.plan import ThrottlePassed
from service.sending.channels import SendResult
from tests.installation import DAY, HOUR, MINUTE, START, Installation, completed, enrolled
from tests.sending.test_bundles import Desk, opened, to

HEAD = "defaults: {timezone: Europe/Berlin, at_most: {messages: 2, per: day}}"
RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
  - id: welcome
    trigger: {event: enrollment.enrolled}
    expires_after: 1h
    notify:
      - {to: learner, via: email, template: enrolled}
"""
NEXT_MORNING = START + DAY - 2 * HOUR
"""Tuesday, 08:00 in Berlin, where it was ten on Monday at START."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def office(tmp_path: Path, desk: Desk) -> Iterator[Installation]:
    with opened(tmp_path, desk, RULES, HEAD) as found:
        yield found


def enrol(office: Installation, count: int, user: int = 77, at: int = START) -> None:
    """So many courses, one a minute, each told of at once."""
    for n in range(count):
        now = at + n * MINUTE
        course = f"course:{n}-{at}"
        office.post(enrolled(now, user, course=course, session=f"{course}_1"))
        office.tick(now)


def waiting(office: Installation) -> list[tuple[str, str, int]]:
    rows = office.notifications()
    return [(r["state"], r["reason"], r["due_at"]) for r in rows if r["state"] != "sent"]


def test_what_is_beyond_leaves_as_one_message_the_next_morning(office, desk):
    enrol(office, 6)
    assert len(desk.sent) == 2
    assert waiting(office) == [("scheduled", "at_most", NEXT_MORNING)] * 4

    office.tick(NEXT_MORNING - 1)
    assert len(desk.sent) == 2
    office.tick(NEXT_MORNING)

    assert len(desk.sent) == 3
    assert all(f"course:{n}-{START}" in desk.sent[-1].message.text for n in range(2, 6))
    assert sorted(office.states()) == ["dropped"] * 3 + ["sent"] * 3


def test_it_does_not_age_meanwhile(office, desk):
    """The rule lets messages live for an hour."""
    enrol(office, 3)
    office.tick(NEXT_MORNING + 30 * MINUTE)
    assert len(desk.sent) == 3
    enrol(office, 3, at=NEXT_MORNING + HOUR)
    office.tick(NEXT_MORNING + DAY + 2 * HOUR)
    assert sorted(office.states()) == ["expired", "expired", *["sent"] * 4]


def test_the_day_is_that_of_the_reader(office, desk):
    """For somebody in Auckland Tuesday begins at noon of Berlin's Monday."""
    office.import_people(
        [PersonRow("90", name="Kiri", email="k@example.org", timezone="Pacific/Auckland")]
    )
    enrol(office, 3, user=90)
    assert len(desk.sent) == 2
    enrol(office, 2, user=90, at=START + 3 * HOUR)
    assert len(to(desk, "k@example.org")) == 4
    assert [due for *_, due in waiting(office)] == [START + 10 * HOUR]


def test_another_reader_has_a_count_of_their_own(office, desk):
    enrol(office, 3)
    enrol(office, 2, user=78)
    assert len(to(desk, "ada@example.org")) == len(to(desk, "grace@example.org")) == 2


def test_a_window_that_is_closed_the_next_morning_is_waited_for(tmp_path, desk):
    hours = 'time_intervals: {late: [{weekdays: [mon, thu], from: "10:00", until: "18:00"}]}'
    head = f"{HEAD[:-1]}, send_window: late, expires_after: 9d}}\n{hours}"
    with opened(tmp_path, desk, RULES.replace("1h", "9d"), head) as office:
        enrol(office, 3)
        assert waiting(office) == [("scheduled", "at_most", START + 3 * DAY)]


def test_what_is_tried_again_counts_once(office, desk):
    desk.answers = [SendResult("transient", 451), SendResult("transient", 451)]
    enrol(office, 1)
    office.tick(START + 2 * MINUTE)
    office.tick(START + 10 * MINUTE)
    assert len(desk.sent) == 3
    enrol(office, 2, at=START + HOUR)
    assert len(desk.sent) == 4


def test_what_ended_unsent_does_not_count(office, desk):
    desk.answers = [SendResult("permanent", 554)] * 2
    enrol(office, 4)
    assert len(desk.sent) == 4
    assert sorted(office.states()) == ["given_up"] * 2 + ["sent"] * 2


def test_a_restart_forgets_nothing_and_the_log_has_no_address(office, desk):
    enrol(office, 2)
    office.reopen(START + 5 * MINUTE)
    office.app.deliveries["email"]._channel = desk
    enrol(office, 1, at=START + 10 * MINUTE)
    assert len(desk.sent) == 2
    rows = [row for row in office.app.ledger.log(0, 1_000) if row[3] == ThrottlePassed.TOPIC]
    assert len(rows) == 2
    assert not any(b"example.org" in row[-1] for row in rows)


def test_a_list_counts_as_one_message_and_is_put_off_whole(tmp_path, desk):
    rules = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completions, digest: {every: hour}}
"""
    head = HEAD.replace("messages: 2", "messages: 1")
    with opened(tmp_path, desk, rules, head) as office:
        for hour in range(3):
            at = START + hour * HOUR + 10 * MINUTE
            office.post(*(completed(at, who, course=f"course:{hour}", session=f"course:{hour}_1")
                          for who in (77, 78)))  # fmt: skip
            office.tick(at)
            office.tick(START + (hour + 1) * HOUR)
        assert len(desk.sent) == 1
        assert len(waiting(office)) == 6 + 2
        office.tick(NEXT_MORNING)

        assert len(desk.sent) == 2
        assert all(f"course:{n}" in desk.sent[-1].message.text for n in (1, 2))
        assert "scheduled" not in office.states()


def test_rooms_have_no_day(tmp_path, desk):
    rules = RULES.replace("{to: learner, via: email, template: enrolled}",
                          "{post: room, template: seat_free}")  # fmt: skip
    with opened(tmp_path, desk, rules, HEAD) as office:
        enrol(office, 5)
        assert set(office.states()) == {"sent"}
