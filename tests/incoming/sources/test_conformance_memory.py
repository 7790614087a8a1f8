"""A million events are read in constant memory: nothing of a letter stays behind."""

import gc
import json
import sys
from collections.abc import Iterator

from service.learners.facts import Fact
from tests.campaigns import campaign, length
from tests.incoming.sources.dialects import RECEIVED_AT, Dialect, every_dialect

LETTERS, EVENTS_EACH, UNKNOWN_EACH = length(500, sample=90), 2_000, 6
STEM = 555_550_000
WARM = 50
"""By then every bounded cache is full."""

BLOCKS = 500
"""What may be more after all the other events: a quarter of what one letter has facts."""


def letters(dialect: Dialect) -> Iterator[bytes]:
    """A million events in letters, or a sample, each about a learner and a course of its own.

    The first few of each letter are of kinds nobody knows, each with a name of its own.
    """
    course = dialect.fact(dialect.story[0]).course.rpartition(":")[2]
    told = []
    for n in range(STEM, STEM + EVENTS_EACH):
        kind = n - STEM
        event = dialect.events[kind % len(dialect.events)]
        if kind < UNKNOWN_EACH:
            event = dialect.unknown(f"QUIZ_{n}")
        told.append(json.loads(json.dumps(dialect.by(event, n)).replace(course, str(n))))
    body, stem = dialect.letter(*told), b"%d" % (STEM // 10_000)
    assert body.count(stem) >= EVENTS_EACH
    return (body.replace(stem, b"%d" % (20_000 + n)) for n in range(LETTERS))


@campaign
@every_dialect
def test_many_events_leave_nothing_behind(dialect: Dialect) -> None:
    facts = before = 0
    digests = set()
    for n, body in enumerate(letters(dialect)):
        items = dialect.source.read(body, RECEIVED_AT)
        facts += sum(type(item) is Fact for item in items)
        digests.add(hash(repr(items[-1])))
        del items, body
        if n == WARM:
            gc.collect()
            before = sys.getallocatedblocks() - len(digests)
    gc.collect()
    assert sys.getallocatedblocks() - len(digests) - before < BLOCKS
    assert facts == LETTERS * (EVENTS_EACH - UNKNOWN_EACH)
    assert len(digests) == LETTERS
