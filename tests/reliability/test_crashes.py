"""kill -9 under load, up to fifty times: no letter and no mail is lost (design §10)."""

import logging
import random

import pytest

from tests.campaigns import campaign, length
from tests.installation import DONE
from tests.real_service import RealService
from tests.reliability.adobe import Crowd, people
from tests.reliability.books import Books, check_connections, check_letters, check_mails
from tests.smtp_sink import SmtpSink
from tests.waiting import until

KILLS = length(50, sample=6)
CLIENTS = 4

log = logging.getLogger(__name__)


def die(service: RealService, crowd: Crowd, sink: SmtpSink, moments: random.Random) -> None:
    """kill -9 at once after the start, or after some more letters, or some more mails."""
    moment = moments.choice(["start", "letters", "letters", "mails", "mails"])
    if moment == "letters":
        crowd.wait_for(moments.randint(1, 40))
    elif moment == "mails":
        expected = len(sink.mails) + moments.randint(1, 40)
        until(lambda: len(sink.mails) >= expected, "more mails have left")
    service.kill()


def die_with_a_mail_in_hand(service: RealService, sink: SmtpSink) -> None:
    """kill -9 while the server thinks about a mail: one attempt is open for certain."""
    slow = sink.hold()
    until(slow.entered.is_set, "a mail is in hand")
    service.kill()
    slow.go_on.set()


@campaign
@pytest.mark.timeout(240)
def test_kills_under_load_lose_no_letter_and_no_mail_and_repeat_only_what_was_open(tmp_path):
    moments = random.Random(20_261_121)
    with (
        SmtpSink() as sink,
        RealService(
            tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url, COURSEBELL_STORM_LIMIT="1000000",
            COURSEBELL_EMAIL_CONNECTIONS="2",
        ) as service,
    ):  # fmt: skip
        (tmp_path / "people.csv").write_text(people())
        assert service.command("people", "import", "people.csv").returncode == 0
        with Crowd(service, CLIENTS) as crowd:
            die_with_a_mail_in_hand(service, sink)
            service.start()
            for _ in range(KILLS - 1):
                die(service, crowd, sink, moments)
                service.start()
        until(service.is_settled, "everything owed is sent", 60)
        assert service.stop() == 0
        checked = service.command("fsck")

    assert (checked.returncode, "nothing is missing" in checked.stdout) == (0, True), checked.stdout
    with Books(service.data) as books:
        unknowns = books.unknowns()
        copies = check_mails(books, sink, unknowns)
        check_connections(books, 2)
        check_letters(books, crowd)
    repeats = sum(copies.values()) - len(copies)
    log.info(
        "%d kills: %d letters acknowledged in %d tries, %d mails, %d open attempts, %d repeats",
        KILLS, len(crowd.acked), crowd.tries, sum(copies.values()), sum(unknowns.values()), repeats,
    )  # fmt: skip
    assert len(crowd.acked) > KILLS
    assert unknowns, "no kill hit an open attempt: this run has shown nothing"
