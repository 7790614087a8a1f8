"""Mail over several connections, stopped in the middle: one repeat for each connection at most."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.campaigns import campaign, length
from tests.installation import DONE, START, completed
from tests.real_service import RealService
from tests.reliability.adobe import LEARNERS, people
from tests.reliability.books import Books, check_connections, check_mails
from tests.smtp_sink import SLOW, SmtpSink
from tests.waiting import until

CONNECTIONS = 4
KILLS = length(60, sample=8)
MAILS = 40 * KILLS


@contextmanager
def busy(folder: Path, sink: SmtpSink, mails: int) -> Iterator[RealService]:
    """A service that owes so many mails, to a server which takes a moment for each."""
    with RealService(
        folder, DONE, COURSEBELL_EMAIL_URL=sink.url, COURSEBELL_STORM_LIMIT="1000000",
        COURSEBELL_EMAIL_CONNECTIONS=str(CONNECTIONS),
    ) as service:  # fmt: skip
        service.import_people(people())
        told = [
            completed(START + n, n % LEARNERS, course=f"course:{n}", session=f"course:{n}_1")
            for n in range(mails)
        ]
        for at in range(0, mails, 100):
            assert service.post(*told[at : at + 100]).status == 202
        yield service


def check(service: RealService, sink: SmtpSink, mails: int, stops: int) -> list[int]:
    """Nothing is lost, and each stop left one mail unknown for each connection at most."""
    with Books(service.data) as books:
        copies = check_mails(books, sink, books.unknowns())
        unknown = check_connections(books, CONNECTIONS)
    assert len(copies) == mails
    assert len(unknown) <= stops
    return unknown


@campaign
@pytest.mark.timeout(600)
def test_a_kill_repeats_one_mail_for_each_open_connection_at_most(tmp_path):
    moments = random.Random(20_261_130)
    with SmtpSink(extensions=("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")) as sink:
        sink.on("dot", SLOW)
        with busy(tmp_path, sink, MAILS) as service:
            for _ in range(KILLS):
                expected = len(sink.mails) + moments.randint(1, 30)
                until(lambda wanted=expected: len(sink.mails) >= wanted, "more mails have left")
                service.kill()
                service.start()
            sink.on("dot", "250 2.0.0 taken")
            until(service.is_settled, "everything owed is sent", 60)
            assert service.stop() == 0
        unknown = check(service, sink, MAILS, stops=KILLS)
    assert max(unknown) > 1, "no kill met several connections: this run has shown nothing"


def test_an_end_while_the_server_thinks_about_one_mail_leaves_that_one_unknown_only(tmp_path):
    """What the other connections have heard is recorded, and nobody else's mail is sent again."""
    with SmtpSink() as sink:
        slow = sink.hold()
        with busy(tmp_path, sink, 60) as service:
            until(lambda: slow.entered.is_set() and len(sink.mails) > 10, "mails have left")
            assert service.stop() == 0
            slow.go_on.set()
            service.start()
            until(service.is_settled, "everything owed is sent")
            assert service.stop() == 0
        assert check(service, sink, 60, stops=1) == [1]
        assert len(sink.mails) == 61
