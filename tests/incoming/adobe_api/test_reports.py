"""Reports: a job is begun once a day, waited for, and its file is imported; what fails is tried
again. The clock is ours."""

from datetime import UTC, datetime

import pytest

from service.app.adobe_directory import has_public_address
from service.incoming.adobe_api.client import BudgetSpent
from service.incoming.adobe_api.report_download import ReportDownload
from service.incoming.adobe_api.report_state import JOB_MS
from service.incoming.adobe_api.reports import AdobeReports, ReportFailed, job_in
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.adobe_api import user
from tests.adobe_jobs import TRAININGS, USERS, trainings_report, users_report
from tests.incoming.adobe_api.conftest import Asking
from tests.installation import DAY, HOUR, MINUTE, START

NIGHT = 3 * HOUR + 30 * MINUTE
TONIGHT = START - START % DAY + DAY + NIGHT
ADA = "77,ada@example.org,Ada Lovelace,boss@example.org,ACTIVE,Europe/London,EMEA,{}"
BOSS = "5,boss@example.org,Boss Byron,,ACTIVE,Europe/London,EMEA,{}"
DRIVING = "Default,7,u7,Course,Safe driving,Department,safety"


def nothing():
    """What is called on the way."""


class Fetching(Asking):
    """One process that fetches reports."""

    def open(self):
        super().open()
        download = ReportDownload(self.api.url, has_public_address)
        self.reports = AdobeReports(self.client, download, clock=lambda: self.now, told=self._note)

    @property
    def jobs(self):
        return self.api.jobs

    def state(self, name="users"):
        return self.reports.kept.read(name)

    def rest(self):
        """In ms, as soon as the API may be asked."""
        return round(self.reports.rest_seconds(NIGHT) * 1000)

    def until(self, end):
        """All steps that are due until a moment, each at its time."""
        while (due := self.now + self.rest()) <= end:
            self.now = due
            self.reports.step_due(NIGHT, nothing)
        self.now = end

    def fetch(self, name="users", most=100):
        """Steps as by hand until it is in."""
        for _ in range(most):
            result = self.reports.step(name)
            if result is not None:
                return result
            self.now = max(self.now, self.state(name).next_at)
        raise AssertionError(f"not in after {most} steps")


@pytest.fixture
def fetching(tmp_path, api):
    api.jobs.contents = {USERS: users_report(ADA, BOSS), TRAININGS: trainings_report(DRIVING)}
    fetching = Fetching(lambda: SqliteStore(tmp_path / "ledger.db"), api)
    yield fetching
    fetching.ledger.close()


def test_both_reports_come_at_their_hour_once_a_day(fetching, api):
    fetching.until(START + MINUTE)
    assert [kind for kind, _ in api.jobs.started] == [USERS, TRAININGS]
    assert api.jobs.started[0][1] == {"expandMetadata": True}
    ada = fetching.person(77)
    assert (ada.name, ada.email, ada.manager) == (
        "Ada Lovelace", "ada@example.org", "boss@example.org"
    )  # fmt: skip
    assert ada.fields == {"AF_Region": "EMEA", "state": "ACTIVE"}
    driving = fetching.course("course:7")
    assert (driving.title, driving.tags) == ("Safe driving", ("Department", "safety"))
    assert (fetching.state().rows, fetching.state("trainings").rows) == (2, 1)

    fetching.until(TONIGHT - 1)
    assert len(api.jobs.started) == 2, "not before its hour"
    api.jobs.contents[USERS] = users_report(ADA.replace("Lovelace", "Byron"))
    fetching.until(TONIGHT + MINUTE)
    assert len(api.jobs.started) == 4
    assert fetching.person(77).name == "Ada Byron"
    fetching.until(TONIGHT + DAY - 1)
    assert len(api.jobs.started) == 4


def test_the_api_is_asked_for_those_only_whom_the_report_does_not_have(fetching, api):
    api.know(user(88, "Grace Hopper"))
    fetching.meet(77, 88)
    fetching.courses_named += ["course:7"]
    fetching.until(START + MINUTE)
    fetching.steps()
    assert [each["ids"] for each in api.queries("users")] == ["88"]
    assert fetching.person(88).name == "Grace Hopper"
    assert fetching.person(77).name == "Ada Lovelace"


def test_who_slept_over_the_hour_fetches_on_waking_and_a_restart_fetches_nothing(fetching, api):
    fetching.until(START + MINUTE)
    fetching.restarted()
    fetching.until(START + HOUR)
    assert len(api.jobs.started) == 2

    fetching.now = TONIGHT + 5 * HOUR
    fetching.restarted()
    assert fetching.rest() == 0
    fetching.until(fetching.now + MINUTE)
    assert len(api.jobs.started) == 4


def test_a_job_under_way_is_gone_on_with_after_a_restart(fetching, api):
    api.jobs.looks_until_done = 3
    fetching.until(START + 8_000)
    assert len(api.jobs.started) == 2 and fetching.state().job == "1"
    fetching.restarted()
    fetching.until(START + 10 * MINUTE)
    assert len(api.jobs.started) == 2 and fetching.state().rows == 2
    assert fetching.state().job is None


def test_looks_grow_apart_and_a_job_that_never_ends_is_given_up(fetching, api, caplog):
    api.jobs.looks_until_done = 10_000
    fetching.until(START + HOUR)
    first = len(api.jobs.looks)
    fetching.until(START + 2 * HOUR)
    assert first < 2 * 20 and len(api.jobs.looks) - first <= 2 * 12, "few of the 500 requests"
    fetching.until(START + JOB_MS + HOUR)
    assert fetching.state().failures == 1 and "not done" in fetching.state().error
    assert [kind for kind, _ in api.jobs.started].count(USERS) == 2
    assert "adobe.report_failed" in [record.event for record in caplog.records]
    api.jobs.looks_until_done = 0
    fetching.until(START + 8 * HOUR)
    assert fetching.state().rows == 2 and fetching.state().error is None


def test_a_failed_job_is_begun_anew_later_and_later(fetching, api):
    api.jobs.ends_as = "Failed"
    fetching.until(START + DAY)
    begun = [kind for kind, _ in api.jobs.started].count(USERS)
    assert begun == fetching.state().failures and 8 <= begun <= 12
    assert fetching.state().next_at - START > DAY
    api.jobs.ends_as = "Completed"
    fetching.until(START + DAY + 7 * HOUR)
    assert fetching.state().rows == 2 and fetching.state().failures == 0


def test_an_address_that_has_expired_costs_the_job(fetching, api):
    api.jobs.expired = {"1"}
    with pytest.raises(ReportFailed, match="got 403; its address may have expired"):
        fetching.fetch()
    assert fetching.state().job is None
    fetching.now = fetching.state().next_at
    assert fetching.fetch().added == 2
    assert len(api.jobs.started) == 2


def test_a_type_that_is_not_known_is_told(fetching, api):
    del api.jobs.contents[USERS]
    with pytest.raises(ReportFailed, match="jobs: 400; Adobe does not take this job"):
        fetching.reports.step("users")
    assert fetching.state().failures == 1
    assert fetching.fetch("trainings").added == 1, "and costs only itself"


def test_what_the_api_cannot_answer_now_is_asked_again_of_the_same_job(fetching, api):
    fetching.reports.step("users")
    api.spoil = lambda path: (503, {}, {}) if "jobs" in path else None
    with pytest.raises(ReportFailed, match="answered 503"):
        fetching.reports.step("users")
    assert fetching.state().job == "1"
    assert fetching.reports.rest_seconds(NIGHT) > 0
    api.spoil = lambda path: None
    assert fetching.reports.step("users").added == 2
    assert len(api.jobs.started) == 1


def test_a_token_without_the_right_to_write_is_told_which_it_lacks(fetching, api):
    api.spoil = lambda path: (403, {}, {}) if path.endswith("jobs") else None
    with pytest.raises(ReportFailed, match="admin:write"):
        fetching.reports.step("users")


def test_newer_documents_are_read_too(fetching, api):
    api.jobs.is_newer, api.jobs.looks_until_done = True, 2
    assert fetching.fetch().added == 2
    assert api.jobs.looks == ["1", "1", "1"]
    assert job_in({"data": {"attributes": {"status": "SOMETHING_NEW"}}}).stage == "running"
    assert job_in({"data": {"attributes": {"status": {"code": "Failed"}}}}).stage == "failed"
    assert job_in({"data": [7]}).stage == "running"


def test_an_address_comes_through_whole_however_long_its_signature_is(fetching, api):
    signature = f"X-Amz-Security-Token={'k' * 3_000}"
    api.jobs.address = f"{api.url}/elsewhere/{USERS}/1.csv?{signature}&X-Amz-Signature=s"
    assert fetching.fetch().added == 2
    assert api.jobs.downloads == [f"1.csv?{signature}&X-Amz-Signature=s"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (users_report(), "got none that can be used"),
        (b"PK\x03\x04workbook", "an Excel workbook"),
        (b"<html>busy</html>\n<p>\n", "expected a column id or internalUserID"),
        (b"", "no header"),
    ],
)
def test_what_is_no_report_is_not_taken_for_one(fetching, api, content, words):
    api.jobs.contents[USERS] = content
    with pytest.raises(ReportFailed, match=words):
        fetching.fetch()
    assert fetching.state().imported_at is None and fetching.state().job is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://reports.example.org/1.csv", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://[::1/x", "https://"),
        ("https://127.0.0.1/1.csv", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
        ("https://localhost/1.csv", "private network"),
    ],
)
def test_a_report_is_fetched_from_nowhere_else(fetching, api, address, words):
    api.jobs.address = address
    with pytest.raises(ReportFailed, match=words) as caught:
        fetching.fetch()
    assert "passwd" not in str(caught.value) and "meta-data" not in str(caught.value)


def test_the_budget_is_asked_for_each_request_and_waited_for(fetching, api):
    while fetching.client.budget.use(fetching.now).left > 3:
        fetching.client.budget.claim(fetching.now)
    fetching.reports.step("users")
    with pytest.raises(BudgetSpent):
        for _ in range(3):
            fetching.reports.step("users")
            fetching.state().job or fetching.reports.step("trainings")
    assert fetching.state("trainings").failures == fetching.state().failures == 0
    fetching.until(START + 2 * HOUR)
    assert fetching.state().rows == 2 and fetching.state("trainings").rows == 1


def test_two_processes_begin_one_job_and_import_once(fetching, api):
    other = Fetching(fetching.opened, api)
    seen = []
    api.jobs.meanwhile = lambda: seen.append(other.reports.step("users"))
    fetching.reports.step("users")
    assert other.state().job == "1"
    assert fetching.reports.step("users").added == 2
    assert seen == [None] and len(api.jobs.downloads) == 1
    assert other.rest() == 0 or other.state().imported_at
    other.ledger.close()


def test_one_that_died_with_a_report_in_hand_keeps_others_from_it_for_minutes(fetching, api):
    fetching.reports.step("users")
    with fetching.ledger.transaction() as cursor:
        cursor.execute("UPDATE adobe_reports SET held_until = ?", (fetching.now + 4 * MINUTE,))
    assert fetching.reports.step("users") is None and api.jobs.looks == []
    fetching.now += 4 * MINUTE
    assert fetching.reports.step("users").added == 2


def test_one_that_slept_with_a_report_in_hand_writes_over_nobody(fetching, api):
    other = Fetching(fetching.opened, api, fetching.now + HOUR)

    def sleep():
        if other.state().imported_at is None:
            other.reports.step("users")

    fetching.reports.step("users")
    fetching.reports.step("users", sleep)
    assert other.state().imported_at == other.now
    other.ledger.close()


def test_what_is_stopped_on_the_way_is_free_at_once_and_goes_on(fetching, api):
    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    fetching.reports.step("users")
    with pytest.raises(Stopped):
        fetching.reports.step("users", stop)
    assert fetching.state().job == "1" and fetching.state().failures == 0
    assert fetching.reports.step("users").added == 2
    assert len(api.jobs.started) == 1


def test_a_job_of_another_account_is_not_ours(fetching, api):
    fetching.reports.step("users")
    api.account = 99
    api.forget_tokens()
    fetching.restarted()
    fetching.reports.step("users")
    assert fetching.state().account == "99" and len(api.jobs.started) == 2


def test_a_clock_that_was_ahead_puts_nothing_off(fetching, api):
    fetching.now = START + 300 * DAY
    fetching.until(fetching.now + MINUTE)
    fetching.now = START
    fetching.until(START + MINUTE)
    assert len(api.jobs.started) == 4
    assert datetime.fromtimestamp(fetching.state().as_of / 1000, UTC).year == 2026
