"""Close digests: what was collected becomes one message for each reader, at its hour."""

from collections.abc import Sequence

from service.rules.digests import ClosedDigests, DigestReader, close, reader_of
from service.rules.judgement import Ground
from service.rules.notification import HELD, Held, Notification
from service.rules.rule import MUTING, muting_of
from service.rules.verdict import holds
from service.sending import queue
from service.sending.planner import SendingContext, verdict

READERS_AT_A_TIME = 100


class DigestCloser:
    """Close the digests whose hour has come."""

    def __init__(self, context: SendingContext) -> None:
        self._views = context.views
        self._streams = context.streams
        self._lookup = context.lookup
        self._active = context.active

    def close(self, now: int) -> int:
        """Close the digests that are due, by the views; return how many were closed.

        What somebody else moved meanwhile is left for the next time.
        """
        items = queue.items_due(self._views, now)
        if not items:
            return 0
        self._lookup.forget()
        readers: dict[DigestReader, list[str]] = {}
        for item in items:
            readers.setdefault(reader_of(item, self._lookup), []).append(item.id)
        waiting = list(readers.items())
        starts = range(0, len(waiting), READERS_AT_A_TIME)
        return sum(self._close(waiting[s : s + READERS_AT_A_TIME], now) for s in starts)

    def _close(self, readers: Sequence[tuple[DigestReader, list[str]]], now: int) -> int:
        """Close the digests of some readers, in one transaction if nobody interferes."""
        ids = [id for _, items in readers for id in items]
        found = {n.id: n for n in self._streams.notifications(ids) if is_collected(n, now)}
        muting, muted = muting_of(self._lookup.latest)
        active = self._active()
        ground = Ground(
            active.decider, self._lookup, now=now, muted=muted, settling=active.settling
        )
        subjects = self._streams.subjects(list(found.values()))
        made = []
        for reader, items in readers:
            mine = [found[id] for id in items if id in found]
            judged = [(item, verdict(holds, item, subjects, ground=ground)) for item in mine]
            made.append(close(judged, reader, ground))
            if any(isinstance(found, Held) for _, found in judged):
                made[-1].rests_on[MUTING] = muting  # else what is unmuted now would stay held
        return self._write(made)

    def _write(self, made: Sequence[ClosedDigests]) -> int:
        rows = [row for each in made for row in each.rows]
        rests_on = {stream: v for each in made for stream, v in each.rests_on.items()}
        if self._streams.store.append_unless_moved(rows, rests_on):
            return sum(each.digests for each in made)
        return sum(self._write([each]) for each in made) if len(made) > 1 else 0


def is_collected(item: Notification, now: int) -> bool:
    """Tell whether an item waits for a digest that may close now, by the log itself."""
    return item.owed.digest and item.is_open and item.state != HELD and item.due_at <= now
