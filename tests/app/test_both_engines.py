"""The same letters, asks and deliveries leave the same rows on both engines.

No setting leads to PostgreSQL yet: here the app is given such a ledger.
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bench import feed
from service.app.agreed_files import STREAM
from service.app.app import App
from service.incoming.letter import Arrival
from service.learners.directory import people, people_table
from service.learners.directory.people import PersonKey
from service.sending import delivery
from tests.campaigns import campaign, length
from tests.incoming.sources import sunbird_payloads
from tests.installation import DAY, HOUR, ROOT, START, Installation, body, completed, enrolled
from tests.ledger.stores import ENGINES

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


def named_by_key(patch: pytest.MonkeyPatch) -> None:
    """Give who is met an id made of their key, whoever meets them, and in whatever order."""
    known, unmet = people.People.known, list[PersonKey]()

    def look(self: people.People, keys: Collection[PersonKey]) -> dict[PersonKey, str]:
        found = known(self, keys)
        unmet[:] = [key for key in keys if key not in found]
        return found

    def new_id(self: people.People, now: int) -> str:
        key = "/".join(unmet.pop(0)).encode()
        return f"{now // 1000:08x}{blake2b(key, digest_size=12).hexdigest()}"

    patch.setattr(people.People, "known", look)
    patch.setattr(people.People, "new_id", new_id)


@contextmanager
def academy(folder: Path, database_url: str = "") -> Iterator[Installation]:
    """An academy whose ids are the same each time: chance would tell its logs apart."""
    numbers = count()

    def numbered(now: int) -> str:
        return f"{now // 1000:08x}{blake2b(b'%d' % next(numbers), digest_size=12).hexdigest()}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "steady_clock", lambda: 0)
        for room in (people, people_table):
            patch.setattr(room, "random_id", numbered)
        named_by_key(patch)
        folder.mkdir()
        with Academy(folder, RULES, COURSEBELL_DATABASE_URL=database_url) as here:
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
    return log_of(here.app)


def log_of(app: App) -> LogOfStreams:
    """What is in the log, but where; which files machines agree on only PostgreSQL says."""
    found = ((id, v, topic, state) for _, id, v, topic, state in app.ledger.log(0, 2**40))
    return {(id, v, t, POSITION.sub(b"", state)) for id, v, t, state in found if id != STREAM}


@campaign
def test_the_same_letters_leave_the_same_rows(tmp_path: Path, postgres_address: str) -> None:
    with academy(tmp_path / "one") as here:
        expected = played(here)
        mails = len(here.drawer())
    with academy(tmp_path / "other", postgres_address) as here:
        found = played(here)
        assert len(here.drawer()) == mails
    assert len(expected) > LETTERS
    assert (sorted(expected - found)[:3], sorted(found - expected)[:3]) == ([], [])


LETTERS_WITH_TEXTS = {
    "adobe": json.loads(body(enrolled(START, 77), completed(START, 78))),
    "community-training": {
        "EventType": "COURSE_COMPLETION",
        "MessageBody": {
            "UserId": 77, "FirstName": "Ada", "LastName": "Lovelace", "ContactType": "Email",
            "Contact": "ada@example.org", "CourseId": 7, "CourseName": "Safe driving",
            "CompletionDate": "2026-11-16T09:00:00", "ExamPercentage": "80",
        },
    },
    "sunbird": sunbird_payloads.event(),
}  # fmt: skip


def with_nul(told: Any) -> Iterator[Any]:
    """The same once for each of its texts, with NUL in that one."""
    match told:
        case str():
            yield from (f"{told}\0", f"\0{told}")
        case dict():
            for key, value in told.items():
                yield from ({**told, key: odd} for odd in with_nul(value))
                yield {**told, f"{key}\0": value}
        case list():
            for place, value in enumerate(told):
                yield from ([*told[:place], odd, *told[place + 1 :]] for odd in with_nul(value))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_letter_with_nul_in_any_text_is_kept_and_taken(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres_address") if engine == "postgresql" else ""
    letters = [
        Arrival(source, START, {"user-agent": "a\0b"}, json.dumps(odd).encode())
        for source, told in LETTERS_WITH_TEXTS.items()
        for odd in with_nul(told)
    ]
    with academy(tmp_path / "one", database) as here:
        for at, letter in enumerate(letters, start=START):
            here.app.letters.keep([letter])
            here.tick(at)
        counts = here.app.letters.counts()
    assert counts["waiting"] == 0 and counts["accepted"] == len(letters) > 80
    assert counts["taken"] > len(letters) // 3
