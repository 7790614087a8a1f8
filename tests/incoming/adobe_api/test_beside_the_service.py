"""How Adobe's API does is seen: readiness, metrics, status, and commands beside the service."""

import json
import threading

import pytest

from service.cli.output.greeting import greet
from service.running import wall_clock
from tests.adobe_api import AdobeApi, instance, learning_object, user
from tests.installation import DONE, Installation, completed
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

ADA = "id,name,email\n78,Grace Hopper,grace@example.org\n"


@pytest.fixture
def api():
    with AdobeApi() as api:
        api.know(
            user(77, "Ada Lovelace", manager=5),
            user(5, "Boss Byron"),
            learning_object(
                "course:7", "Safe driving",
                instance("course:7_1", state="Active", completionDeadline="2026-12-24T12:00:00Z"),
            ),
        )  # fmt: skip
        yield api


@pytest.fixture
def service(tmp_path, api):
    with RealService(tmp_path, DONE, TZ="UTC", **api.environ) as service:
        yield service


def test_metrics_and_status_say_what_was_asked_and_what_is_left(service, api):
    service.post(completed(wall_clock(), 77), completed(wall_clock(), 99))
    until(lambda: len(api.queries("users")) and api.queries("learningObjects"), "both are asked")
    until(
        lambda: service.numbers().get('coursebell_adobe_api_ids{known="yes",what="user"}') == 2,
        "two are known",
    )
    service.notifications(
        lambda found: {n["state"] for n in found} == {"sent", "waiting_address"}, "one is sent"
    )

    numbers = service.numbers()
    assert numbers['coursebell_adobe_api_ids{known="no",what="user"}'] == 1
    assert numbers['coursebell_adobe_api_ids{known="yes",what="learning_object"}'] == 1
    assert numbers["coursebell_adobe_api_budget_left"] == 500 - len(api.asked)
    answered_so_far = numbers['coursebell_adobe_api_requests_total{outcome="answered"}']
    assert answered_so_far == len(api.asked)
    assert numbers["coursebell_waiting_address_oldest_seconds"] > 0

    found = json.loads(service.command("people", "status", "--json").stdout)
    (account,) = found["items"]
    assert (account["source"], account["account"]) == ("adobe", "1234")
    assert (account["api"], account["unknown"], account["waiting"]) == (2, 1, 1)
    assert found["adobe_api"]["budget"]["used"] == len(api.asked)
    assert found["adobe_api"]["state"]["account"] == "1234"
    shown = service.command("people", "status").stdout
    assert f"{len(api.asked)} of 500 requests of this hour used" in shown
    assert "2 found, 1 unknown to it" in shown
    assert "last answer" in service.command("status").stdout

    shown = service.command("courses", "show", "course:7")
    assert "Safe driving" in shown.stdout and "2026-12-24" in shown.stdout
    (course,) = json.loads(service.command("courses", "show", "course:7", "--json").stdout)["items"]
    assert course["instances"][0]["completion_deadline"] == 1_798_113_600_000


def test_a_refused_token_is_a_warning_and_letters_are_taken_and_mails_sent(tmp_path, api):
    api.refresh_token = "another"
    with (
        SmtpSink() as sink,
        RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url, **api.environ) as service,
    ):
        service.import_people(ADA)
        until(lambda: service.check("adobe-api"), "the trouble is seen")
        service.post(completed(wall_clock(), 78), completed(wall_clock(), 77))

        assert sink.wait_for(1)[0].recipients == ("grace@example.org",)
        ready = service.call("GET", "/readyz")
        assert ready.status == 200 and ready.json["ready"]
        assert service.check("adobe-api")["state"] == "warning"
        assert "get another refresh token" in service.check("adobe-api")["detail"]
        until(
            lambda: "refresh token is refused" in service.command("status").stdout,
            "status says what to look at",
        )
        checked = service.command("check", "--online")
        assert checked.returncode == 1 and "refresh token is refused" in checked.stdout
        assert "hidden-1" not in service.logged() and "refresh-1" not in service.logged()
        assert "part.trouble part=adobe-api" in service.logged()


def test_an_api_that_does_not_answer_holds_up_nothing(tmp_path, api):
    over = threading.Event()
    api.spoil = lambda path: over.wait(30) and None
    with (
        SmtpSink() as sink,
        RealService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url, **api.environ) as service,
    ):
        service.import_people(ADA)
        (service.folder / "courses.csv").write_text("id,title\ncourse:7,Safe driving\n")
        assert service.command("courses", "import", "courses.csv").returncode == 0
        service.post(completed(wall_clock(), 77))
        service.post(completed(wall_clock(), 78))

        assert sink.wait_for(1)[0].recipients == ("grace@example.org",)
        over.set()


def test_a_restart_asks_nobody_again(service, api):
    service.post(completed(wall_clock(), 77))
    service.notifications(lambda found: [n["state"] for n in found] == ["sent"], "it is sent")
    service.stop()
    asked = [path for _, path in api.asked if "/oauth/" not in path]

    service.start()
    service.post(completed(wall_clock(), 77, course="course:8", session="course:8_1"))
    until(lambda: len(api.queries("learningObjects")) == 2, "the new course is asked for")

    later = [path for _, path in api.asked if "/oauth/" not in path]
    assert len(later) == len(asked) + 1 and len(api.queries("users")) == 1


def test_one_is_fetched_by_hand(service, api):
    answered_once = service.command("check", "--online")
    assert answered_once.returncode == 0, answered_once.stdout + answered_once.stderr
    assert "adobe-api: it answers\n" in answered_once.stdout

    done = service.command("people", "fetch", "77", "--json")
    assert done.returncode == 0, done.stderr
    ada, boss = json.loads(done.stdout)["items"]
    assert (ada["name"], ada["manager"], boss["email"]) == ("Ada Lovelace", "5", "boss@example.org")
    assert "ada@example.org" in service.command("people", "show", "77").stdout
    assert "\n\nlms_id" in service.command("people", "fetch", "77").stdout

    unknown = service.command("people", "fetch", "99")
    assert unknown.returncode == 1 and "knows no user by this id" in unknown.stderr
    assert service.command("people", "fetch", "odd id").returncode == 1

    api.spoil = lambda path: (503, {}, {})
    failing = service.command("people", "fetch", "77")
    assert failing.returncode == 2 and "503" in failing.stderr


def test_without_settings_there_is_nothing_to_ask(tmp_path):
    with RealService(tmp_path, DONE) as service:
        done = service.command("people", "fetch", "77")
        assert done.returncode == 2 and "COURSEBELL_ADOBE_API_CLIENT_ID" in done.stderr
        assert json.loads(service.command("people", "status", "--json").stdout) == {
            "items": [], "adobe_api": None, "adobe_reports": {},
        }  # fmt: skip
        checked = service.command("check", "--online")
        assert checked.returncode == 0 and "adobe-api: not asked" in checked.stdout
        assert "coursebell_adobe_api_budget_left" not in service.numbers()


def test_the_first_lines_say_that_it_is_asked(tmp_path, api, capsys):
    with Installation(tmp_path, DONE, **api.environ) as office:
        greet(office.app, works=True)
        assert "people     Adobe's API, by 500 requests an hour at most" in capsys.readouterr().out
