"""Times on a terminal: in the reader's zone, with its offset; for programs they stay UTC."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from service.cli.output.log_lines import PlainLines
from service.cli.output.text import in_local_time, local_time, moment, moment_given
from tests.installation import (
    ADA,
    DAY,
    DONE,
    HOUR,
    SESSION,
    START,
    STILL,
    Installation,
    body,
    completed,
    enrolled,
)

pytestmark = pytest.mark.usefixtures("in_vienna")

NINE_UTC, TEN = "2026-11-16 09:00:00Z", "2026-11-16 10:00:00+01:00"
TAGGED = """
  - id: tagged
    trigger: {event: enrollment.completed}
    conditions:
      - course.tags: {contains: mandatory}
      - enrollment.completed_at: {gte: 2026-01-01T00:00:00Z}
    notify:
      - {to: learner, via: email, template: completed}
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE + STILL + TAGGED) as office:
        office.import_people([ADA])
        office.post(completed(START, 77), enrolled(START, 78))
        office.tick(START)
        yield office


def shown(office: Installation, *words: str) -> str:
    found = CliRunner(env={**office.environ, "COLUMNS": "80"}).invoke(main, words)
    assert found.exit_code in (0, 1), found.output
    return found.stdout


def test_a_time_is_written_with_the_offset_of_its_day() -> None:
    assert moment(START) == TEN
    assert moment(START - 150 * DAY) == "2026-06-19 11:00:00+02:00"
    assert moment(None) == ""


def test_a_time_that_is_shown_can_be_given_back() -> None:
    for at in (START, START - 150 * DAY):
        assert moment_given(moment(at)) == at


def test_in_utc_a_time_ends_with_z(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert moment(START) == NINE_UTC


def test_the_end_of_the_last_year_stays_utc() -> None:
    last = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    assert local_time(last) == "9999-12-31 23:30:00Z"


def test_the_times_inside_a_sentence_are_moved_and_nothing_else() -> None:
    assert in_local_time(f"from {NINE_UTC} on, not {NINE_UTC}") == f"from {TEN} on, not {TEN}"
    for words in ("2026-99-16 09:00:00Z", "at 09:00:00Z", "2026-11-16T09:00:00Z"):
        assert in_local_time(words) == words


@pytest.mark.parametrize(
    "words",
    [
        ("letters", "list"),
        ("letters", "show", "1"),
        ("notifications", "list"),
        ("backtest",),
        ("explain", "--rule", "done", "--learner", "77"),
        ("explain", "--rule", "tagged", "--learner", "77"),
        ("explain", "--rule", "still", "--learner", "78", "--at", "2026-11-24"),
    ],
)
def test_every_page_says_times_in_the_zone_of_its_reader(
    office: Installation, words: tuple[str, ...]
) -> None:
    page = shown(office, *words)
    assert TEN in page and ":00Z" not in page


def test_one_notification_is_shown_and_explained_in_the_zone(office: Installation) -> None:
    (id,) = (row["id"] for row in office.notifications())
    for words in (("notifications", "show", id), ("explain", id)):
        page = shown(office, *words)
        assert TEN in page and ":00Z" not in page


def test_a_watcher_asked_in_the_zone(office: Installation) -> None:
    seats = {"loInstanceId": SESSION, "enrollmentCount": 10, "waitlistCount": 0, "seatLimit": 10}
    office.post({"eventId": "s", "eventName": "CI_STATS", "timestamp": START, "data": seats})
    office.tick(START + 1)
    shown(office, "watch", "add", SESSION, "77")
    line = shown(office, "watch", "list", SESSION).splitlines()[1]
    assert line.split()[2].endswith(("+01:00", "+02:00"))


def test_a_rule_is_tried_in_the_zone(office: Installation, tmp_path: Path) -> None:
    letter = tmp_path / "letter.json"
    letter.write_bytes(body(completed(START, 77)))
    page = shown(office, "try", "tagged", "--event", str(letter))
    assert f"  at {TEN}, where nothing else is known" in page
    assert "enrollment.completed_at gte 2026-01-01 01:00:00+01:00: got " + TEN in page


def test_programs_read_utc(office: Installation) -> None:
    asked = ("explain", "--rule", "done", "--learner", "77", "--json")
    answer = json.loads(shown(office, *asked))
    assert answer["answer"] == f"told at {NINE_UTC}: enrollment.completed"
    assert answer["matters"][0]["occasions"][0]["at"] == "2026-11-16T09:00:00Z"
    assert json.loads(shown(office, "backtest", "--json"))["from"] == NINE_UTC


def test_days_of_a_backtest_name_their_zone(office: Installation) -> None:
    assert "\nMessages by day, in UTC\n" in shown(office, "backtest")


def test_a_log_line_has_the_offset() -> None:
    told = {"created": (START + HOUR) / 1000, "levelname": "INFO", "event": "x.began"}
    line = PlainLines().format(logging.makeLogRecord(told | {"msg": "it began"}))
    assert line == "2026-11-16 11:00:00+01:00 info x.began  it began"
