"""What was put off leaves at once when its reader, or the rules, want it sooner; never twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import pytest
from msgspec.structs import replace

from service.rules.readers.choices import Choices, OwnHours, OwnList
from tests.installation import ADA, DAY, DONE, HOUR, START, Installation, completed, enrolled
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink

TODAY = datetime.fromtimestamp(START / 1000, UTC).weekday()
ELSEWHEN = (TODAY + 3) % 7
ADDRESS = ADA.email or ""
AWAY = Choices(back_on="2027-02-01")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = "defaults: {send_window: elsewhen, expires_after: 9d}"
HEAD = f"""{WINDOW}
time_intervals:
  elsewhen: [{{weekdays: [{DAYS[ELSEWHEN]}], from: '08:00', until: '18:00'}}]"""
TWO_RULES = (
    DONE
    + """
  - id: welcome
    trigger: {event: enrollment.enrolled}
    notify:
      - {to: learner, via: email, template: enrolled}
"""
)
LIMITED = "\ndefaults: {{at_most: {{messages: {}, per: day}}}}\n"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def choose(here: Installation, choices: Choices, at: int) -> None:
    here.app.choice_requests.change(ADDRESS, lambda _: choices, at, by="reader")


def standing(here: Installation) -> list[tuple[str, str | None]]:
    here.app.views.catch_up()
    return sorted((each["state"], each["reason"]) for each in here.notifications())


@pytest.mark.parametrize(
    "before",
    [
        AWAY,
        Choices(own_list=OwnList("week", 480, ELSEWHEN)),
        Choices(own_hours=OwnHours((ELSEWHEN,))),
    ],
    ids=["away", "list", "hours"],
)
def test_what_waited_for_a_choice_leaves_as_soon_as_it_is_taken_back(
    tmp_path: Path, sink: SmtpSink, before: Choices
) -> None:
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA])
        choose(here, before, START)
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here)[0][0] == "scheduled"
        choose(here, Choices(), START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("sent", None)] and len(sink.mails) == 1
        here.tick(START + 20 * DAY)
        assert len(sink.mails) == 1
        assert here.history()[-3:] == [
            "notification.deferred", "notification.attempt_started", "notification.attempt_ended",
        ]  # fmt: skip


def test_whoever_comes_back_a_day_earlier_is_told_that_day(tmp_path: Path, sink: SmtpSink) -> None:
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA])
        choose(here, AWAY, START)
        here.post(completed(START, 77))
        here.tick(START)
        late = here.notifications()[0]["due_at"]
        choose(here, Choices(back_on="2027-01-31"), START + HOUR)
        here.tick(START + HOUR)
        assert (here.notifications()[0]["due_at"], standing(here)) == (
            late - DAY,
            [("scheduled", "away")],
        )


def test_own_hours_chosen_for_the_first_time_open_what_a_rule_has_closed(
    tmp_path: Path, sink: SmtpSink
) -> None:
    """Whoever had chosen nothing is found by the one who was to read it."""
    with Installation(tmp_path, DONE, head=HEAD, email=sink.url) as here:
        here.import_people([replace(ADA, email=None), replace(ADA, source="adobe", account="1234")])
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("scheduled", "send_window elsewhen")]
        choose(here, Choices(own_hours=OwnHours(tuple(range(7)))), START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("sent", None)]


def test_a_choice_of_one_reader_moves_nothing_of_another(tmp_path: Path, sink: SmtpSink) -> None:
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA, replace(ADA, lms_id="78", email="grace@example.org")])
        choose(here, AWAY, START)
        here.app.choice_requests.change("grace@example.org", lambda _: AWAY, START, by="reader")
        here.post(completed(START, 77), completed(START + 1, 78))
        here.tick(START + 1)
        choose(here, Choices(), START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("scheduled", "away"), ("sent", None)]


def test_what_is_not_wanted_by_then_leaves_with_no_message(tmp_path: Path, sink: SmtpSink) -> None:
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA])
        choose(here, AWAY, START)
        here.post(completed(START, 77))
        here.tick(START)
        choose(here, Choices(stopped=("done",)), START + HOUR)
        here.tick(START + HOUR)
        here.tick(START + 300 * DAY)
        assert standing(here) == [("suppressed", "stopped")] and not sink.mails


def test_a_choice_made_while_the_service_is_down_counts_as_it_starts(
    tmp_path: Path, sink: SmtpSink
) -> None:
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA])
        choose(here, AWAY, START)
        here.post(completed(START, 77))
        here.tick(START)
        choose(here, Choices(), START + HOUR)
        here.reopen(START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("sent", None)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "defaults: {at_most: {messages: 1, per: day}}",
            "defaults: {at_most: {messages: 2, per: day}}",
        ),
        ("defaults: {at_most: {messages: 1, per: day}}", ""),
    ],
    ids=["raised", "none"],
)
def test_a_limit_that_is_raised_lets_go_what_waits_for_the_next_day(
    tmp_path: Path, sink: SmtpSink, before: str, after: str
) -> None:
    with Installation(tmp_path, TWO_RULES, head=before, email=sink.url) as here:
        here.import_people([ADA])
        here.post(
            completed(START, 77), enrolled(START + 1, 77, course="course:8", session="course:8_1")
        )
        here.tick(START + 1)
        assert standing(here) == [("scheduled", "at_most"), ("sent", None)]
        here.app.reload(START + 2)
        here.tick(START + 2)
        assert standing(here)[0] == ("scheduled", "at_most")
        text = here.app.settings.rules.read_text().replace(before, after)
        here.app.settings.rules.write_text(text)
        here.app.reload(START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("sent", None), ("sent", None)]


def test_what_waits_for_the_morning_does_not_leave_in_the_night_as_the_service_starts(
    tmp_path: Path, sink: SmtpSink
) -> None:
    head = "defaults: {at_most: {messages: 1, per: day}, timezone: UTC}"
    with Installation(tmp_path, TWO_RULES, head=head, email=sink.url) as here:
        here.import_people([replace(ADA, timezone=None)])
        here.post(
            completed(START, 77), enrolled(START + 1, 77, course="course:8", session="course:8_1")
        )
        here.tick(START + 1)
        rows = [each for each in here.notifications() if each["state"] == "scheduled"]
        morning = rows[0]["due_at"]
        here.reopen(morning - 3 * HOUR)
        here.tick(morning - 3 * HOUR)
        assert standing(here) == [("scheduled", "at_most"), ("sent", None)]
        here.tick(morning)
        assert standing(here) == [("sent", None), ("sent", None)]


def test_a_window_that_a_new_file_does_not_have_holds_nothing_back(
    tmp_path: Path, sink: SmtpSink
) -> None:
    with Installation(tmp_path, DONE, head=HEAD, email=sink.url) as here:
        here.import_people([ADA])
        here.post(completed(START, 77))
        here.tick(START)
        assert standing(here) == [("scheduled", "send_window elsewhen")]
        text = here.app.settings.rules.read_text().replace("send_window: elsewhen, ", "")
        here.app.settings.rules.write_text(text)
        here.app.reload(START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("sent", None)]


def test_all_that_was_put_off_is_looked_at_however_much_it_is(
    tmp_path: Path, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.sending.second_look.AT_A_TIME", 2)
    with Installation(tmp_path, DONE, email=sink.url) as here:
        here.import_people([ADA])
        choose(here, AWAY, START)
        many = [f"course:{n}" for n in range(5)]
        here.post(*(completed(START, 77, course=each, session=f"{each}_1") for each in many))
        here.tick(START)
        assert len(standing(here)) == 5
        choose(here, Choices(), START + HOUR)
        here.tick(START + HOUR)
        assert standing(here) == [("sent", None)] * 5


def test_a_running_service_lets_go_what_a_limit_held_when_the_file_allows_more(
    tmp_path: Path,
) -> None:
    with RealService(tmp_path, TWO_RULES + LIMITED.format(1)) as service:
        service.import_people("id,email\n77,ada@example.org\n", "--source", "adobe")
        now = int(time() * 1000)
        service.post(
            completed(now, 77), enrolled(now + 1, 77, course="course:8", session="course:8_1")
        )

        def stand(*wanted: str) -> Callable[[list[Any]], bool]:
            return lambda found: sorted(n["state"] for n in found) == list(wanted)

        service.notifications(stand("scheduled", "sent"), "one is too many")
        service.write_rules(TWO_RULES + LIMITED.format(2))
        service.notifications(stand("sent", "sent"), "both have left")
