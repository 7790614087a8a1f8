"""kill -9, fifty times, while letters come in and mails go out: nothing is lost (design §10)."""

import logging
import random
import re
from collections import Counter, defaultdict

import pytest

from tests.installation import DONE
from tests.reliability.adobe import Crowd, people
from tests.reliability.books import Books
from tests.reliability.stem import SproutingService
from tests.smtp_sink import SmtpSink
from tests.waiting import until

KILLS = 50
CLIENTS = 4
MESSAGE_ID = re.compile(rb"^Message-ID: <(n[0-9a-f]+)@", re.MULTILINE)
BODY = re.compile(rb"\r\n\r\n.*", re.DOTALL)

log = logging.getLogger(__name__)


def die(service: SproutingService, crowd: Crowd, sink: SmtpSink, moments: random.Random) -> None:
    """kill -9 at once after the start, or after some more letters, or some more mails."""
    moment = moments.choice(["start", "letters", "letters", "mails", "mails"])
    if moment == "letters":
        wanted = len(crowd.acked) + moments.randint(1, 40)
        until(lambda: len(crowd.acked) >= wanted, "more letters are taken in")
    elif moment == "mails":
        expected = len(sink.mails) + moments.randint(1, 40)
        until(lambda: len(sink.mails) >= expected, "more mails have left")
    service.die()


@pytest.mark.timeout(240)
def test_fifty_kills_under_load_lose_no_letter_and_no_mail_and_repeat_only_what_was_open(tmp_path):
    moments = random.Random(20_261_121)
    with (
        SmtpSink() as sink,
        SproutingService(tmp_path, DONE, COURSEBELL_EMAIL_URL=sink.url) as service,
    ):
        (tmp_path / "people.csv").write_text(people())
        assert service.command("people", "import", "people.csv").returncode == 0
        with Crowd(service, CLIENTS) as crowd:
            for _ in range(KILLS):
                die(service, crowd, sink, moments)
                service.start()
        service.notifications(lambda items: settled(service), "everything owed is sent")
        assert service.stop() == 0
        checked = service.command("fsck")

    assert (checked.returncode, "nothing is missing" in checked.stdout) == (0, True), checked.stdout
    with Books(service.data) as books:
        unknowns = books.unknowns()
        copies = check_mails(books, sink, unknowns)
        check_letters(books, crowd)
    repeats = sum(copies.values()) - len(copies)
    log.info(
        "%d kills: %d letters acknowledged in %d tries, %d mails, %d open attempts, %d repeats",
        KILLS, len(crowd.acked), crowd.tries, sum(copies.values()), sum(unknowns.values()), repeats,
    )  # fmt: skip
    assert len(crowd.acked) > KILLS
    assert unknowns, "no kill hit an open attempt: this run has shown nothing"


def settled(service: SproutingService) -> bool:
    """Whether no letter waits and no notification is open."""
    numbers = service.call("GET", "/metrics").body.decode()
    found = dict(re.findall(r'^coursebell_(\w+(?:\{state="\w+"\})?) (\S+)$', numbers, re.MULTILINE))
    waiting = ('letters{state="waiting"}', 'notifications{state="owed"}', "views_lag_events")
    return all(float(found[name]) == 0 for name in waiting)


def check_letters(books: Books, crowd: Crowd) -> None:
    """Every 202 is in the ledger as it was sent, taken, and its completion was told."""
    told = Counter(n.owed.course for n in books.notifications().values())
    for receipt, course in crowd.acked.items():
        letter = books.letters.show(receipt)
        assert letter is not None, f"letter {receipt} was acknowledged and is gone"
        assert f'"{course}"'.encode() in (books.letters.body(receipt) or b"")
        assert letter["state"] == "taken"
        assert {e["state"] for e in letter["events"]} <= {"recorded", "duplicate"}
        assert told[course] == 1


def check_mails(books: Books, sink: SmtpSink, unknowns: Counter[str]) -> Counter[str]:
    """Every owed mail came, once for each attempt whose outcome is known and unknown at most."""
    words: dict[str, set[bytes]] = defaultdict(set)
    copies: Counter[str] = Counter()
    for mail in sink.mails:
        id = MESSAGE_ID.findall(mail.raw)[0].decode()
        copies[id] += 1
        words[id].add((*mail.recipients, text_of(mail.parsed)))
    found = books.notifications()
    assert {n.state for n in found.values()} == {"sent"}
    assert set(found) == set(copies), "owed and never came, or came and never owed"
    assert all(len(each) == 1 for each in words.values()), "a repeat says something else"
    too_many = {id: n for id, n in copies.items() if n > 1 + unknowns[id]}
    assert not too_many, f"repeated without an open attempt: {too_many}"
    return copies


def text_of(mail) -> str:
    return f"{mail['Subject']}\n{mail.get_body(('plain',)).get_content()}"
