"""A mailbox is read over real TLS: reports are heard and marked, what people wrote is left."""

from collections.abc import Iterator

import pytest

from service.incoming.bounces.mailbox import BounceMailbox, MailboxTrouble
from tests.imap_box import ImapBox
from tests.incoming.bounces.bounced_mails import dsn
from tests.smtp_sink import certificate

ID = "<n0123@academy.example>"
ANSWER = b"From: ada@example.org\r\nSubject: Re: Completed\r\n\r\nThank you!\r\n"


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapBox]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()[0]))
    with ImapBox() as box:
        yield box


def test_reports_are_heard_and_marked_and_nothing_else(box: ImapBox) -> None:
    box.mails = [ANSWER, dsn(ID), dsn(ID, action="delayed", status="4.4.1"), ANSWER]
    heard: list[object] = []
    reader = BounceMailbox(box.url)

    assert reader.read(heard.extend) == 4
    assert [each.address for each in heard] == ["ada@example.org"]  # type: ignore[attr-defined]
    assert box.seen == {2, 3}
    box.mails.append(dsn(ID, "grace@example.org"))
    assert reader.read(heard.extend) == 1, "what was looked at is not fetched again"
    assert reader.read(heard.extend) == 0 and len(heard) == 2


def test_a_report_that_could_not_be_heard_comes_again(box: ImapBox) -> None:
    box.mails = [dsn(ID)]
    reader = BounceMailbox(box.url)

    def fails(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reader.read(fails)
    assert not box.seen
    heard: list[object] = []
    reader.read(heard.extend)
    assert len(heard) == 1 and box.seen == {1}


def test_a_hostile_mail_holds_up_no_other(box: ImapBox) -> None:
    head = b"Content-Type: multipart/report\r\n"
    box.mails = [head + b"\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 9_999, dsn(ID)]
    heard: list[object] = []
    BounceMailbox(box.url).read(heard.extend)
    assert len(heard) == 1 and box.seen == {1, 2}


def test_a_mail_that_the_server_cannot_give_holds_up_no_other(box: ImapBox) -> None:
    box.mails, box.broken = [dsn(ID), dsn(ID, "grace@example.org")], {1}
    heard: list[object] = []
    BounceMailbox(box.url).read(heard.extend)
    assert [each.address for each in heard] == ["grace@example.org"]  # type: ignore[attr-defined]
    assert box.seen == {2}


@pytest.mark.parametrize("command", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "UID STORE"])
def test_what_was_heard_as_the_connection_ended_is_heard_again(box: ImapBox, command: str) -> None:
    box.mails, box.hangs_up = [dsn(ID)], command
    heard: list[object] = []
    reader = BounceMailbox(box.url)
    with pytest.raises(MailboxTrouble, match="it ended early"):
        reader.read(heard.extend)
    box.hangs_up = ""
    assert reader.read(heard.extend) == 1 and box.seen == {1}
    assert len(heard) == (2 if command == "UID STORE" else 1), "twice does no harm"


def test_a_mailbox_that_was_made_anew_is_read_from_its_first_mail(box: ImapBox) -> None:
    box.mails = [ANSWER, ANSWER]
    heard: list[object] = []
    reader = BounceMailbox(box.url)
    assert reader.read(heard.extend) == 2
    box.mails, box.validity = [dsn(ID)], 8
    assert reader.read(heard.extend) == 1 and len(heard) == 1


def test_trouble_says_what_to_do_and_no_secret(
    box: ImapBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MailboxTrouble, match="user and password are refused") as refused:
        BounceMailbox(box.url.replace("s3cret", "wr0ng")).read(len)
    assert "wr0ng" not in str(refused.value) and "@" not in str(refused.value)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailboxTrouble, match="SSLCertVerificationError"):
        BounceMailbox(box.url).read(len)
