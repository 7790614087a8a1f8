"""Doors of bounces: who may report one, and which reports count."""

import pytest

from service.learners.directory.people import PersonRow
from service.rules.readers.choices import Choices
from service.settings import SettingsError
from tests.api.conftest import Client
from tests.incoming.bounces.bounced_mails import complaint, dsn
from tests.installation import ADA, DAY, DONE, GRACE, START, Installation, completed
from tests.smtp_sink import SmtpSink

TOKEN = "of-the-mail-server"
ADDRESS = "ada@example.org"
DOOR = "/webhooks/bounces/dsn"
WHOLE = {"authorization": f"Bearer {TOKEN}", "content-type": "message/rfc822"}
REQUIRED = DONE + "    required: true\n"


@pytest.fixture
def office(tmp_path, sink):
    told = {"COURSEBELL_BOUNCES_DSN_TOKEN": TOKEN, "COURSEBELL_ADMIN_TOKEN": "a-long-token"}
    with Installation(tmp_path, REQUIRED, email=sink.url, **told) as office:
        office.import_people([ADA, GRACE])
        yield office


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def visitor(office, open_site):
    elsewhere = {"client": ("192.0.2.7", 1), "base_url": "https://bell.example.org"}
    return Client(open_site(office), **elsewhere)


@pytest.fixture
def sent(office, sink):
    """The Message-ID of a mail to Ada."""
    office.post(completed(START, 77))
    office.tick()
    return str(sink.mails[0].parsed["Message-ID"])


def unreachable(office, address=ADDRESS):
    return office.app.choice_requests.at(address).choices.unreachable


def test_a_bounce_of_a_mail_we_sent_ends_all_further_ones(visitor, office, sink, sent):
    answer = visitor.post(DOOR, content=dsn(sent), headers=WHOLE)

    assert (answer.status_code, answer.json()) == (200, {"heard": 1})
    assert (unreachable(office).reason, unreachable(office).code) == ("bounced", "5.1.1")
    office.post(completed(START + 2 * DAY, 77))
    office.tick(START + 2 * DAY)
    found = [(each["state"], each["reason"]) for each in office.notifications()]
    assert found == [("sent", None), ("suppressed", "bounced")] and len(sink.mails) == 1


def test_a_complaint_by_mail_is_of_whoever_got_that_message(visitor, office, sent):
    forged = complaint(f"<n{'0' * 32}@academy.example>")
    assert visitor.post(DOOR, content=forged, headers=WHOLE).json() == {"heard": 0}
    others = complaint(sent, more="Original-Rcpt-To: grace@example.org\n")
    assert visitor.post(DOOR, content=others, headers=WHOLE).json() == {"heard": 0}
    assert unreachable(office) is unreachable(office, "grace@example.org") is None
    assert visitor.post(DOOR, content=complaint(sent), headers=WHOLE).json() == {"heard": 1}
    assert unreachable(office).reason == "complained"


def test_whoever_reads_all_mail_of_staging_complains_for_nobody(tmp_path, sink, open_site):
    told = {"COURSEBELL_BOUNCES_DSN_TOKEN": TOKEN, "COURSEBELL_ADMIN_TOKEN": "a-long-token",
            "COURSEBELL_REDIRECT_ALL_TO": "me@staging.example"}  # fmt: skip
    with Installation(tmp_path, DONE, email=sink.url, **told) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick()
        id = str(sink.mails[0].parsed["Message-ID"])
        visitor = Client(open_site(office), client=("192.0.2.7", 1))
        for mail in (complaint(id), dsn(id, "me@staging.example")):
            assert visitor.post(DOOR, content=mail, headers=WHOLE).json() == {"heard": 0}
        assert unreachable(office) is None


def test_a_manager_and_a_reader_of_a_list_are_readers_too(tmp_path, sink, open_site):
    rules = DONE.replace("to: learner", "to: manager").replace("completed}", "team_completion}", 2)
    rules = rules.replace("event: enrollment.team_completion}", "event: enrollment.completed}")
    daily = rules.replace("id: done", "id: list").replace(
        "team_completion}", 'team_completions, digest: {every: day, at: "08:00"}}'
    )
    told = {"COURSEBELL_BOUNCES_DSN_TOKEN": TOKEN, "COURSEBELL_ADMIN_TOKEN": "a-long-token"}
    with Installation(tmp_path, rules + daily, email=sink.url, **told) as office:
        office.import_people([ADA, PersonRow("9", name="Boss", email="boss@example.org")])
        office.post(completed(START, 77))
        for day in range(3):
            office.tick(START + day * DAY)
        visitor = Client(open_site(office), client=("192.0.2.7", 1))
        ids = [str(mail.parsed["Message-ID"]) for mail in sink.mails]
        assert len(ids) == 2
        for id in ids:
            answer = visitor.post(DOOR, content=dsn(id, "boss@example.org"), headers=WHOLE)
            assert answer.json() == {"heard": 1}
        assert unreachable(office, "boss@example.org").reason == "bounced"


FORGED = {
    "another address": lambda id: dsn(id, "grace@example.org"),
    "another id": lambda id: dsn(id.replace("<n", "<m")),
    "an id of nobody": lambda id: dsn(f"<n{'0' * 32}@academy.example>"),
    "another domain": lambda id: dsn(id.replace("academy", "evil")),
    "a policy": lambda id: dsn(id, status="5.7.1"),
    "the sender's fault": lambda id: dsn(id, status="5.1.8"),
    "a delay": lambda id: dsn(id, action="delayed", status="4.1.1"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_of_a_mail_we_sent_there_counts_for_nothing(visitor, office, sent, name):
    answer = visitor.post(DOOR, content=FORGED[name](sent), headers=WHOLE)
    assert (answer.status_code, answer.json()) == (200, {"heard": 0})
    assert unreachable(office) is unreachable(office, "grace@example.org") is None


def test_a_mail_that_has_not_left_cannot_have_bounced(visitor, office, sink):
    sink.on("RCPT", "451 4.3.0 later")
    office.post(completed(START, 77))
    office.tick()
    id = office.notifications()[0]["id"]
    visitor.post(DOOR, content=dsn(f"<{id}@academy.example>"), headers=WHOLE)
    assert unreachable(office) is None


def test_a_report_of_before_it_was_lifted_is_over(visitor, office, sent):
    for _ in range(2):
        visitor.post(DOOR, content=dsn(sent), headers=WHOLE)
    requests = office.app.choice_requests
    requests.change(ADDRESS, Choices.reached, START + DAY, by="reader")
    assert visitor.post(DOOR, content=dsn(sent), headers=WHOLE).json() == {"heard": 0}
    assert unreachable(office) is None


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer of-the-mail-serve"},
                                     {"authorization": "Bearer a-long-token"}])  # fmt: skip
def test_a_stranger_is_refused_before_the_body_is_read(visitor, office, sent, headers):
    answer = visitor.post(
        DOOR, content=dsn(sent), headers={**WHOLE, "authorization": "", **headers}
    )
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert unreachable(office) is None


def test_a_door_without_its_setting_is_closed_and_an_unknown_one_is_none(tmp_path, open_site):
    with Installation(tmp_path, DONE) as office:
        visitor = Client(open_site(office))
        assert visitor.post(DOOR, content=b"x", headers=WHOLE).status_code == 401
        assert visitor.post("/webhooks/bounces/other", content=b"x").status_code == 404
        assert visitor.post("/webhooks/bounces/", content=b"x").status_code == 404
        assert visitor.get(DOOR).status_code == 405


def test_what_is_hostile_is_refused(visitor, office):
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 9_999
    assert visitor.post(DOOR, content=nested, headers=WHOLE).status_code == 400
    assert visitor.post(DOOR, content=b"x" * 2_097_153, headers=WHOLE).status_code == 413


@pytest.mark.parametrize(("name", "value"), [
    ("SES_TOPIC", "bounces"), ("SENDGRID_KEY", "AAAA"), ("SENDGRID_KEY", "no key"),
    ("POSTMARK_LOGIN", "user"), ("POSTMARK_LOGIN", ":x"), ("MAILGUN_KEY", "a b"),
    ("IMAP_URL", "imap://u:p@h/INBOX"), ("IMAP_URL", "imaps://h/INBOX"),
    ("IMAP_URL", "imaps://u:p%0d@h/INBOX"), ("IMAP_URL", "imaps://u:p@h:99999/"),
])  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_at_the_start(tmp_path, name, value):
    with pytest.raises(SettingsError) as refused:
        Installation(tmp_path, DONE, **{f"COURSEBELL_BOUNCES_{name}": value})
    (mistake,) = refused.value.mistakes
    assert f"COURSEBELL_BOUNCES_{name}: expected" in mistake and "got" not in mistake


def test_the_metrics_count_by_who_brought_it(visitor, office, sent):
    for bounce in (dsn(sent), dsn(sent, "grace@example.org"), b"Subject: away\r\n\r\n"):
        visitor.post(DOOR, content=bounce, headers=WHOLE)
    visitor.post(DOOR, content=dsn(sent))
    visitor.post("/webhooks/bounces/other", content=b"")
    shown = visitor.get("/metrics", headers={"authorization": "Bearer a-long-token"}).text
    found = dict(line.rsplit(" ", 1) for line in shown.splitlines() if "bounce" in line)
    assert found['coursebell_bounce_reports_total{counts="yes",reporter="dsn"}'] == "1.0"
    assert found['coursebell_bounce_reports_total{counts="no",reporter="dsn"}'] == "1.0"
    last = float(found['coursebell_bounce_last_report_timestamp_seconds{reporter="dsn"}'])
    assert last == START / 1000
    assert found['coursebell_door_requests_total{code="200",source="bounces/dsn"}'] == "3.0"
    assert found['coursebell_door_requests_total{code="401",source="bounces/dsn"}'] == "1.0"
    assert 'coursebell_door_requests_total{code="404",source=""} 1.0' in shown
