"""The same letters, asks and deliveries leave the same rows on both engines.

No setting leads to PostgreSQL yet: here the app is given such a ledger.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bench import feed
from service.app import app as composition
from service.learners.directory import people, people_table
from service.ledger.ledger import Ledger
from service.ledger.postgresql.postgres_store import PostgresStore
from service.sending import delivery
from tests.campaigns import campaign, length
from tests.installation import DAY, HOUR, ROOT, START, Installation

LETTERS = length(2_000, sample=120)
AT_A_TIME = 40
POSITION = re.compile(rb'"position":\d+')
"""Of an ask of the clock: each engine numbers the log in its own way."""
RULES = (ROOT / "bench/rules.yaml").read_text()
LogOfStreams = set[tuple[str, int, str, bytes]]


class Academy(Installation):
    """With the rules of the bench as they are."""

    def write_rules(self, rules: str) -> None:
        self.rules.write_text(rules)


@contextmanager
def academy(folder: Path, ledger: Callable[[Path], Any]) -> Iterator[Installation]:
    """An academy whose ids are the same each time: chance would tell its logs apart."""
    numbers = count()

    def numbered(now: int) -> str:
        return f"{now // 1000:08x}{blake2b(b'%d' % next(numbers), digest_size=12).hexdigest()}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composition, "Ledger", ledger)
        patch.setattr(delivery, "steady_clock", lambda: 0)
        for room in (people, people_table):
            patch.setattr(room, "random_id", numbered)
        folder.mkdir()
        with Academy(folder, RULES) as here:
            with here.app.ledger.transaction() as cursor:
                here.app.people.store(cursor, feed.people(), START)
                here.app.courses.store(cursor, feed.courses(), START)
            here.app.writer.forget()
            yield here


def played(here: Installation) -> LogOfStreams:
    """Letters, asks and mails of a while, with a restart in between; returns the log."""
    told = feed.Feed(1, START)
    letters = list(told.letters(LETTERS))
    for begin in range(0, len(letters), AT_A_TIME):
        some = letters[begin : begin + AT_A_TIME]
        here.app.letters.keep(some)
        here.tick(some[-1].received_at)
        if begin == AT_A_TIME:
            here.reopen(some[-1].received_at)
    for days in (1, 8, 15):
        here.tick(told.now + days * DAY + HOUR)
    log = here.app.ledger.log(0, 2**40)
    return {(stream, v, topic, POSITION.sub(b"", state)) for _, stream, v, topic, state in log}


@campaign
def test_the_same_letters_leave_the_same_rows(tmp_path: Path, postgres_address: str) -> None:
    with academy(tmp_path / "one", Ledger) as here:
        expected = played(here)
        mails = len(here.drawer())
    with academy(
        tmp_path / "other", lambda path: PostgresStore(postgres_address, path.parent)
    ) as here:
        found = played(here)
        assert len(here.drawer()) == mails
    assert len(expected) > LETTERS
    assert (sorted(expected - found)[:3], sorted(found - expected)[:3]) == ([], [])
