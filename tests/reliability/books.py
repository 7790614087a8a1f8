"""The books: what the ledger of a stopped service says, to be compared with what people saw."""

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from typing import Self

from service.app.event_types import SHAPES
from service.incoming.letters import Letters
from service.ledger.events import EventBody, EventMapper
from service.ledger.location import LedgerLocation
from service.ledger.store import END
from service.rules.notification import SHAPES as NOTIFICATION_SHAPES
from service.rules.notification import AttemptEnded, Notification
from tests.real_service import RealService
from tests.reliability.adobe import Crowd
from tests.smtp_sink import SmtpSink

MESSAGE_ID = re.compile(rb"^Message-ID: <(n[0-9a-f]+)@", re.MULTILINE)


class Books:
    """Reads a ledger without changing it."""

    def __init__(self, data: Path, database_url: str | None = None) -> None:
        self.ledger = LedgerLocation(data, database_url).open()
        self._mapper = EventMapper(SHAPES)
        self.letters = Letters(self.ledger)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()

    def histories(self) -> dict[str, list[EventBody]]:
        """The events of every notification by its id."""
        found: dict[str, list[EventBody]] = defaultdict(list)
        for _, stream, _, topic, state in self.ledger.log(0, END):
            if topic in NOTIFICATION_SHAPES:
                found[stream].append(self._mapper.decode(topic, state))
        return found

    def notifications(self) -> dict[str, Notification]:
        return {id: Notification.load(id, bodies) for id, bodies in self.histories().items()}

    def unknowns(self) -> Counter[str]:
        """How many attempts of each notification ended with nobody knowing what became of them."""
        return Counter(id for id, _ in self._unknown())

    def unknowns_by_start(self) -> list[int]:
        """How many attempts each start ended so, if the server never failed to answer."""
        return list(Counter(body.at for _, body in self._unknown()).values())

    def _unknown(self) -> Iterator[tuple[str, AttemptEnded]]:
        for id, bodies in self.histories().items():
            for body in bodies:
                if isinstance(body, AttemptEnded) and body.outcome == "unknown":
                    yield id, body


def check_letters(books: Books, crowd: Crowd) -> None:
    """Every 202 is in the ledger as it was sent, taken, and its completion was told."""
    told = Counter(n.owed.course for n in books.notifications().values())
    for receipt, course in crowd.acked:
        letter = books.letters.show(receipt)
        assert letter is not None, f"letter {receipt} was acknowledged and is gone"
        body = books.letters.body(receipt) or b""
        assert f'"{course}"'.encode() in body, f"letter {receipt} was acknowledged and is another"
        assert letter["state"] == "taken"
        assert {e["state"] for e in letter["events"]} <= {"recorded", "duplicate"}
        assert told[course] == 1, f"letter {receipt} was told of {told[course]} times"


def check_mails(books: Books, sink: SmtpSink, unknowns: Counter[str]) -> Counter[str]:
    """Every owed mail came, once for each attempt whose outcome is known and unknown at most."""
    words: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    copies: Counter[str] = Counter()
    for mail in sink.mails:
        id = MESSAGE_ID.findall(mail.raw)[0].decode()
        copies[id] += 1
        words[id].add((*mail.recipients, text_of(mail.parsed)))
    found = books.notifications()
    left = {id: n for id, n in found.items() if n.state != "sent"}
    assert not left, [(id, n.state, n.due_at, n.claimed_until, n.worker) for id, n in left.items()]
    assert set(found) == set(copies), "owed and never came, or came and never owed"
    assert all(len(each) == 1 for each in words.values()), "a repeat says something else"
    too_many = {id: n for id, n in copies.items() if n > 1 + unknowns[id]}
    assert not too_many, f"repeated without an open attempt: {too_many}"
    return copies


def check_connections(books: Books, connections: int) -> list[int]:
    """Each stop left one mail unknown for each connection at most; returns how many each left."""
    unknown = books.unknowns_by_start()
    assert max(unknown, default=0) <= connections, unknown
    return unknown


def check_repeats(sink: SmtpSink) -> int:
    """Whatever ended a connection, one mail that it took comes again at most; how many did."""
    repeated: Counter[int] = Counter()
    last: dict[str, int] = {}
    for mail in sink.mails:
        id = MESSAGE_ID.findall(mail.raw)[0].decode()
        if id in last:
            repeated[last[id]] += 1
        last[id] = mail.connection
    assert max(repeated.values(), default=0) <= 1, f"repeated mails by connection: {repeated}"
    return repeated.total()


def check_views(service: RealService, data: Path) -> None:
    """The views of a stopped service say what views made anew from its ledger say."""
    followed = rows_of(data / "views.db")
    assert service.command("rebuild").returncode == 0
    anew = rows_of(data / "views.db")
    assert followed.keys() == anew.keys()
    for table, rows in followed.items():
        assert rows == anew[table], f"the view {table} is not what a rebuild makes"


def rows_of(views: Path) -> dict[str, list[str]]:
    """All rows of all views, in one order."""
    with closing(sqlite3.connect(views)) as file:
        names = [n for (n,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {n: sorted(map(repr, file.execute(f"SELECT * FROM {n}"))) for n in names}


def check_ledger(service: RealService) -> None:
    checked = service.command("fsck")
    said = checked.stdout + checked.stderr
    assert (checked.returncode, "nothing is missing" in said) == (0, True), said


def text_of(mail: EmailMessage) -> str:
    plain = mail.get_body(("plain",))
    assert plain is not None
    return f"{mail['Subject']}\n{plain.get_content()}"
