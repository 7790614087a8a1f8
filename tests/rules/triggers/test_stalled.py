"""The clock: every silence is asked about, once, and a backlog does not look like one."""

from service.rules.scheduler import CLOCK_STREAM, TimeAsked
from tests.installation import (
    ADA,
    DAY,
    GRACE,
    HOUR,
    MINUTE,
    START,
    STILL,
    Installation,
    completed,
    enrolled,
    progressed,
)

WEEK = 7 * DAY
LATENESS = 15 * MINUTE


def asked(office: Installation) -> TimeAsked:
    """The newest ask in the ledger."""
    latest = office.app.writer.lookup.latest(CLOCK_STREAM)
    assert latest is not None
    assert isinstance(latest[1], TimeAsked)
    return latest[1]


def test_a_learner_silent_for_a_week_is_reminded_once(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.tick(START)

        office.tick(START + WEEK)
        assert office.states() == []

        for days in (0, 1, 2, 30):
            office.tick(START + WEEK + LATENESS + days * DAY)

        assert office.states() == ["sent"]


def test_progress_begins_a_new_silence_and_a_new_reminder(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.tick(START + WEEK + LATENESS)
        office.post(progressed(START + 9 * DAY, 77, 20))
        office.tick(START + 9 * DAY)

        office.tick(START + 9 * DAY + WEEK + LATENESS)

        assert office.states() == ["sent", "sent"]


def test_silences_already_due_when_the_rule_goes_live_are_left_alone(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START - 30 * DAY, 77))

        office.tick(START)
        office.tick(START + 30 * DAY)

        assert office.states() == []


def test_on_activate_current_writes_to_those_already_silent(tmp_path):
    current = STILL.replace("notify", "on_activate: current\n    notify")
    with Installation(tmp_path, current) as office:
        office.import_people([ADA])
        office.post(enrolled(START - 30 * DAY, 77))

        office.tick(START)

        assert office.states() == ["sent"]


def test_a_waiting_letter_holds_the_clock_back(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.tick(START)
        late = START + WEEK + LATENESS
        office.post(progressed(START + 6 * DAY, 77, 50), at=late)

        assert office.app.ask_some(late) is False
        office.tick(late)

        assert office.states() == []


def test_a_late_fact_behind_the_mark_is_asked_about_in_the_next_ask(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        far = START + 20 * DAY
        office.post(enrolled(far, 78))
        office.tick(far)
        office.tick(far + DAY)

        office.post(enrolled(START + DAY, 77), at=far + DAY)
        office.tick(far + DAY)

        assert [row["course"] for row in office.notifications()] == ["course:7"]


def test_what_moved_before_a_crash_is_asked_about_after_it(tmp_path):
    """Stopped after the letter was taken and before the ask, nobody is forgotten."""
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        far = START + 20 * DAY
        office.tick(far)
        office.post(enrolled(START + DAY, 77), at=far)
        office.app.take(far)
        office.app.views.catch_up()

        office.reopen(far + MINUTE)
        office.tick(far + MINUTE)

        assert office.states() == ["sent"]


def test_older_news_about_a_reminded_silence_does_not_remind_again(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(progressed(START, 77, 20))
        office.tick(START + WEEK + LATENESS)
        assert office.states() == ["sent"]

        office.post(enrolled(START - 3 * DAY, 77), at=START + 8 * DAY)
        office.tick(START + 8 * DAY)
        office.tick(START + 9 * DAY)

        assert office.states() == ["sent"]


def test_restarts_between_the_asks_change_nothing(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA, GRACE])
        office.post(enrolled(START, 77))
        office.post(enrolled(START + HOUR, 78))
        for hours in range(0, 24 * 9, 7):
            office.reopen(START + hours * HOUR)
            office.tick(START + hours * HOUR)

        assert office.states() == ["sent", "sent"]


def test_a_longer_silence_in_the_rule_lowers_the_mark_and_nobody_is_missed(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.tick(START + 6 * DAY)
        office.write_rules(STILL.replace("7d", "10d"))
        office.app.reload(START + 6 * DAY)
        office.tick(START + 6 * DAY)
        office.tick(START + 9 * DAY)
        assert office.states() == []

        office.tick(START + 10 * DAY + LATENESS)

        assert office.states() == ["sent"]


def test_a_clock_that_was_ahead_and_is_mended_misses_nobody(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.tick(START + 60 * DAY)
        office.post(enrolled(START, 77))
        office.tick(START)

        office.tick(START + WEEK + LATENESS)

        assert office.states() == ["sent"]


def test_an_empty_ask_is_recorded_at_most_every_five_minutes(tmp_path):
    with Installation(tmp_path, STILL) as office:
        before = office.app.ledger.end()
        for second in range(0, 600, 5):
            office.tick(START + second * 1000)

        assert office.app.ledger.end() - before == 1
        assert asked(office).at == START + 5 * MINUTE


def test_many_silences_of_one_moment_are_all_told(tmp_path):
    """More than one transaction takes, all begun in the same millisecond."""
    with Installation(tmp_path, STILL) as office:
        office.post(*(enrolled(START, user) for user in range(1, 2_501)))
        office.post(*(enrolled(START + 1, user) for user in range(3_001, 3_501)))
        office.tick(START)

        office.tick(START + WEEK + LATENESS + 1)

        assert len(office.notifications()) == 3_000


def test_someone_who_finished_in_time_is_not_reminded(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.post(completed(START + 6 * DAY, 77))
        office.tick(START + 6 * DAY)

        office.tick(START + WEEK + LATENESS)

        assert office.states() == []
