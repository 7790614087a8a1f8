"""Tell in the log of what comes again and again: at once, then ever more seldom, with a count."""

from collections import OrderedDict
from collections.abc import Hashable

import msgspec

REMEMBERED = 256
LINES_A_MINUTE = 20
MINUTE_MS = 60_000
QUIET_MS = 3_600_000
TENFOLD = 10


class Series(msgspec.Struct):
    """Hold how often one thing came, at which count it is told of next, and when it came last."""

    count: int = 0
    told_at: int = 1
    last_at: int = 0


class Repeats:
    """Count what comes by a key, and say when it is worth a line: the 1st, 10th, 100th time.

    What was quiet for an hour begins anew. However many keys strangers bring, there are at most
    LINES_A_MINUTE lines, and the REMEMBERED keys that came last are kept in mind.
    """

    def __init__(self) -> None:
        self._series: OrderedDict[Hashable, Series] = OrderedDict()
        self._minute = 0
        self._lines = 0

    def count(self, key: Hashable, now: int, by: int = 1) -> int:
        """Count `by` more at `now` (ms); return the count if it is to be told, or 0."""
        found = self._series.pop(key, None)
        if found is None or now - found.last_at > QUIET_MS:
            found = Series()
        self._series[key] = found
        if len(self._series) > REMEMBERED:
            self._series.popitem(last=False)
        found.count += by
        found.last_at = now
        if found.count < found.told_at or not self._may_tell(now):
            return 0
        while found.told_at <= found.count:
            found.told_at *= TENFOLD
        return found.count

    def _may_tell(self, now: int) -> bool:
        if now // MINUTE_MS != self._minute:
            self._minute, self._lines = now // MINUTE_MS, 0
        self._lines += 1
        return self._lines <= LINES_A_MINUTE
