"""Two records of one person: what is owed goes to the one that counts, and the same thing once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from service.learners.instance import Instance
from tests.installation import (
    COURSE,
    DAY,
    DONE,
    HOUR,
    MINUTE,
    SESSION,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    progressed,
    revoked,
    seats,
)
from tests.merged_people import ACCOUNT, merge

OLD = PersonRow("77", *ACCOUNT, name="Ada Byron", email="old@example.org")
NEW = PersonRow("78", *ACCOUNT, name="Ada Lovelace", email="new@example.org")
WATCHED = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: watchers, via: email, template: seat_free}
"""
TEAM = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: 'group:desk', via: email, template: seat_free}
"""
EACH = {"done": DONE, "still": STILL, "watched": WATCHED, "team": TEAM}


@pytest.fixture
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, getattr(request, "param", DONE)) as found:
        found.import_people([OLD, NEW])
        yield found


def rules(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("here", [EACH[name]], indirect=True)


def told(here: Installation) -> list[tuple[str, str | None]]:
    return sorted(((row["state"], row["reason"]) for row in here.notifications()), key=str)


def mails(here: Installation) -> list[str]:
    return sorted(
        line.removeprefix("To: ")
        for path in (here.folder / "data/drawer").glob("*.eml")
        for line in path.read_text().splitlines()
        if line.startswith("To: ")
    )


def test_what_is_owed_to_one_record_goes_to_the_one_that_counts(here: Installation) -> None:
    here.post(completed(START, 77))
    here.app.take(START)
    assert merge(here, 77, 78) == ("recorded", "")
    here.tick(START + MINUTE)
    assert told(here) == [("sent", None)]
    assert [line for line in mails(here) if "new@" in line] == mails(here)


def test_what_both_are_owed_for_the_same_is_told_once(here: Installation) -> None:
    here.post(completed(START, 77), completed(START + 1, 78))
    here.app.take(START + 1)
    merge(here, 77, 78)
    here.tick(START + MINUTE)
    assert told(here) == [("cancelled", "merged"), ("sent", None)]
    assert len(mails(here)) == 1


def test_what_was_told_to_the_one_is_not_told_to_the_other(here: Installation) -> None:
    here.post(completed(START, 77))
    here.tick(START)
    here.post(completed(START + HOUR, 78))
    here.app.take(START + HOUR)
    merge(here, 77, 78, START + HOUR)
    here.tick(START + HOUR + MINUTE)
    assert told(here) == [("cancelled", "merged"), ("sent", None)]


def test_of_another_session_and_of_long_after_both_are_told(here: Installation) -> None:
    here.post(completed(START, 77))
    here.tick(START)
    here.post(completed(START + 1, 77, session="course:7_2"), completed(START + 3 * DAY, 78))
    here.app.take(START + 3 * DAY)
    merge(here, 77, 78, START + 3 * DAY)
    here.tick(START + 3 * DAY + MINUTE)
    assert {state for state, _ in told(here)} == {"sent"} and len(told(here)) == 3


def test_what_is_not_true_of_the_one_does_not_silence_the_other(here: Installation) -> None:
    here.post(completed(START, 77), completed(START + 1, 78))
    here.app.take(START + 1)
    merge(here, 77, 78)
    here.post(revoked(START + 2, 78))
    here.tick(START + MINUTE)
    assert told(here) == [("cancelled", "no_longer_true"), ("sent", None)]


def test_letters_go_on_where_they_were(here: Installation) -> None:
    here.post(
        enrolled(START, 77, session="course:7_1"), enrolled(START + 1, 78, session="course:7_2")
    )
    here.tick(START + 1)
    merge(here, 77, 78)
    first = here.post(completed(START + 2, 78, session="course:7_1"))
    here.post(completed(START + 2, 77, session="course:7_1"))
    here.post(enrolled(START + 3, 77, session="course:7_3"))
    here.tick(START + 3)
    app = here.app
    old, new = (app.people.known([(*ACCOUNT, id)])[(*ACCOUNT, id)] for id in ("77", "78"))
    app.views.catch_up()
    rows = app.views.reader()["enrollments"].rows_where(order_by="instance")
    assert [(r["instance"], r["person"], r["status"]) for r in rows] == [
        ("course:7_1", old, "completed"), ("course:7_2", new, "enrolled"),
        ("course:7_3", new, "enrolled"),
    ]  # fmt: skip
    assert len(here.notifications()) == 1
    assert first == 2


@rules("still")
def test_of_two_open_enrollments_one_is_reminded_of(here: Installation) -> None:
    here.post(enrolled(START, 77), enrolled(START, 78), progressed(START + DAY, 78, 10))
    here.tick(START + DAY)
    merge(here, 77, 78, START + DAY)
    here.tick(START + 7 * DAY + HOUR)
    assert told(here) == []
    here.tick(START + 8 * DAY + HOUR)
    assert told(here) == [("sent", None)]
    here.post(completed(START + 8 * DAY + 2 * HOUR, 78))
    here.tick(START + 30 * DAY)
    assert told(here) == [("sent", None)]


@rules("still")
def test_completed_by_the_other_record_nobody_is_reminded(here: Installation) -> None:
    here.post(enrolled(START, 77), completed(START + DAY, 78, session="course:7_2"))
    here.tick(START + DAY)
    merge(here, 77, 78, START + DAY)
    here.tick(START + 9 * DAY)
    assert told(here) == []


@rules("watched")
def test_who_watches_by_two_records_is_told_once(here: Installation) -> None:
    here.post(seats(START, 10))
    here.tick(START)
    wishes, instance = here.app.watch_requests, Instance.stream(*ACCOUNT, COURSE, SESSION)
    old, new = (wishes.meet((*ACCOUNT, id), START) for id in ("77", "78"))
    wishes.ask(instance, old, START)
    wishes.ask(instance, new, START)
    merge(here, 77, 78)
    here.post(seats(START + 1, 9))
    here.tick(START + MINUTE)
    assert told(here) == [("sent", None)]
    here.post(seats(START + HOUR, 10), seats(START + HOUR + 1, 9))
    here.tick(START + HOUR + MINUTE)
    assert told(here) == [("sent", None)]


@rules("watched")
def test_a_wish_is_stopped_by_either_record(here: Installation) -> None:
    here.post(seats(START, 10))
    here.tick(START)
    wishes, instance = here.app.watch_requests, Instance.stream(*ACCOUNT, COURSE, SESSION)
    old, new = (wishes.meet((*ACCOUNT, id), START) for id in ("77", "78"))
    wishes.ask(instance, old, START)
    merge(here, 77, 78)
    wishes.ask(instance, new, START)
    assert len(wishes.all(instance)) == 1
    wishes.stop(instance, new, START)
    assert wishes.all(instance) == []


@pytest.mark.parametrize("place", [ACCOUNT, ("", "")])
@rules("team")
def test_who_is_in_a_group_twice_is_told_once(here: Installation, place: tuple[str, str]) -> None:
    desk = {"groups": ("desk",)}
    here.import_people(
        [PersonRow(id, *place, email=f"{id}@example.org", **desk) for id in ("87", "88")]
    )
    here.post(enrolled(START, 87), enrolled(START, 88), seats(START, 10), seats(START + 1, 9))
    here.app.take(START + 1)
    merge(here, 87, 88)
    here.tick(START + MINUTE)
    assert told(here) == [("cancelled", "merged"), ("sent", None)]
    here.post(seats(START + HOUR, 10), seats(START + HOUR + 1, 9))
    here.tick(START + HOUR + MINUTE)
    assert len(told(here)) == 3
    assert ["88@example.org" in line for line in mails(here)] == [True, True]


def test_a_circle_is_refused_and_twice_is_harmless(here: Installation) -> None:
    assert merge(here, 77, 78) == ("recorded", "")
    assert merge(here, 77, 78, START + 1)[0] == "superseded"
    state, reason = merge(here, 78, 77, START + 2)
    assert state == "set_aside" and "was merged into this one before" in reason
    state, reason = merge(here, 77, 79, START + 3)
    assert state == "set_aside" and "somebody else" in reason
    assert merge(here, 78, 79, START + 4) == ("recorded", "")
    here.post(completed(START + 5, 77))
    here.tick(START + 5)
    assert "old@example.org" not in "".join(mails(here))


def test_undone_each_counts_for_itself(here: Installation) -> None:
    merge(here, 77, 78)
    assert merge(here, 77, None, START + 1) == ("recorded", "")
    assert merge(here, 77, None, START + 2)[0] == "superseded"
    here.post(completed(START + 3, 77), completed(START + 4, 78))
    here.tick(START + MINUTE)
    assert told(here) == [("sent", None)] * 2
    assert len({*mails(here)}) == 2
