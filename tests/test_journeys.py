"""What people do with Coursebell, from beginning to end. Read this first.

The real service, spoken to over HTTP as Adobe does; mail goes to a real mail server and chat to
a real room. Ada learns, Grace learns too, and both have a boss.
"""

import base64

import pytest

from service.running import wall_clock
from tests.chat_room import Room
from tests.installation import DAY, DONE, FREE, STILL, completed, enrolled, event, progressed, seats
from tests.real_service import FreshService, RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

pytestmark = pytest.mark.both_engines
on_postgresql_always = pytest.mark.both_engines(always=True)

PEOPLE = """id,name,email,manager,locale
77,Ada Lovelace,ada@example.org,boss@example.org,en
78,Miles O'Brien,o'brien@example.org,boss@example.org,de
"""
BOTH = DONE + "      - {to: manager, via: email, template: team_completion}\n"


def states(items: list[dict[str, str]]) -> list[str]:
    return [item["state"] for item in items]


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def service(tmp_path, sink):
    """A service with the people imported and one rule for completions."""
    with RealService(tmp_path, BOTH, COURSEBELL_EMAIL_URL=sink.url) as service:
        service.import_people(PEOPLE)
        yield service


@on_postgresql_always
def test_a_learner_finishes_and_learner_and_manager_each_get_one_mail(service, sink):
    answer = service.post(completed(wall_clock(), 78))

    assert answer.status == 202
    assert answer.json == {"receipt": 1, "status": "/api/v1/letters/1"}
    mails = sink.wait_for(2)
    assert sorted(m.recipients for m in mails) == [("boss@example.org",), ("o'brien@example.org",)]
    assert service.letter(1)["events"][0]["state"] == "recorded"


@on_postgresql_always
def test_adobe_repeats_itself_out_of_order_and_nobody_hears_it_twice(service, sink):
    at = wall_clock()
    story = [enrolled(at - 3_000, 77), progressed(at - 2_000, 77, 50), completed(at - 1_000, 77)]
    for letter in (story[2:], story[1:], story, story[:1]):
        assert service.post(*letter).status == 202

    sink.wait_for(2)
    last = service.letter(4)
    assert [e["state"] for e in last["events"]] == ["duplicate"]
    service.notifications(lambda items: states(items) == ["sent"] * 2, "both are sent")
    assert len(sink.mails) == 2
    (enrollment,) = service.get("/api/v1/enrollments?learner=77")["items"]
    assert (enrollment["status"], enrollment["progress"]) == ("completed", 100)


def test_a_bad_event_holds_nothing_back_and_explains_itself(service, sink):
    answer = service.post(event("COURSE_INVENTED", wall_clock()), completed(wall_clock(), 77))

    assert answer.status == 202
    first, second = service.letter(1)["events"]
    assert (first["state"], second["state"]) == ("set_aside", "recorded")
    assert first["reason"]
    sink.wait_for(2)


def test_a_letter_that_is_not_json_is_kept_and_listed(service):
    broken = b'{"accountId": 1, "events": [{"eventName": "COURSE_UNENROLLMENT",}]}'

    assert service.call("POST", "/webhooks/adobe", broken).status == 202
    assert service.letter(1)["state"] == "set_aside"
    assert service.get("/api/v1/letters?state=set_aside")["items"][0]["n"] == 1
    assert service.command("letters", "show", "1", "--body").stdout == broken.decode()


def test_only_adobe_comes_in_once_it_has_a_password(tmp_path):
    secret = {"COURSEBELL_ADOBE_USERNAME": "adobe", "COURSEBELL_ADOBE_PASSWORD": "pässword"}
    closed = {"COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "false"}
    with FreshService(tmp_path, DONE, **secret, **closed) as service:
        right = "Basic " + base64.b64encode("adobe:pässword".encode()).decode()

        assert service.post(completed(wall_clock(), 77)).status == 401
        assert service.post(completed(wall_clock(), 77), Authorization="Basic bm8=").status == 401
        assert service.post(completed(wall_clock(), 77), Authorization=right).status == 202


def test_a_seat_becomes_free_and_the_room_hears_it_once(tmp_path):
    with Room() as room, RealService(tmp_path, FREE, COURSEBELL_CHAT_URL=room.url) as service:
        at = wall_clock()
        service.post(seats(at - 3_000, 10), seats(at - 2_000, 9), seats(at - 1_000, 8))
        service.notifications(lambda items: states(items) == ["sent"], "it is sent")

        (post,) = room.posts
        assert "A seat is free" in post["title"]
        assert "course:7" in post["message"]


@on_postgresql_always
def test_somebody_silent_for_a_week_is_reminded(tmp_path, sink):
    rules = STILL.replace("notify", "on_activate: current\n    notify")
    with RealService(tmp_path, rules, COURSEBELL_EMAIL_URL=sink.url) as service:
        service.import_people(PEOPLE)
        service.post(enrolled(wall_clock() - 8 * DAY, 77), enrolled(wall_clock() - 2 * DAY, 78))

        (mail,) = sink.wait_for(1)
        assert mail.recipients == ("ada@example.org",)


def test_a_mail_waits_for_its_address_and_leaves_when_it_is_imported(service, sink):
    service.post(completed(wall_clock(), 99))
    service.notifications(lambda items: states(items) == ["waiting_address"] * 2, "both wait")

    service.import_people("id,email,manager\n99,alan@example.org,ada@x.org\n")

    assert {m.recipients[0] for m in sink.wait_for(2)} == {"alan@example.org", "ada@x.org"}


def test_a_rule_file_with_a_mistake_is_refused_and_the_old_one_stays(service, sink):
    service.rules.write_text(service.rules.read_text().replace("notify:", "notfy:"))
    checked = service.command("check")
    assert checked.returncode == 1
    assert "did you mean 'notify'?" in checked.stdout
    until(
        lambda: service.numbers()["coursebell_rules_last_reload_successful"] == 0,
        "the refusal shows in the metrics",
    )

    service.post(completed(wall_clock(), 77))

    sink.wait_for(2)


def test_a_rule_file_that_is_edited_well_is_active_at_once(service, sink):
    service.write_rules(DONE)
    until(
        lambda: "the rules are active" in service.logged(),
        "the new rules are active",
    )

    service.post(completed(wall_clock(), 77))

    sink.wait_for(1)
    service.notifications(lambda items: states(items) == ["sent"], "only one is owed")


@on_postgresql_always
def test_stopping_and_starting_again_repeats_nothing(service, sink):
    service.post(completed(wall_clock(), 77))
    sink.wait_for(2)
    service.notifications(lambda items: states(items) == ["sent"] * 2, "both are sent")

    assert service.stop() == 0
    (service.data / "views.db").unlink()
    service.start()
    service.post(completed(wall_clock(), 78))

    sink.wait_for(4)
    assert len(service.get("/api/v1/notifications")["items"]) == 4
    assert len({m.parsed["Message-ID"] for m in sink.mails}) == 4
    assert service.command("fsck").returncode == 0


def test_a_refused_mail_is_listed_and_sent_when_somebody_asks(service, sink):
    sink.on("RCPT", "550 5.1.1 nobody here", local="ada", times=1)
    service.post(completed(wall_clock(), 77))
    items = service.notifications(
        lambda items: {n["state"] for n in items} == {"sent", "given_up"}, "one is given up"
    )
    (refused,) = [n["id"] for n in items if n["state"] == "given_up"]
    assert refused in service.command("notifications", "list", "--state", "given_up").stdout

    assert service.command("people", "resume", "ada@example.org").returncode == 0
    assert service.call("POST", f"/api/v1/notifications/{refused}/redrive").status < 300

    service.notifications(lambda items: {n["state"] for n in items} == {"sent"}, "it is sent now")
    shown = service.command("notifications", "show", refused).stdout
    assert "550" in shown
    assert "notification.redriven" in shown
