"""Report and API together in the real service, and the same report fetched by hand."""

import json
import signal
from contextlib import closing

import pytest
from msgspec.structs import replace

from service.incoming.adobe_api.report_state import KeptReports, ReportState
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.running import wall_clock
from tests.adobe_api import AdobeApi, user
from tests.adobe_jobs import TRAININGS, USERS, trainings_report, users_report
from tests.forks import Forked
from tests.incoming.adobe_api.test_reports import ADA, BOSS, DRIVING
from tests.installation import completed
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
"""


@pytest.fixture
def api():
    with AdobeApi() as api:
        api.jobs.contents = {USERS: users_report(ADA, BOSS), TRAININGS: trainings_report(DRIVING)}
        api.know(user(77, "Ada Wrong"), user(88, "Grace Hopper"))
        yield api


@pytest.fixture
def service(tmp_path, api):
    service = RealService(tmp_path, RULES, TZ="UTC", **api.environ)
    service.data.mkdir()
    yield service
    service.kill()


def begin_jobs(service, api):
    """Jobs that were begun before, and are looked at next at once."""
    with closing(SqliteStore(service.data / "ledger.db")) as ledger:
        kept = KeptReports(ledger)
        for name, kind in (("users", USERS), ("trainings", TRAININGS)):
            api.jobs.started.append((kind, {}))
            begun = ReportState().begun(str(len(api.jobs.started)), "1234", wall_clock())
            with kept.held(name, wall_clock) as held:
                held.keep(replace(begun, next_at=0))


def state(service):
    with closing(SqliteStore(service.data / "ledger.db")) as ledger:
        return KeptReports(ledger).read("users")


def test_the_report_comes_by_itself_and_the_api_is_asked_for_who_is_not_in_it(service, api):
    begin_jobs(service, api)
    service.environ["COURSEBELL_ADOBE_API_REPORT_AT"] = "03:30"
    with SmtpSink() as sink:
        service.environ["COURSEBELL_EMAIL_URL"] = sink.url
        service.start()
        is_in = 'coursebell_adobe_report_imported_timestamp_seconds{report="trainings"}'
        until(lambda: service.numbers().get(is_in), "both are in")
        service.post(completed(wall_clock(), 77), completed(wall_clock(), 88))
        mails = {mail.recipients[0]: mail.parsed for mail in sink.wait_for(2)}
    assert set(mails) == {"ada@example.org", "grace@example.org"}
    assert mails["ada@example.org"]["Subject"] == "Completed: Safe driving"
    assert [each["ids"] for each in api.queries("users")] == ["88"]
    assert "adobe.report report=users rows=2" in service.logged()
    numbers = service.numbers()
    imported = numbers['coursebell_adobe_report_imported_timestamp_seconds{report="users"}']
    assert abs(imported - wall_clock() / 1000) < 60
    assert "report users" in service.command("people", "status").stdout
    found = json.loads(service.command("people", "status", "--json").stdout)
    assert found["adobe_reports"]["users"]["rows"] == 2


def test_a_report_by_hand_ends_as_an_import_does(service, api):
    begin_jobs(service, api)
    done = service.command("people", "fetch", "--report")
    assert (done.returncode, done.stdout) == (0, "2 people: 2 new, 0 changed, 0 unchanged\n")
    done = service.command("courses", "fetch", "--report", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["file"] == "generateTrainingReport.csv"

    begin_jobs(service, api)
    api.jobs.contents[USERS] = users_report(ADA, ",lost@example.org,Lost,,ACTIVE,,,{}")
    done = service.command("people", "fetch", "--report")
    assert done.returncode == 1 and "1 row not usable" in done.stdout
    assert "generateUsers.csv:3: internalUserID" in done.stderr

    begin_jobs(service, api)
    api.jobs.ends_as = "Failed"
    done = service.command("people", "fetch", "--report")
    assert done.returncode == 2 and "the job has failed" in done.stderr
    assert "the job has failed" in service.command("people", "status").stdout


def test_ctrl_c_leaves_the_job_for_the_next_call(service, api):
    begin_jobs(service, api)
    api.jobs.looks_until_done = 1
    words = ("people", "fetch", "--report")
    with (service.folder / "errors").open("wb") as errors:
        asking = Forked(words, service.folder, service.environ, stderr=errors)
        until(lambda: api.jobs.looks and state(service).looks, "the job was looked at")
        asking.send_signal(signal.SIGINT)
        assert asking.wait() == 2
        asking.stdout.close()
    assert "goes on with the job" in (service.folder / "errors").read_text()
    done = service.command(*words)
    assert (done.returncode, len(api.jobs.started)) == (0, 2)


def test_what_is_asked_for_by_hand_is_said_in_one_way(service, api, tmp_path):
    begin_jobs(service, api)
    assert service.command("people", "fetch").returncode == 2
    assert service.command("people", "fetch", "77", "--report").returncode == 2
    without = RealService(tmp_path, RULES)
    done = without.command("courses", "fetch", "--report")
    assert done.returncode == 2 and "COURSEBELL_ADOBE_API_CLIENT_ID" in done.stderr
