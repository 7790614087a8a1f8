"""`coursebell try`: what a rule would do with a letter, and nothing else happens."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.incoming.sources.dialects import every_form
from tests.installation import (
    ADA,
    DONE,
    FREE,
    HOUR,
    START,
    Installation,
    body,
    completed,
    enrolled,
    revoked,
    seats,
)

ALMOST = """
  - id: almost
    trigger: {change: instance.seats_available, to: {lte: 2}, rearm: {gte: 5}}
    notify:
      - {post: room, template: almost_full}
"""
PICKY = """
  - id: picky
    trigger: {event: enrollment.completed}
    conditions:
      - enrollment.passed: true
      - any:
          - course.tags: {contains: mandatory}
          - event.age: {lt: 2d}
      - none:
          - learner.locale: de-DE
      - enrollment.score: {gte: 80}
    notify:
      - {to: learner, via: email, template: completed}
"""


pytestmark = pytest.mark.usefixtures("folder")


def rules(*texts: str) -> None:
    """A rule file whose channels nobody could use: they need a secret that is not there."""
    head = "version: 1\nchannels: {email: '${SECRET_MAIL}', room: '${SECRET_ROOM}'}\nrules:"
    Path("rules.yaml").write_text(head + "".join(texts))


def attempt(rule: str, *events: object, data: bool = False, source: str = "adobe") -> Result:
    letter = body(*events)  # type: ignore[arg-type]
    known = ["--data", "real/data"] if data else []
    command = ["try", rule, "--event", "-", "--source", source, *known]
    found = CliRunner().invoke(main, command, input=letter)
    assert not list(Path("temporary").iterdir()), "the throw-away folder is thrown away"
    return found


def lines(found: Result) -> list[str]:
    return [line.strip() for line in found.stdout.splitlines()]


@every_form
def test_a_letter_may_be_written_in_any_form_of_bytes(form: Callable[[bytes], bytes]) -> None:
    rules(FREE)
    letter = body(seats(START, 10), seats(START + HOUR, 9))
    found = CliRunner().invoke(main, ["try", "free", "--event", "-"], input=form(letter))
    assert found.exit_code == 0, found.output


def test_a_message_is_shown_as_it_would_leave() -> None:
    rules(FREE)
    found = attempt("free", seats(START, 10), seats(START + HOUR, 9))
    assert found.exit_code == 0
    assert found.stdout == (
        "Rule free\n"
        "  triggered by instance.seats_available from lte 0 to gt 0; rules.yaml:4\n"
        "  at 2026-11-16 10:00:00Z, where nothing else is known (see --data)\n\n"
        "The letter\n"
        "  1  CI_STATS              recorded; it triggers no rule\n"
        "  2  CI_STATS              instance.seats_changed\n\n"
        "Event 2\n"
        "  triggered; it has no conditions\n\n"
        "  post to room, template seat_free\n"
        "    To: room room\n"
        "    Subject: A seat is free\n\n"
        "    A seat is free in course:7.\n"
        "    9 of 10 seats are taken and nobody is waiting.\n\n"
        "Somebody would be told\n"
    )


def test_each_condition_is_shown_with_its_value_also_those_not_asked_for() -> None:
    rules(PICKY)
    found = attempt("picky", completed(START, 77))
    assert found.exit_code == 1
    assert lines(found)[7:16] == [
        "Event 1",
        "triggered",
        "yes  enrollment.passed eq true: got true  line 7",
        "yes  any of these  line 8",
        "no     course.tags contains mandatory: got nothing known  line 9",
        "yes    event.age lt 2d: got 0d  line 10",
        "yes  none of these  line 11",
        "no     learner.locale eq de-DE: got nothing known  line 12",
        "no   enrollment.score gte 80: got nothing known  line 13",
    ]
    assert lines(found)[16:] == ["the conditions do not hold", "", "Nobody would be told"]


def test_who_has_no_address_would_not_be_told() -> None:
    rules(DONE)
    found = attempt("done", completed(START, 77))
    assert found.exit_code == 1
    words = "learner 77: not told; no address is known, and it would wait for one"
    assert words in lines(found)


def test_what_a_data_folder_knows_is_known_and_the_folder_is_left_alone(folder: Path) -> None:
    rules(DONE)
    with Installation(folder / "real", DONE) as real:
        real.import_people([ADA])
    before = state_of(folder / "real")
    found = attempt("done", completed(START, 77), data=True)
    assert found.exit_code == 0
    assert "To: Ada Lovelace <ada@example.org>" in lines(found)
    assert "Hello Ada Lovelace," in lines(found)
    assert state_of(folder / "real") == before


def state_of(folder: Path) -> dict[str, tuple[int, str]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }


@pytest.mark.of_files
def test_a_service_may_be_using_the_folder(folder: Path) -> None:
    rules(DONE)
    with Installation(folder / "real", DONE) as real:
        real.import_people([ADA])
        real.post(completed(START, 78))
        ledger = real.app.ledger
        before = (ledger.end(), real.app.letters.counts(), real.drawer())
        assert (folder / "real/data/ledger.db-wal").stat().st_size
        assert attempt("done", completed(START, 77), data=True).exit_code == 0
        after = (ledger.end(), real.app.letters.counts(), real.drawer())
        assert after == before


def test_a_letter_that_was_taken_already_tells_nobody_again(folder: Path) -> None:
    rules(DONE)
    with Installation(folder / "real", DONE) as real:
        real.import_people([ADA])
        real.post(completed(START, 77))
        real.tick(START)
    found = attempt("done", completed(START, 77), data=True)
    assert found.exit_code == 1
    assert "1  COURSE_COMPLETED      known already" in lines(found)


@pytest.mark.parametrize("mode", ["shadow", "disabled"])
def test_a_rule_that_is_not_live_is_tried_as_if_it_were(mode: str) -> None:
    rules(FREE.replace("id: free", f"id: free\n    mode: {mode}"))
    found = attempt("free", seats(START, 10), seats(START + HOUR, 9))
    assert found.exit_code == 0
    assert f"tried as if live; in the file it is {mode}" in lines(found)


def test_only_the_rule_that_is_tried_says_anything() -> None:
    rules(FREE, FREE.replace("id: free", "id: other"))
    found = attempt("other", seats(START, 10), seats(START + HOUR, 9))
    assert found.stdout.count("Subject: ") == 1


def test_an_event_that_is_another_one_is_told_apart() -> None:
    rules(DONE)
    found = attempt("done", enrolled(START, 77))
    assert found.exit_code == 1
    assert "not triggered: it is not enrollment.completed" in lines(found)


def test_an_edge_that_is_none_is_shown_with_its_values() -> None:
    rules(FREE)
    found = attempt("free", seats(START, 8), seats(START + HOUR, 7))
    assert found.exit_code == 1
    assert "not triggered: instance.seats_available went from 2 to 3" in lines(found)


def test_a_first_report_needs_one_before_it() -> None:
    rules(FREE)
    found = attempt("free", seats(START, 9))
    assert found.exit_code == 1
    assert any(line.startswith("no report of seats differs from") for line in lines(found))


def test_a_rule_that_must_be_armed_anew_says_so() -> None:
    rules(ALMOST)
    reports = [seats(START + n * HOUR, taken) for n, taken in enumerate((3, 8, 7, 9))]
    found = attempt("almost", *reports)
    assert found.exit_code == 0
    why = "instance.seats_available has not been gte 5 since the rule last fired"
    assert f"not triggered: {why}" in lines(found)
    assert found.stdout.count("Subject: ") == 1


def test_what_is_undone_within_the_letter_is_not_told() -> None:
    rules(DONE)
    with Installation(Path("real").absolute(), DONE) as real:
        real.import_people([ADA])
    found = attempt("done", completed(START, 77), revoked(START + 1, 77), data=True)
    assert found.exit_code == 1
    assert "Ada Lovelace: not told; it was not true any more" in lines(found)


def test_messages_that_become_one_are_told_as_one() -> None:
    rules(DONE.replace("    notify", "    collapse: 10m\n    notify"))
    with Installation(Path("real").absolute(), DONE) as real:
        real.import_people([ADA])
    other = completed(START, 77, course="course:9", session="course:9_1")
    found = attempt("done", completed(START, 77), other, data=True)
    assert found.exit_code == 0
    assert found.stdout.count("Subject: ") == 1
    assert "Ada Lovelace: told by the message of another event of this letter" in lines(found)


def test_an_address_nobody_could_write_to_is_said_so() -> None:
    rules(DONE)
    with Installation(Path("real").absolute(), DONE) as real:
        real.import_people([type(ADA)("77", name="Ada", email="a b@example.org")])
    found = attempt("done", completed(START, 77), data=True)
    assert found.exit_code == 1
    assert any(line.startswith("Ada: not told; address: the part before") for line in lines(found))
    assert "a b@" not in found.stdout
