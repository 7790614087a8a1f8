"""Catching up: archived payloads become letters that nobody is told of, a few at a time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from service.incoming.letter import Arrival
from service.incoming.letters import Letters

PAYLOADS_PER_COMMIT = 512
BYTES_PER_COMMIT = 8 * 1024 * 1024
WAITING_AT_MOST = 2_048
"""Letters an import lets wait: a letter that comes meanwhile waits behind these and no more."""


def bring_in(
    letters: Letters,
    source: str,
    payloads: Iterable[bytes],
    clock: Callable[[], int],
    make_room: Callable[[], object],
) -> Iterator[range]:
    """Keeps payloads as imported letters of a source; yields the receipts of each commit.

    `make_room` is called before each commit, and returns once fewer than WAITING_AT_MOST wait.
    Stopped half-way, what was yielded is kept; the same payloads again change nothing.
    """
    for batch in _batches(payloads):
        make_room()
        now = clock()
        kept = letters.keep([Arrival(source, now, {}, body) for body in batch], imported=True)
        yield range(kept[0], kept[-1] + 1)


def became(letters: Letters, receipts: Iterable[range]) -> Counter[str]:
    """How many letters there were, and what became of their events, by state."""
    found: Counter[str] = Counter()
    for batch in receipts:
        found["letters"] += len(batch)
        for outcomes in letters.outcomes(batch[0], batch[-1]):
            found.update(outcome.state for outcome in outcomes)
    return found


def _batches(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for payload in payloads:
        batch.append(payload)
        size += len(payload)
        if len(batch) >= PAYLOADS_PER_COMMIT or size >= BYTES_PER_COMMIT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
