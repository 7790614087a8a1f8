"""A letter about somebody unknown waits for an address, and leaves when the API has told it."""

import threading

import pytest

from service.running import wall_clock
from tests.adobe_api import AdobeApi, instance, learning_object, user
from tests.installation import HOUR, completed
from tests.real_service import RealService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
      - {to: manager, via: email, template: team_completion}
"""


def plain(mail):
    return mail.get_body(("plain",)).get_content()


@pytest.fixture
def api():
    with AdobeApi() as api:
        api.know(
            user(77, "Ada Lovelace", manager=5, uiLocale="en-US", fields={"AF_Region": "EMEA"}),
            user(5, "Boss Byron"),
            learning_object(
                "course:7", "Safe driving", instance("course:7_1", state="Active"), tags=["safety"]
            ),
        )
        yield api


def test_a_mail_to_somebody_unknown_leaves_when_the_api_has_told_who_it_is(tmp_path, api):
    told = threading.Event()
    api.spoil = lambda path: told.wait(20) and None if path.endswith("users") else None
    with (
        SmtpSink() as sink,
        RealService(tmp_path, RULES, COURSEBELL_EMAIL_URL=sink.url, **api.environ) as service,
    ):
        service.post(completed(wall_clock(), 77))
        waits = ["waiting_address"] * 2
        service.notifications(lambda found: [n["state"] for n in found] == waits, "both wait")

        told.set()

        mails = {mail.recipients[0]: mail.parsed for mail in sink.wait_for(2)}
        assert set(mails) == {"ada@example.org", "boss@example.org"}
        assert mails["ada@example.org"]["Subject"] == "Completed: Safe driving"
        assert "Hello Ada Lovelace" in plain(mails["ada@example.org"])
        assert "Ada Lovelace" in plain(mails["boss@example.org"])
        assert [each["ids"] for each in api.queries("users")] == ["77"]
        assert api.queries("learningObjects")[0]["ids"] == "course:7"


def test_the_rules_see_what_the_api_has_told_from_the_next_event_on(tmp_path, api):
    """The writer has remembered that nobody told of learner and course: it forgets that."""
    conditions = (
        "    conditions:\n      - course.tags: {contains: safety}\n"
        "      - learner.fields.AF_Region: EMEA\n    notify:"
    )
    rules = RULES.partition("      - {to: manager")[0].replace("    notify:", conditions)
    told = threading.Event()
    api.spoil = lambda path: told.wait(20) and None if "primeapi" in path else None
    with RealService(tmp_path, rules, **api.environ) as service:
        service.post(
            completed(wall_clock() - 2 * HOUR, 77, course="course:9", session="course:9_1")
        )
        service.post(completed(wall_clock() - 1 * HOUR, 77))
        service.letter(2)
        told.set()
        until(
            lambda: service.numbers().get('coursebell_adobe_api_ids{known="yes",what="user"}') == 2,
            "the API has told of the learner",
        )
        service.post(completed(wall_clock(), 77, session="course:7_2"))

        service.notifications(lambda found: [n["state"] for n in found] == ["sent"], "it is sent")


def test_a_mail_about_a_course_nobody_told_of_leaves_when_the_api_has_told_its_title(tmp_path, api):
    told = threading.Event()
    api.spoil = lambda path: told.wait(20) and None if path.endswith("learningObjects") else None
    with (
        SmtpSink() as sink,
        RealService(tmp_path, RULES, COURSEBELL_EMAIL_URL=sink.url, **api.environ) as service,
    ):
        service.import_people("id,email\n77,ada@example.org\n")
        service.post(completed(wall_clock(), 77))
        service.notifications(lambda found: "title" in [n["reason"] for n in found], "it waits")

        told.set()

        mails = {mail.recipients[0]: mail.parsed for mail in sink.wait_for(1)}
        assert mails["ada@example.org"]["Subject"] == "Completed: Safe driving"
