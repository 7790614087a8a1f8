"""The same letters once more, undisturbed and on SQLite: what a disturbed log is compared with.

People's ids are made of a count, so both logs have the same; and a moment of the run, which no two
runs share, is written as "now". What depends on the moment in any other way is left out.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from service.incoming.letter import Arrival
from service.learners.directory import people, people_table
from service.learners.directory.people import PersonRow
from service.ledger.store import Store
from tests.installation import Installation
from tests.reliability.adobe import LEARNERS

AT_A_TIME = 500
ACCOUNT = "1234"
MOMENT = re.compile(rb"\b1[0-9]{12}\b")
MOMENTARY = (
    "clock.", "storm.", "channel.", "channels.", "notification.attempt_", "notification.ended",
    "notification.deferred", "files.",
)  # fmt: skip
"""When the clock was asked, how many were told within a while, and how sending went."""

RULES = """
version: 1
channels:
  email: ${COURSEBELL_EMAIL_URL}
rules:
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
  - id: still
    trigger: {stalled_for: 7d}
    expires_after: 3650d
    notify:
      - {to: learner, via: email, template: stalled}
"""
"""Nothing here depends on when it is decided: who fell silent did so long ago."""

Row = tuple[str, int, str, bytes]


class Academy(Installation):
    """Has these rules, and its people from the start."""

    def write_rules(self, rules: str) -> None:
        self.rules.write_text(rules)


@contextmanager
def furnished(folder: Path, **environ: str) -> Iterator[Academy]:
    """Make an installation with all the learners; their ids are the same each time."""
    numbers = count()

    def numbered(now: int) -> str:
        return f"{now // 1000:08x}{blake2b(b'%d' % next(numbers), digest_size=12).hexdigest()}"

    with pytest.MonkeyPatch.context() as patch:
        for room in (people, people_table):
            patch.setattr(room, "random_id", numbered)
        folder.mkdir()
        with Academy(folder, RULES, COURSEBELL_STORM_LIMIT="1000000", **environ) as here:
            here.import_people(
                PersonRow(str(n), "adobe", ACCOUNT, name=f"Learner {n}", email=f"l{n}@example.org")
                for n in range(LEARNERS)
            )
            yield here


class Difference(NamedTuple):
    """How many rows the disturbed log has, lacks, and has beyond those of the other."""

    rows: int
    missing: list[Row]
    surplus: list[Row]


def compared(store: Store, folder: Path, since: int, now: int) -> Difference:
    """Compare a log with that of one SQLite run of the very letters that it was made of."""
    found = _rows(store, since, now)
    with furnished(folder) as here:
        letters = store.reader().execute("SELECT source, body FROM letters ORDER BY n").fetchall()
        for begin in range(0, len(letters), AT_A_TIME):
            some = letters[begin : begin + AT_A_TIME]
            here.app.letters.keep([Arrival(source, now, {}, body) for source, body in some])
            here.app.take(now)
        here.app.views.catch_up()
        here.app.ask(now)
        expected = _rows(here.app.ledger, now, now)
    missing, surplus = expected - found, found - expected
    return Difference(found.total(), sorted(missing), sorted(surplus))


def _rows(store: Store, since: int, now: int) -> Counter[Row]:
    """Read what does not depend on the moment."""

    def timeless(found: re.Match[bytes]) -> bytes:
        return b'"now"' if since <= int(found[0]) <= now else found[0]

    return Counter(
        (stream, version, topic, MOMENT.sub(timeless, bytes(state)))
        for _, stream, version, topic, state in store.log(0, 2**40)
        if not topic.startswith(MOMENTARY)
    )
