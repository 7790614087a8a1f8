"""Hold the mails of one channel to so many a minute for each domain of its readers."""

from collections import Counter
from collections.abc import Sequence

from service.rules.calendar import MINUTE
from service.rules.notification import SCHEDULED, Deferred
from service.sending.planner import ReadyMessage
from service.sending.streams import Update

PACE = "pace"


class DomainPace:
    """Give each message its minute, those due first the first one; a reserved minute stays theirs.

    Others pass them meanwhile. It is used by one thread at a time, and remembers the minutes that
    have mails of their own; a new one does not know what left this minute before it.
    """

    def __init__(self, a_minute: int) -> None:
        self._most = a_minute
        self._minute = 0
        self._left: Counter[str] = Counter()
        self._reserved: dict[str, tuple[int, int]] = {}
        """By domain the last minute that was given away, and to how many."""

    def split(
        self, ready: Sequence[ReadyMessage], now: int
    ) -> tuple[list[ReadyMessage], list[Update]]:
        """Tell what may leave now, and put off the others, with all that they speak for."""
        leaving, later = [], []
        for each in ready:
            lead = each.notification
            domain = (each.outgoing.address or "").rpartition("@")[2].lower()
            has_minute = (lead.state, lead.reason) == (SCHEDULED, PACE)
            until = self.put_off(domain, now, has_minute=has_minute)
            if until is None:
                leaving.append(each)
            else:
                put_off = Deferred(at=now, until=until, reason=PACE)
                others = tuple((n, put_off) for n, _ in each.message.told)
                later.append(Update(lead, put_off, also=others))
        return leaving, later

    def put_off(self, domain: str, now: int, *, has_minute: bool) -> int | None:
        """Say until when (ms UTC) a mail to a domain waits; None if it may leave now."""
        minute = self._turned_to(now // MINUTE)
        full = self._left[domain] >= self._most
        if not has_minute or full:
            at, count = self._reserved.get(domain, (minute, 0))
            if count >= self._most or (at == minute and full):
                at, count = at + 1, 0
            self._reserved[domain] = (at, count + 1)
            if at > minute:
                return at * MINUTE
        self._left[domain] += 1
        return None

    def _turned_to(self, minute: int) -> int:
        """Forget the minutes that are over."""
        if minute != self._minute:
            self._minute, self._left = minute, Counter()
            self._reserved = {d: last for d, last in self._reserved.items() if last[0] >= minute}
        return minute
