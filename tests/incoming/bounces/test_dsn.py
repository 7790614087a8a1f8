"""Bounces of mail servers are read whatever they look like: pure."""

import base64
import random
import time

import pytest

from service.incoming.bounces.dsn import LARGEST_BYTES, posted, reports_in
from service.incoming.bounces.report import BounceReport, ReportRefused
from tests.incoming.bounces.bounced_mails import EXCHANGE, EXIM, GMAIL, complaint, dsn

ID = "<n0123@academy.example>"
ADA = BounceReport("ada@example.org", "bounced", "5.1.1", ID)


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers", "message/global",
                                      "message/global-headers"])  # fmt: skip
def test_a_bounce_says_of_whom_and_of_which_message(returned: str) -> None:
    assert reports_in(dsn(ID, returned=returned)) == [ADA]
    assert reports_in(dsn(ID, returned=returned).replace(b"\r\n", b"\n")) == [ADA]


def test_who_was_meant_counts_where_a_mail_was_forwarded() -> None:
    found = reports_in(
        dsn(ID, "elsewhere@example.net", more="Original-Recipient: rfc822;ada@example.org\n")
    )
    assert [each.address for each in found] == ["ada@example.org", "elsewhere@example.net"]


@pytest.mark.parametrize(("mail", "status"), [(EXIM, "5.1.1"), (EXCHANGE, "5.1.10"),
                                              (GMAIL, "5.1.1")])  # fmt: skip
def test_what_servers_write_is_read(mail: str, status: str) -> None:
    assert reports_in(mail.format(id=ID).encode()) == [ADA._replace(status=status)]
    policy = mail.format(id=ID).replace(f"550-{status}", "550 5.7.1").replace(status, "5.0.0")
    assert reports_in(policy.encode()) == []


def encoded(mail: bytes, begin: bytes, end: bytes, name: bytes) -> bytes:
    """What stands from one text up to another in base64, in a part of this type."""
    head, between, rest = mail.partition(begin)
    inside, ends, rest = rest.partition(end)
    line = name + b"\r\nContent-Transfer-Encoding: base64"
    return head.replace(name, line) + base64.encodebytes(between + inside) + ends + rest


@pytest.mark.parametrize(("begin", "name"), [
    (b"Reporting-MTA", b"message/delivery-status"), (b"From: Academy", b"message/rfc822"),
    (b"From: Academy", b"text/rfc822-headers"),
])  # fmt: skip
def test_what_should_not_be_encoded_is_read(begin: bytes, name: bytes) -> None:
    mail = dsn(ID, returned="text/rfc822-headers" if name.startswith(b"text") else "message/rfc822")
    assert reports_in(encoded(mail, begin, b"\r\n--b1", name)) == [ADA]


@pytest.mark.parametrize(("written", "meant"), [
    ("rfc822;ada+2Btag@example.org", "ada+tag@example.org"),
    ("utf-8;zo\\x{EB}@example.org", "zoë@example.org"), ("<ada@example.org>", "ada@example.org"),
    ("RFC822; Ada@Example.org", "Ada@Example.org"),
])  # fmt: skip
def test_an_address_is_read_as_it_is_meant(written: str, meant: str) -> None:
    mail = dsn(ID).replace(b"rfc822; ada@example.org", written.encode())
    assert meant in [each.address for each in reports_in(mail)]


def test_each_of_several_readers_is_told_apart() -> None:
    more = "Action: delayed\nStatus: 4.4.1\n\nFinal-Recipient: rfc822;grace@example.org\n"
    first = dsn(ID, more=more).replace(b"Action: failed", b"ACTION: Failed (no such user)")
    assert [each.address for each in reports_in(first)] == ["grace@example.org"]


def test_a_complaint_is_of_whom_it_names_or_of_the_reader() -> None:
    said = BounceReport("", "complained", message_id=ID)
    assert reports_in(complaint(ID)) == [said]
    more = "Original-Rcpt-To: <ada@example.org>\n"
    assert reports_in(complaint(ID, more=more)) == [said._replace(address="ada@example.org")]
    for kind in ("not-spam", "auth-failure", "fraud", "other"):
        assert reports_in(complaint(ID, kind)) == []


QMAIL = (
    "From: MAILER-DAEMON@mx.example.net\n\nHi. This is the qmail-send program.\n\n"
    f"<ada@example.org>:\n550 5.1.1 no such user\n\n--- Below this line\n\nMessage-ID: {ID}\n"
)
READ = dsn(ID).replace(b"delivery-status", b"disposition-notification")
AWAY = b"Auto-Submitted: auto-replied\r\n" + dsn(ID).replace(b"/report", b"/mixed", 1).replace(
    b"message/delivery-status", b"text/plain"
)


@pytest.mark.parametrize("mail", [QMAIL.encode(), READ, AWAY])
def test_who_is_away_or_has_read_it_or_cannot_say_it_is_heard_of_nothing(mail: bytes) -> None:
    assert reports_in(mail) == []


def test_an_internationalised_report_is_read() -> None:
    mail = dsn(ID, "zoë@example.org").replace(b"rfc822; zo", b"utf-8; zo")
    mail = mail.replace(b"message/delivery-status", b"message/global-delivery-status")
    assert [each.address for each in reports_in(mail)] == ["zoë@example.org"]


@pytest.mark.parametrize("mail", [
    dsn(ID, action="delayed", status="4.4.1"), dsn(ID, action="delivered", status="2.0.0"),
    dsn(ID, action="failed", status="5.7.1"), dsn(ID, status="5.2.2"), dsn(ID, status="5.1"),
    dsn(ID, status="5.1.1111"), dsn(ID).replace(b"Message-ID: ", b"X-Id: "),
    dsn(ID).replace(b"Final-Recipient: rfc822;", b"Final-Recipient: x400;"),
    dsn(ID).replace(b"message/delivery-status", b"text/plain"),
    b"Subject: out of office\r\n\r\nI am away. Status: 5.1.1\r\n", b"", b"\0\xff\xfe",
])  # fmt: skip
def test_what_is_no_such_bounce_says_nothing(mail: bytes) -> None:
    assert reports_in(mail) == []


def test_the_body_of_a_report_is_read_by_the_type_in_the_head() -> None:
    head, _, body = dsn(ID).partition(b"\r\n\r\n")
    media = head.split(b"Content-Type: ")[1]
    assert posted({b"content-type": media}, body) == [ADA]
    assert posted({b"content-type": b"message/rfc822"}, dsn(ID)) == [ADA]
    assert posted({b"content-type": b"text/plain"}, body) == []


NESTED = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n'
HOSTILE = {
    "nested parts": b"".join(NESTED % (n, n) for n in range(5_000)),
    "nested mails": b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "many parts": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 20_000,
}
LONG_HEADS = b"Content-Type: message/rfc822\r\n\r\n" * 49 + b"A: b\r\n" * 60_000


@pytest.mark.parametrize("name", HOSTILE)
def test_what_goes_down_too_far_is_refused(name: str) -> None:
    with pytest.raises(ReportRefused):
        reports_in(HOSTILE[name])


def test_a_long_head_deep_inside_holds_up_nothing() -> None:
    begun = time.process_time()
    assert reports_in(LONG_HEADS) == []
    assert time.process_time() - begun < 5


def test_a_report_before_a_message_that_is_long_is_read() -> None:
    assert reports_in(dsn(ID) + b"x" * 5 * LARGEST_BYTES) == [ADA]


def test_whatever_comes_is_read_or_refused() -> None:
    dice = random.Random(13)
    for _ in range(300):
        mail = bytearray(dsn(ID))
        for _ in range(dice.randrange(1, 30)):
            mail[dice.randrange(len(mail))] = dice.randrange(256)
        for cut in (len(mail), dice.randrange(len(mail))):
            try:
                found = reports_in(bytes(mail[:cut]))
            except ReportRefused:
                continue
            assert all(isinstance(each, BounceReport) for each in found)
