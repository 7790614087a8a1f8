"""Bounces and complaints of providers: their signatures, and which of their words count."""

import json

import pytest

from service.incoming.bounces import ses, sns
from service.incoming.bounces.sendgrid import SIGNATURE, TIMESTAMP
from service.ledger.sqlite.sqlite_store import LedgerError
from service.rules.readers.choices import Choices
from tests.api.conftest import Client
from tests.incoming.bounces.providers import (
    CERTIFICATE,
    MAILGUN,
    POSTMARK,
    SUBSCRIBE,
    TOPIC,
    Amazon,
    SendGrid,
    mailgun_event,
    mailgun_says,
    sendgrid_event,
    ses_bounce,
    ses_complaint,
)
from tests.installation import ADA, DAY, DONE, GRACE, START, Installation, completed
from tests.smtp_sink import SmtpSink

NOW = START // 1000
ADDRESS = "ada@example.org"
PLACE = "/webhooks/bounces/{}"


@pytest.fixture(scope="module")
def amazon():
    return Amazon()


@pytest.fixture(scope="module")
def sendgrid():
    return SendGrid()


@pytest.fixture
def office(tmp_path, sendgrid):
    told = {
        "COURSEBELL_ADMIN_TOKEN": "a-long-token",
        "COURSEBELL_BOUNCES_SES_TOPIC": TOPIC,
        "COURSEBELL_BOUNCES_SENDGRID_KEY": sendgrid.key,
        "COURSEBELL_BOUNCES_POSTMARK_LOGIN": ":".join(POSTMARK),
        "COURSEBELL_BOUNCES_MAILGUN_KEY": f"old, {MAILGUN}",
    }
    with SmtpSink() as sink, Installation(tmp_path, DONE, email=sink.url, **told) as office:
        office.import_people([ADA, GRACE])
        office.post(completed(START, 77))
        office.tick()
        office.message_id = str(sink.mails[0].parsed["Message-ID"])
        yield office


@pytest.fixture
def visitor(office, open_site, amazon, monkeypatch):
    amazon.asked.clear()
    for module in (sns, ses):
        monkeypatch.setattr(module, "fetched", amazon.fetch)
    elsewhere = {"client": ("192.0.2.7", 1), "base_url": "https://bell.example.org"}
    return Client(open_site(office), **elsewhere)


def why(office, address=ADDRESS):
    found = office.app.choice_requests.at(address).choices.unreachable
    return found and found.reason


@pytest.fixture
def post(visitor, office, amazon, sendgrid):
    """Report something as a provider does; gives status and how many counted."""

    def posted(provider, said):
        headers, auth = {}, None
        if provider == "ses":
            content = amazon.says(said)
        elif provider == "sendgrid":
            content, headers = sendgrid.says([said], NOW)
        elif provider == "postmark":
            content, auth = json.dumps(said).encode(), POSTMARK
        else:
            content = mailgun_says(said, NOW)
        answer = visitor.post(PLACE.format(provider), content=content, headers=headers, auth=auth)
        return answer.status_code, answer.json().get("heard")

    return posted


BOUNCES = {
    "ses": ("ses", lambda id: ses_bounce(id)),
    "ses, published": ("ses", lambda id: ses_bounce(id, called="eventType")),
    "ses, with a name": ("ses", lambda id: ses_bounce(id, "Ada <ada@example.org>")),
    "ses, whose headers are not included": (
        "ses", lambda id: ses_bounce(id) | {"mail": {"messageId": "0102018b"}},
    ),
    "ses, without a status": ("ses", lambda id: ses_bounce(id, status="")),
    "sendgrid": ("sendgrid", lambda id: sendgrid_event(id)),
    "sendgrid, vague": ("sendgrid", lambda id: sendgrid_event(id, status="5.0.0")),
    "sendgrid, dropped": (
        "sendgrid", lambda id: sendgrid_event(id, "dropped", reason="Bounced Address"),
    ),
    "sendgrid, by an id of its own": (
        "sendgrid", lambda id: sendgrid_event("<-g6-N0@ismtpd0006p1sjc2.sendgrid.net>"),
    ),
    "sendgrid, later and without an id": (
        "sendgrid", lambda id: sendgrid_event("", bounce_classification="Invalid Address"),
    ),
    "postmark": ("postmark", lambda id: {"RecordType": "Bounce", "Type": "HardBounce",
                                         "Email": ADDRESS, "MessageID": "883953f4",
                                         "Details": "smtp;550 5.1.1 no such user"}),
    "mailgun": ("mailgun", lambda id: mailgun_event(id)),
    "mailgun, without a status": ("mailgun", lambda id: mailgun_event(id) | {
        "delivery-status": {"code": 605, "enhanced-code": None}, "reason": "suppress-bounce"}),
}  # fmt: skip
COMPLAINTS = {
    "ses": ("ses", lambda id: ses_complaint(id)),
    "ses, with a name": ("ses", lambda id: ses_complaint(id, "Ada <ada@example.org>")),
    "sendgrid": ("sendgrid", lambda id: sendgrid_event(id, "spamreport")),
    "sendgrid, dropped": (
        "sendgrid", lambda id: sendgrid_event(id, "dropped", reason="Spam Reporting Address"),
    ),
    "postmark": ("postmark", lambda id: {"RecordType": "SpamComplaint", "Type": "SpamComplaint",
                                         "Email": ADDRESS.upper()}),
    "mailgun": ("mailgun", lambda id: mailgun_event(id, "complained")),
}  # fmt: skip
OTHERS = {
    "ses, for now": ("ses", lambda id: ses_bounce(id, kind="Transient")),
    "ses, a policy": ("ses", lambda id: ses_bounce(id, status="5.7.1")),
    "ses, somebody else": ("ses", lambda id: ses_bounce(id, "grace@example.org")),
    "ses, another message": ("ses", lambda id: ses_bounce(f"<n{'0' * 32}@academy.example>")),
    "ses, taken out of the spam": (
        "ses", lambda id: ses_complaint(id, complaintFeedbackType="not-spam"),
    ),
    "ses, set up": ("ses", lambda id: "Successfully validated SNS topic for Amazon SES event "
                                      "publishing."),
    "ses, set up otherwise": ("ses", lambda id: {
        "notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have"}),
    "ses, delivered": ("ses", lambda id: {"notificationType": "Delivery", "mail": {}}),
    "sendgrid, blocked": ("sendgrid", lambda id: sendgrid_event(id, type="blocked")),
    "sendgrid, for its content": (
        "sendgrid",
        lambda id: sendgrid_event(id, status="5.0.0", bounce_classification="Content"),
    ),
    "sendgrid, delivered": ("sendgrid", lambda id: sendgrid_event(id, "delivered")),
    "sendgrid, dropped": (
        "sendgrid", lambda id: sendgrid_event(id, "dropped", reason="Invalid SMTPAPI header"),
    ),
    "postmark, blocked": ("postmark", lambda id: {"RecordType": "Bounce", "Type": "Blocked",
                                                  "Email": ADDRESS}),
    "postmark, a policy": ("postmark", lambda id: {
        "Type": "HardBounce", "Email": ADDRESS, "Details": "smtp;550 5.7.1 not from you"}),
    "postmark, soft": ("postmark", lambda id: {"Type": "SoftBounce", "Email": ADDRESS}),
    "postmark, a stranger": ("postmark", lambda id: {"Type": "HardBounce", "Email": "x@y.example"}),
    "mailgun, for now": ("mailgun", lambda id: mailgun_event(id, severity="temporary")),
    "mailgun, given up": ("mailgun", lambda id: mailgun_event(id, reason="old")),
    "mailgun, without a message": ("mailgun", lambda id: mailgun_event("")),
    "mailgun, opened": ("mailgun", lambda id: mailgun_event(id, "opened")),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUNCES)
def test_a_bounce_ends_what_follows(post, office, name):
    provider, made = BOUNCES[name]
    assert post(provider, made(office.message_id)) == (200, 1)
    assert why(office) == "bounced"
    office.post(completed(START + 2 * DAY, 77))
    office.tick(START + 2 * DAY)
    assert [each["reason"] for each in office.notifications()] == [None, "bounced"]


@pytest.mark.parametrize("name", COMPLAINTS)
def test_a_complaint_ends_what_follows(post, office, name):
    provider, made = COMPLAINTS[name]
    assert post(provider, made(office.message_id)) == (200, 1)
    assert why(office) == "complained"


@pytest.mark.parametrize("name", OTHERS)
def test_what_else_they_say_counts_for_nothing(post, office, name):
    provider, made = OTHERS[name]
    assert post(provider, made(office.message_id)) == (200, 0)
    assert why(office) is why(office, "grace@example.org") is why(office, "x@y.example") is None


def test_a_subscription_is_confirmed_and_nothing_else_is_asked(visitor, amazon):
    more = {"Type": "SubscriptionConfirmation", "Token": "y", "SubscribeURL": SUBSCRIBE}
    for version in ("1", "2"):
        body = amazon.says("", version, **more)
        assert visitor.post(PLACE.format("ses"), content=body).status_code == 200
    assert amazon.asked == [CERTIFICATE, SUBSCRIBE, SUBSCRIBE], "a certificate is kept"


AMAZONS = "https://sns.eu-west-1.amazonaws.com"
WRONG = {
    "a bucket called sns": {"SigningCertURL": CERTIFICATE.replace("eu-west-1", "s3")},
    "a bucket called sns in the region": {
        "SigningCertURL": CERTIFICATE.replace("eu-west-1", "s3-eu-west-1")
    },
    "another region": {"SigningCertURL": CERTIFICATE.replace("west", "south")},
    "long ago": {"Timestamp": "2026-11-13T08:00:00.000Z"},
    "at no time": {"Timestamp": "yesterday"},
    "another topic": {"TopicArn": TOPIC + "x"},
    "a certificate elsewhere": {"SigningCertURL": "https://sns.evil.example/x.pem"},
    "a bucket": {"SigningCertURL": "https://s3.amazonaws.com/SimpleNotificationService-0a.pem"},
    "a name that ends elsewhere": {
        "SigningCertURL": f"{AMAZONS}.evil.example/SimpleNotificationService-0a.pem"
    },
    "without TLS": {"SigningCertURL": CERTIFICATE.replace("https", "http")},
    "another path": {"SigningCertURL": f"{AMAZONS}/../SimpleNotificationService-0a.pem"},
    "a user before the host": {"SigningCertURL": CERTIFICATE.replace("://", "://x@")},
    "another type": {"Type": "Elsewise"},
    "another version": {"SignatureVersion": "3"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_of_the_topic_and_amazons_is_refused(visitor, office, amazon, name):
    body = amazon.says(ses_bounce(office.message_id), **WRONG[name])
    assert visitor.post(PLACE.format("ses"), content=body).status_code == 401
    assert set(amazon.asked) <= {CERTIFICATE} and why(office) is None


def test_where_to_confirm_is_amazons_too(visitor, amazon):
    elsewhere = SUBSCRIBE.replace("eu-west-1", "s3")
    body = amazon.says("", Type="SubscriptionConfirmation", Token="y", SubscribeURL=elsewhere)
    assert visitor.post(PLACE.format("ses"), content=body).status_code == 400
    assert amazon.asked == [CERTIFICATE]


def test_the_end_of_a_subscription_is_no_report(visitor, amazon, caplog):
    body = amazon.says("", Type="UnsubscribeConfirmation", Token="y", SubscribeURL=SUBSCRIBE)
    answer = visitor.post(PLACE.format("ses"), content=body)
    assert (answer.status_code, answer.json()) == (200, {"heard": 0})
    assert amazon.asked == [CERTIFICATE], "it is not confirmed again"
    assert "brings no more bounces" in caplog.text


def test_what_cannot_be_verified_now_is_to_come_again(visitor, office, amazon, monkeypatch):
    """SNS sends again after 5xx, and after nothing else."""
    monkeypatch.undo()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    body = amazon.says(ses_bounce(office.message_id))
    answer = visitor.post(PLACE.format("ses"), content=body)
    assert answer.status_code == 503 and answer.headers["retry-after"]
    monkeypatch.setattr(sns, "fetched", amazon.fetch)
    assert visitor.post(PLACE.format("ses"), content=body).json() == {"heard": 1}


def test_what_cannot_be_recorded_now_is_to_come_again(post, office, monkeypatch):
    def busy(*_):
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(office.app.store, "append_unless_moved", busy)
        assert post("mailgun", mailgun_event(office.message_id)) == (503, None)
    assert why(office) is None
    assert post("mailgun", mailgun_event(office.message_id)) == (200, 1)


LATE = {
    "ses": lambda: ses_bounce("") | {"mail": {}},
    "sendgrid": lambda: sendgrid_event("", timestamp=NOW),
    "postmark": lambda: {"Type": "HardBounce", "Email": ADDRESS,
                         "BouncedAt": "2026-11-16T10:00:00.0000000+01:00"},
}  # fmt: skip


@pytest.mark.parametrize("provider", LATE)
def test_what_bounced_before_it_was_lifted_is_over(post, office, provider):
    assert post(provider, LATE[provider]()) == (200, 1)
    office.app.choice_requests.change(ADDRESS, Choices.reached, START + 1, by="operator")
    assert post(provider, LATE[provider]()) == (200, 0)
    assert why(office) is None


def test_whatever_was_changed_after_it_was_signed_is_refused(visitor, office, amazon, sendgrid):
    said = amazon.says(ses_bounce(office.message_id)).replace(b"5.1.1", b"5.1.2")
    assert visitor.post(PLACE.format("ses"), content=said).status_code == 401
    body, headers = sendgrid.says([sendgrid_event(office.message_id)], NOW)
    changed = body.replace(b"5.1.1", b"5.1.2")
    door = PLACE.format("sendgrid")
    assert visitor.post(door, content=changed, headers=headers).status_code == 401
    moved = {**headers, TIMESTAMP.decode(): str(NOW + 1)}
    assert visitor.post(door, content=body, headers=moved).status_code == 401
    _, others = SendGrid().says([sendgrid_event(office.message_id)], NOW)
    assert visitor.post(door, content=body, headers=others).status_code == 401
    assert visitor.post(door, content=body, headers={SIGNATURE.decode(): "%"}).status_code == 401
    forged = mailgun_says(mailgun_event(office.message_id), NOW, "another key")
    assert visitor.post(PLACE.format("mailgun"), content=forged).status_code == 401
    for auth in (None, ("postmark", "s3cret"), ("x", "s3cret:word")):
        answer = visitor.post(PLACE.format("postmark"), content=b"{}", auth=auth)
        assert answer.status_code == 401 and "Basic" in answer.headers["www-authenticate"]
    assert why(office) is None


@pytest.mark.parametrize("at", [NOW - 3 * 86_400, NOW + 3 * 86_400])
def test_what_was_signed_long_ago_is_refused(visitor, office, sendgrid, at):
    said = mailgun_says(mailgun_event(office.message_id), at)
    assert visitor.post(PLACE.format("mailgun"), content=said).status_code == 401
    body, headers = sendgrid.says([sendgrid_event(office.message_id)], at)
    assert visitor.post(PLACE.format("sendgrid"), content=body, headers=headers).status_code == 401


NO_REPORTS = [b"", b"null", b'{"a":' * 700 + b"1" + b"}" * 700, b"[]", b"{}", b"\xff",
              b"[" * 9_999, b'"a"', b"1", b'{"Type": 1}',
              b'{"signature": {}, "event-data": []}']  # fmt: skip


@pytest.mark.parametrize("body", NO_REPORTS)
@pytest.mark.parametrize("provider", ["ses", "mailgun", "sendgrid", "postmark"])
def test_what_is_no_report_is_refused(visitor, sendgrid, provider, body):
    answer = visitor.post(
        PLACE.format(provider), content=body, auth=POSTMARK if provider == "postmark" else None
    )
    assert answer.status_code in ((200, 400) if provider == "postmark" else (401,))


def test_several_at_once_are_each_heard(visitor, office, sendgrid):
    said = [sendgrid_event(office.message_id, "delivered"), sendgrid_event(office.message_id),
            sendgrid_event("", email="grace@example.org")]  # fmt: skip
    body, headers = sendgrid.says(said, NOW)
    answer = visitor.post(PLACE.format("sendgrid"), content=body, headers=headers)
    assert answer.json() == {"heard": 2}
    assert why(office) == why(office, "grace@example.org") == "bounced"


def test_an_event_that_is_none_does_not_lose_the_others(visitor, office, sendgrid, caplog):
    said = [{"event": 1}, None, "x", {"email": "grace@example.org"}, {"event": "bounce", "x": {}},
            sendgrid_event(office.message_id, status=None, sg_machine_open=False)]  # fmt: skip
    body, headers = sendgrid.says([*said[:-1], said[-1] | {"status": "5.1.1"}], NOW)
    answer = visitor.post(PLACE.format("sendgrid"), content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"heard": 1})
    unread = [r for r in caplog.records if getattr(r, "event", "") == "bounces.unread"]
    assert len(unread) == 3 and "example.org" not in caplog.text


@pytest.mark.parametrize("address", ["\ud800@example.org", "a@b\0", "@", "x" * 5_000 + "@y", "",
                                     "ada@example.org, grace@example.org"])  # fmt: skip
def test_an_address_that_is_none_is_nobodys(post, office, address):
    status, heard = post("postmark", {"Type": "HardBounce", "Email": address})
    assert (status, heard) in ((200, 0), (400, None))
    assert why(office) is why(office, "grace@example.org") is None
