"""A ledger that is moved into PostgreSQL and back again decides on as if it had stayed."""

import re
from collections.abc import Iterator
from hashlib import blake2b
from itertools import count, pairwise
from pathlib import Path

import pytest

from bench import feed
from service.app.agreed_files import FilesAgreed
from service.learners.directory import people, people_table
from service.ledger.location import LedgerLocation
from service.ledger.migration.copying import migrate
from service.sending import delivery
from tests.campaigns import campaign, length
from tests.installation import DAY, HOUR, ROOT, START, Installation

LETTERS = length(1_500, sample=90)
AT_A_TIME = 30
POSITION = re.compile(rb'"position":\d+')
"""Of an ask of the clock: each engine numbers the log in its own way."""


class Academy(Installation):
    """With the rules of the bench as they are."""

    def write_rules(self, rules: str) -> None:
        self.rules.write_text(rules)


@pytest.fixture(autouse=True)
def same_ids(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ids are the same in each run: chance would tell logs apart."""
    monkeypatch.setattr(delivery, "steady_clock", lambda: 0)
    yield


def academy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    numbers = count()

    def numbered(now: int) -> str:
        return f"{now // 1000:08x}{blake2b(b'%d' % next(numbers), digest_size=12).hexdigest()}"

    for room in (people, people_table):
        monkeypatch.setattr(room, "random_id", numbered)
    folder.mkdir()
    here = Academy(folder, (ROOT / "bench/rules.yaml").read_text())
    with here.app.ledger.transaction() as cursor:
        here.app.people.store(cursor, feed.people(), START)
        here.app.courses.store(cursor, feed.courses(), START)
    here.app.writer.forget()
    return here


def moved(here: Installation, to: str | None, at: int) -> None:
    """The ledger is moved between two starts of the service."""
    here.app.views.catch_up()
    here.app.close()
    before = (here.folder / "data/views.db").stat().st_ino
    source = LedgerLocation(here.folder / "data", here.environ.get("COURSEBELL_DATABASE_URL"))
    target = LedgerLocation(here.folder / "data", to)
    held, made = source.source(), target.target()
    migrate(held, made, lambda *_: None)
    held.close()
    made.close()
    here.environ.pop("COURSEBELL_DATABASE_URL", None)
    if to:
        here.environ["COURSEBELL_DATABASE_URL"] = to
    here.open(at)
    assert (here.folder / "data/views.db").stat().st_ino == before
    assert here.app.views.position == here.app.ledger.end()


def played(here: Installation, *places: str | None) -> set[tuple[str, int, str, bytes]]:
    """Letters, asks and mails of a while, with a move behind each third; returns the log."""
    told = feed.Feed(1, START)
    letters = list(told.letters(LETTERS))
    moves = dict(zip((LETTERS // 3, 2 * LETTERS // 3), places, strict=False))
    for begin in range(0, len(letters), AT_A_TIME):
        some = letters[begin : begin + AT_A_TIME]
        if begin in moves:
            moved(here, moves[begin], some[0].received_at)
        here.app.letters.keep(some)
        here.tick(some[-1].received_at)
    for days in (1, 8, 15):
        here.tick(told.now + days * DAY + HOUR)
    log = here.app.ledger.log(0, 2**40)
    assert all(one[0] < other[0] for one, other in pairwise(log))
    return {
        (stream, v, topic, POSITION.sub(b"", state))
        for _, stream, v, topic, state in log
        if topic != FilesAgreed.TOPIC
    }


@campaign
def test_it_decides_what_it_would_have_decided(
    tmp_path: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with academy(tmp_path / "one", monkeypatch) as here:
        for _ in range(2):  # the other has two restarts more
            here.reopen()
        expected, mails = played(here), len(here.drawer())
    with academy(tmp_path / "other", monkeypatch) as here:
        found = played(here, postgres_address, None)
        assert len(here.drawer()) == mails > 0
    assert len(expected) > LETTERS
    assert (sorted(expected - found)[:3], sorted(found - expected)[:3]) == ([], [])
