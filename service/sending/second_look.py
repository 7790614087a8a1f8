"""Look again at what was put off, when its reader chooses anew or the rules change."""

from collections.abc import Sequence

from service.learners.directory.people_table import choosing
from service.rules.judgement import Ground
from service.rules.notification import SCHEDULED, Notification
from service.rules.readers.put_off import sooner
from service.rules.rule import muting_of
from service.rules.verdict import judge
from service.sending import queue
from service.sending.planner import ActiveRules, SendingContext, verdict
from service.sending.streams import OutcomeRecorder, Update

AT_A_TIME = 500


class SecondLook:
    """Bring forward what may leave sooner by now; at first all that was put off is looked at."""

    def __init__(self, context: SendingContext) -> None:
        self._views = context.views
        self._streams = context.streams
        self._lookup = context.lookup
        self._active = context.active
        self._by: ActiveRules | None = None
        self._seen = 0
        self._left: list[str] = []

    def look(self, now: int) -> bool:
        """Look at some, as the views have them; return whether there are more."""
        self._notice(now)
        if self._left:
            found = self._streams.notifications(self._left[:AT_A_TIME])
            waiting = [n for n in found if is_put_off(n, now)]
            OutcomeRecorder(self._streams).append(self._steps(waiting, now))
            self._left = self._left[AT_A_TIME:]
        return bool(self._left)

    def _notice(self, now: int) -> None:
        """Note what there is to look at since the last time."""
        active, chose = self._active(), queue.chose_after(self._views, self._seen)
        if active is not self._by:
            found = queue.put_off_by_wish(self._views, now)
        elif chose:
            ids = choosing(self._streams.store.ledger.reader(), chose)
            readers = {record for id in ids for record in self._lookup.records_of(id)}
            found = queue.put_off_by_wish(self._views, now, readers)
        else:
            return
        self._by, self._seen = active, max([self._seen, *chose.values()])
        self._left = list(dict.fromkeys([*self._left, *found]))

    def _steps(self, waiting: Sequence[Notification], now: int) -> list[Update]:
        self._lookup.forget()
        active, (_, muted) = self._active(), muting_of(self._lookup.latest)
        settling = active.settling
        ground = Ground(active.decider, self._lookup, now=now, muted=muted, settling=settling)
        subjects = self._streams.subjects(waiting)
        judged = [(n, verdict(judge, n, subjects, ground=ground)) for n in waiting]
        steps = [(n, sooner(n, found, ground)) for n, found in judged]
        return [Update(n, step) for n, step in steps if step]


def is_put_off(notification: Notification, now: int) -> bool:
    """Tell whether something waits for a later moment, by the log itself."""
    waits = notification.state == SCHEDULED and notification.claimed_until is None
    return waits and notification.due_at > now
