"""A mail comes back: by a mailbox, and by hand; the real service over real SMTP, TLS and HTTP."""

import json

import pytest

from service.running import wall_clock
from tests.imap_box import ImapBox
from tests.incoming.bounces.bounced_mails import dsn
from tests.installation import DAY, DONE, completed
from tests.real_service import FreshService, RealService
from tests.smtp_sink import SmtpSink, certificate
from tests.waiting import until

pytestmark = pytest.mark.both_engines

PEOPLE = "id,name,email\n77,Ada Lovelace,ada@example.org\n78,Grace Hopper,grace@example.org\n"
TOKEN = "of-the-mail-server"


def shown(service: RealService, who: str) -> str:
    found = json.loads(service.command("people", "show", who, "--json").stdout)["items"]
    (choices,) = {str(each["choices"]) for each in found}
    return choices


def test_what_came_back_is_not_written_to_until_somebody_says_so(tmp_path):
    with SmtpSink() as sink, ImapBox() as box:
        told = {
            "COURSEBELL_EMAIL_URL": sink.url,
            "COURSEBELL_BOUNCES_IMAP_URL": box.url,
            "COURSEBELL_BOUNCES_DSN_TOKEN": TOKEN,
            "SSL_CERT_FILE": str(certificate()[0]),
        }
        with FreshService(tmp_path, DONE, **told) as service:
            service.import_people(PEOPLE)
            service.post(completed(wall_clock() - 2 * DAY, 77), completed(wall_clock(), 78))
            sink.wait_for(2)
            ids = {mail.recipients[0]: str(mail.parsed["Message-ID"]) for mail in sink.mails}
            service.notifications(
                lambda items: [each["state"] for each in items] == ["sent"] * 2, "both have left"
            )
            graces = dsn(ids["grace@example.org"], "grace@example.org")
            head = {"Authorization": f"Bearer {TOKEN}", "Content_Type": "message/rfc822"}
            answer = service.call("POST", "/webhooks/bounces/dsn", graces, **head)
            assert (answer.status, answer.json) == (200, {"heard": 1})
            service.stop()

            box.mails = [b"Subject: thanks\r\n\r\nHello\r\n", dsn(ids["ada@example.org"])]
            service.start()
            until(lambda: box.seen, "the report is marked as seen")
            said = "not written to: the address bounced (5.1.1)"
            assert box.seen == {2} and shown(service, "77") == shown(service, "78") == said
            service.post(completed(wall_clock(), 77))
            service.notifications(
                lambda items: (
                    sorted(each["state"] for each in items) == ["sent", "sent", "suppressed"]
                ),
                "what follows is suppressed",
            )
            assert service.command("people", "resume", "77").returncode == 0
            assert shown(service, "77") == "" and len(sink.mails) == 2
            assert "ada@" not in service.logged() and "bounces.heard" in service.logged()
