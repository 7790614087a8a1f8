"""The storm guard: beyond a limit, old news and the clock must wait for a person."""

from click.testing import CliRunner

from service.cli import main
from tests.installation import (
    ADA,
    DAY,
    DONE,
    GRACE,
    HOUR,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    revoked,
)

LIMIT = {"COURSEBELL_STORM_LIMIT": "2"}
OLD = START - 2 * DAY


def run(desk: Installation, *words: str) -> str:
    told = CliRunner().invoke(main, [*words, "--data", str(desk.folder / "data")], env=desk.environ)
    return told.output


def reasons(desk: Installation) -> list[tuple[str, str | None]]:
    return sorted((row["state"], row["reason"]) for row in desk.notifications())


def old_news(desk: Installation, count: int, at: int = START) -> None:
    desk.import_people([ADA, GRACE])
    courses = [{"course": f"course:{n}", "session": f"course:{n}_1"} for n in range(count)]
    desk.post(*(completed(OLD + n, 77, **c) for n, c in enumerate(courses)), at=at)
    desk.tick(at)


def test_old_news_beyond_the_limit_is_held_and_the_rest_is_told(tmp_path):
    with Installation(tmp_path, DONE, **LIMIT) as desk:
        old_news(desk, 5)
        assert reasons(desk) == [("held", "storm")] * 3 + [("sent", None)] * 2
        desk.tick(START + 9 * DAY)
        assert desk.states().count("held") == 3, "what is held does not age"


def test_what_comes_in_time_is_never_held(tmp_path):
    with Installation(tmp_path, DONE, **LIMIT) as desk:
        desk.import_people([ADA])
        courses = [{"course": f"course:{n}", "session": f"course:{n}_1"} for n in range(5)]
        desk.post(*(completed(START - DAY + n, 77, **c) for n, c in enumerate(courses)), at=START)
        desk.tick(START)
        assert desk.states() == ["sent"] * 5


def test_the_clock_counts_and_each_hour_begins_anew(tmp_path):
    with Installation(tmp_path, STILL, **LIMIT) as desk:
        desk.import_people([ADA])
        courses = [{"course": f"course:{n}", "session": f"course:{n}_1"} for n in range(6)]
        for n, course in enumerate(courses):
            desk.post(enrolled(START + n * 20 * 60_000, 77, **course))
        desk.tick(START + 2 * HOUR)
        for step in range(12):
            desk.tick(START + 7 * DAY + (15 + step * 20) * 60_000)
        assert desk.states() == ["sent", "sent", "held", "sent", "sent", "held"]


def test_a_restart_goes_on_counting(tmp_path):
    with Installation(tmp_path, DONE, **LIMIT) as desk:
        old_news(desk, 2)
        desk.reopen(START)
        desk.post(completed(OLD, 77, course="course:9", session="course:9_1"), at=START + 1)
        desk.tick(START + 1)
        assert reasons(desk) == [("held", "storm"), ("sent", None), ("sent", None)]


def test_a_person_lets_go_of_what_is_held_and_it_is_tested_again(tmp_path):
    with Installation(tmp_path, DONE, **LIMIT) as desk:
        old_news(desk, 5)
        held = [row for row in desk.notifications() if row["state"] == "held"]
        desk.post(
            revoked(START, 77, course=held[0]["course"], session=held[0]["instance"]),
        )
        desk.tick(START + 1)

        assert "3 of 3 notifications let go" in run(
            desk, "notifications", "release", "--rule", "done"
        )
        # The command wrote at the time of the wall clock, which the next tick follows.
        released = max(row["due_at"] for row in desk.notifications())
        desk.tick(released)

        assert reasons(desk) == [("cancelled", "no_longer_true")] + [("sent", None)] * 4


def test_only_what_is_held_can_be_let_go(tmp_path):
    with Installation(tmp_path, DONE, **LIMIT) as desk:
        old_news(desk, 1)
        (row,) = desk.notifications()
        told = run(desk, "notifications", "release", row["id"], "n-nothing")
        assert "0 of 2 notifications let go" in told
        assert told.count("it is not held") == 2
        assert "expected ids, or --rule, or --all" in run(desk, "notifications", "release")


def test_in_shadow_nothing_is_held(tmp_path):
    with Installation(tmp_path, DONE.replace("trigger", "mode: shadow\n    trigger"), **LIMIT) as d:
        old_news(d, 5)
        assert d.states() == ["shadow"] * 5


def test_a_backlog_of_one_transaction_counts_with_one_event(tmp_path):
    with Installation(tmp_path, DONE, COURSEBELL_STORM_LIMIT="50") as desk:
        old_news(desk, 120)
        assert desk.states().count("held") == 70
        topics = [row[3] for row in desk.app.ledger.log(0, 10_000)]
        assert topics.count("storm.counted") == 1
