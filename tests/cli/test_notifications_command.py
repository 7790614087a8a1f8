"""`coursebell notifications`: the list fits the screen, and commands say what is not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.learners.directory.people import PersonRow
from tests.installation import ADA, DONE, SESSION, START, Installation, completed, seats

TEAM = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completion}
      - {to: "group:ops", via: email, template: team_completion}
  - id: seat
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {post: room, template: seat_free}
"""
READS = """
  - id: reads
    trigger: {event: enrollment.completed}
    conditions:
      - enrollment.passed: true
      - enrollment.progress: {gte: 80}
      - enrollment.completed_at: {gte: 2026-01-01T00:00:00Z}
    notify:
      - {to: learner, via: email, template: completed}
"""
OPERATOR = PersonRow("78", name="Grace Hopper", email="grace@example.org", groups=("ops",))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE + TEAM) as office:
        office.import_people([ADA, OPERATOR])
        office.post(completed(START, 77), seats(START, 10), seats(START + 1, 9))
        office.tick(START + 1)
        yield office


def run(office: Installation, *words: str, columns: int | None = None) -> Result:
    environ = {**office.environ, "COLUMNS": str(columns) if columns else None}
    return CliRunner().invoke(main, words, env=environ)


def test_the_list_says_whom_and_about_what_in_the_ids_of_the_lms(office: Installation) -> None:
    lines = run(office, "notifications", "list").stdout.splitlines()
    assert lines[0].split()[:4] == ["Notification", "Rule", "To", "About"]
    told = {" ".join(line.split()[1:-5]) for line in lines[1:]}
    assert told == {
        "done learner 77",
        "team manager of 77",
        "team group:ops 78",
        "seat room room",
    }
    assert all(SESSION in line for line in lines[1:])


def test_on_a_narrow_screen_each_takes_two_lines_and_its_id_stays_whole(
    office: Installation,
) -> None:
    lines = run(office, "notifications", "list", "--rule", "team", columns=80).stdout.splitlines()
    (id,) = {row["id"] for row in office.notifications() if row["recipient"] == "manager"}
    assert f"{id}  sent" in lines
    assert f"    2026-11-16 09:00:00Z  team to manager of 77, {SESSION}" in lines
    assert len(lines) == 4 and max(map(len, lines)) <= 80


def test_an_empty_list_says_so(office: Installation) -> None:
    assert run(office, "notifications", "list", "--state", "held").stdout == "no notifications\n"


def test_a_release_of_nothing_says_where_to_look(office: Installation) -> None:
    found = run(office, "notifications", "release", "--rule", "doen")
    assert found.exit_code == 1
    assert "the storm guard holds nothing of rule doen; " in found.stderr
    assert "`coursebell notifications list --state held`" in found.stderr


def test_an_event_is_shown_with_what_it_says_only(office: Installation) -> None:
    (id,) = {row["id"] for row in office.notifications() if row["recipient"] == "room:room"}
    shown = run(office, "notifications", "show", id).stdout
    assert "notification.attempt_started" in shown and "version" in shown
    assert not any(word in shown for word in ("False", "speaks_for", "()"))


def test_the_beginning_of_an_id_is_enough(office: Installation) -> None:
    ids = [row["id"] for row in office.notifications()]
    for id in ids:
        assert run(office, "notifications", "show", id[:24]).stdout.startswith(
            f"Notification {id}\n"
        )
    several, none = (run(office, "notifications", "show", text) for text in ("n", "nobody"))
    explained = [run(office, "explain", text) for text in ("n", "nobody")]
    assert [several.stderr, none.stderr] == [each.stderr for each in explained]
    assert "n: several notifications begin so: n" in several.stderr
    assert (several.exit_code, none.exit_code) == (2, 1)


def test_what_conditions_read_is_shown_by_its_type(tmp_path: Path) -> None:
    with Installation(tmp_path, READS) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick(START)
        (row,) = office.notifications()
        lines = run(office, "notifications", "show", row["id"], columns=80).stdout.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("     read"))
    assert [line.strip() for line in lines[place : place + 3]] == [
        "read        enrollment.passed: true",
        "enrollment.progress: 100",
        "enrollment.completed_at: 2026-11-16 09:00:00Z",
    ]
    assert not any(mark in line for line in lines for mark in "{}'[]")
