"""A fact that names no instance is of the enrolment its learner has in the course."""

import json
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from service.incoming.letter import Arrival
from service.incoming.sources import sunbird_events
from tests.incoming.sources.sunbird_payloads import ADA, LOGIC, event, of_unit, related
from tests.installation import DAY, DONE, HOUR, START, STILL, Installation, progressed
from tests.installation import completed as completed_at_adobe
from tests.installation import enrolled as enrolled_at_adobe

DUE = START + 9 * DAY


def enrol(days: float, batch: str | None = "b-1", **more: Any) -> dict[str, Any]:
    """An enrolment; each event of these tests has an id of its own."""
    return event("enrol", "Create", **told(days, batch, "enrol"), **more)


def complete(days: float, batch: str | None = None) -> dict[str, Any]:
    return event("enrol-complete", **told(days, batch, "complete"))


def leave(days: float, batch: str | None = None) -> dict[str, Any]:
    return event("enrol", "Update", **told(days, batch, "leave"))


def watch(days: float, batch: str | None = None) -> dict[str, Any]:
    """The learner is at a part of the course."""
    return of_unit("start", **told(days, batch, "watch"))


def told(days: float, batch: str | None, name: str) -> dict[str, Any]:
    mid = f"LP.AUDIT.{name}.{days}.{batch}"
    return {"ets": int(START + days * DAY), "mid": mid, "cdata": related(batch)}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE + STILL) as office:
        yield office


def take(office: Installation, *letters: Any, at: int = START + 8 * DAY) -> list[str]:
    """Take letters one by one; what became of their events."""
    became = []
    for letter in letters:
        body = json.dumps(letter).encode()
        (number,) = office.app.letters.keep([Arrival("sunbird", at, {}, body)])
        office.app.take(at)
        shown = office.app.letters.show(number)
        assert shown is not None
        became += [each["state"] for each in shown["events"]]
    return became


def standing(office: Installation) -> list[tuple[str | None, str]]:
    """Every enrolment: its batch, and how it stands."""
    office.app.views.catch_up()
    rows = office.app.views.reader()["enrollments"].rows_where(order_by="instance")
    return [(row["instance"], row["status"]) for row in rows]


def test_a_completion_without_a_batch_completes_the_open_enrollment(office: Installation) -> None:
    assert take(office, enrol(0), complete(3)) == ["recorded"] * 2
    assert standing(office) == [("b-1", "completed")]


def test_a_batch_with_its_course_behind_it_is_the_batch(office: Installation) -> None:
    take(office, enrol(0, f"b-1:{LOGIC}"), watch(1, "b-1"), complete(3, f"b-1:{LOGIC}"))
    assert standing(office) == [("b-1", "completed")]


def test_twice_delivered_it_is_a_duplicate(office: Installation) -> None:
    once, first, last = complete(3), watch(1), enrol(0)
    assert take(office, last, first, once) == ["recorded"] * 3
    assert take(office, once, first, last) == ["duplicate"] * 3
    assert take(office, [enrol(0), complete(3), complete(3)]) == ["duplicate"] * 3
    assert standing(office) == [("b-1", "completed")]


def test_in_one_letter_it_knows_what_stands_before_it(office: Installation) -> None:
    assert take(office, [enrol(0), watch(1), complete(3)]) == ["recorded"] * 3
    assert standing(office) == [("b-1", "completed")]


def test_before_any_enrollment_it_is_one_of_its_own(office: Installation) -> None:
    """The batch heard of later stays open, and nobody is reminded of it."""
    assert take(office, complete(3), enrol(0)) == ["recorded"] * 2
    assert take(office, complete(3)) == ["duplicate"]
    assert standing(office) == [(None, "completed"), ("b-1", "enrolled")]
    office.tick(DUE)
    assert [row["rule"] for row in office.notifications()] == ["done"]


def test_what_is_older_than_the_enrollment_is_of_another(office: Installation) -> None:
    take(office, enrol(0), complete(-30))
    assert standing(office) == [(None, "completed"), ("b-1", "enrolled")]


def test_of_two_open_ones_it_is_the_one_heard_of_last(office: Installation) -> None:
    take(office, enrol(0, "b-1"), enrol(1, "b-2"), watch(2, "b-1"), complete(3))
    assert standing(office) == [("b-1", "completed"), ("b-2", "enrolled")]


def test_one_that_was_begun_since_the_last_look_is_known(office: Installation) -> None:
    take(office, enrol(0, "b-1"), watch(1), enrol(2, "b-2"), complete(3))
    assert standing(office) == [("b-1", "in_progress"), ("b-2", "completed")]


def test_a_second_completion_of_the_same_is_told_once(office: Installation) -> None:
    """Forced syncs repeat it, with another id."""
    assert take(office, enrol(0), complete(3), complete(3.01)) == ["recorded"] * 3
    office.tick(START + 8 * DAY)
    assert standing(office) == [("b-1", "completed")]
    assert [row["rule"] for row in office.notifications()] == ["done"]


def test_a_look_back_after_the_end_opens_nothing(office: Installation) -> None:
    take(office, enrol(0), complete(3), watch(4))
    assert standing(office) == [("b-1", "completed")]


def test_who_leaves_without_a_batch_leaves_the_open_one(office: Installation) -> None:
    take(office, enrol(0), leave(2))
    assert standing(office) == [("b-1", "unenrolled")]


def test_enrolled_anew_without_a_batch_begins_an_enrollment(office: Installation) -> None:
    take(office, enrol(0), complete(3), enrol(5, None))
    assert standing(office) == [(None, "enrolled"), ("b-1", "completed")]


def test_of_somebody_else_or_another_course_it_is_their_own(office: Installation) -> None:
    other = ADA[::-1]
    take(office, enrol(0), event("enrol-complete", ets=START, learner=other, cdata=related(None)))
    take(office, event("enrol-complete", ets=START, cdata=related(None, "do_9")))
    assert sorted(status for _, status in standing(office)) == [
        "completed",
        "completed",
        "enrolled",
    ]


def test_an_enrollment_of_no_known_batch_is_silent_with_the_open_one(office: Installation) -> None:
    """Told late of the batch, the learner is reminded once."""
    take(office, watch(1), enrol(0), at=START + DAY)
    assert standing(office) == [(None, "in_progress"), ("b-1", "enrolled")]
    office.tick(START + DAY)
    office.tick(DUE)
    assert [row["instance"] for row in office.notifications()] == ["b-1"]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_in_any_order_of_arrival_nobody_is_reminded(order: tuple[int, ...], tmp_path: Path) -> None:
    letters = [enrol(0), watch(1, "b-1"), complete(3)]
    with Installation(tmp_path, STILL) as office:
        take(office, *(letters[place] for place in order), at=START + 4 * DAY)
        office.tick(START + 4 * DAY)
        for days in range(5, 30):
            office.tick(START + days * DAY)
        assert office.notifications() == []


def test_adobe_may_leave_the_instance_out_too(office: Installation) -> None:
    office.post(enrolled_at_adobe(START, 77))
    office.post(progressed(START + HOUR, 77, 50, session=None))
    office.post(completed_at_adobe(START + DAY, 77, session=None))
    office.app.take(START + DAY)
    assert standing(office) == [("course:7_1", "completed")]


def test_a_ledger_of_before_is_read_and_covered(office: Installation) -> None:
    """What was recorded under the longer spelling stands beside the batch, done or open."""
    with patch.object(sunbird_events, "batch_named", lambda said, course: said):
        take(office, enrol(0, f"b-1:{LOGIC}"))
    take(office, complete(3, f"b-1:{LOGIC}"))
    assert standing(office) == [("b-1", "completed"), (f"b-1:{LOGIC}", "enrolled")]
    office.tick(DUE)
    assert [row["rule"] for row in office.notifications()] == ["done"]


def test_leaving_twice_is_told_once(office: Installation) -> None:
    assert take(office, enrol(0), leave(2), leave(2.01)) == ["recorded"] * 3
    assert standing(office) == [("b-1", "unenrolled")]


def test_of_what_has_ended_it_is_the_last(office: Installation) -> None:
    take(office, enrol(-40), complete(-30, "b-1"), complete(1, "b-2"), complete(1.01))
    office.tick(START + 8 * DAY)
    assert [row["instance"] for row in office.notifications()] == ["b-1", "b-2"]


def test_a_ledger_without_the_indexes_gives_the_same_and_gets_them(office: Installation) -> None:
    take(office, enrol(0), complete(1, "b-2"))
    office.app.ledger.create("DROP INDEX enrollments_by_learner; DROP INDEX deletions;")
    assert take(office, complete(3)) == ["recorded"]
    assert standing(office) == [("b-1", "completed"), ("b-2", "completed")]
    office.reopen(START)
    names = office.app.ledger.reader().execute("SELECT name FROM sqlite_master WHERE type='index'")
    assert {"enrollments_by_learner", "deletions"} <= {name for (name,) in names}
