"""A report is held by one process at a time, on either engine."""

from service.incoming.adobe_api.report_state import HOLD_MS, KeptReports
from tests.installation import HOUR, START


def test_one_holds_a_report_and_its_state_is_there_for_the_next(opened):
    reports, others = KeptReports(opened()), KeptReports(opened())
    assert (reports.read("users").job, reports.all()) == (None, {})
    with reports.held("users", lambda: START) as held:
        held.keep(held.state.begun("job-1", "1234", START))
        with others.held("users", lambda: START + 1) as other:
            assert other is None
        with others.held("trainings", lambda: START + 1) as other:
            assert other is not None
        held.renew()
    with others.held("users", lambda: START + 2) as other:
        assert other.state.job == "job-1"
    assert set(others.all()) == {"users"}


def test_what_a_dead_process_holds_is_free_after_a_while_and_it_writes_over_nobody(opened):
    now = [START]
    reports = KeptReports(opened())
    with reports.held("users", lambda: now[0]) as dead:
        now[0] += HOLD_MS + 1
        with reports.held("users", lambda: now[0]) as heir:
            heir.keep(heir.state.begun("job-2", "1234", now[0]))
            dead.keep(dead.state.begun("job-1", "1234", START))
            assert reports.read("users").job == "job-2"


def test_a_clock_that_was_ahead_holds_nothing_for_ever(opened):
    reports = KeptReports(opened())
    with reports.held("users", lambda: START + 99 * HOUR) as ahead:
        assert ahead is not None
        with reports.held("users", lambda: START) as held:
            assert held is not None
