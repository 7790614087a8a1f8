"""Count what one rule file would have sent, while the replay goes on."""

from collections import Counter
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from service.learners.directory.people import Person
from service.rules.calendar import HOUR, local
from service.rules.notification import HELD, SENT, Owed

STORM = "storm"
HEAVIEST = 10


class Fate(msgspec.Struct, frozen=True):
    """Say what became of a notification, and when (ms UTC).

    Of one still open at the end `at` is when it is due. `reader` is the person to whom it was
    sent, None for a room; `into` is the notification whose message stood for this one.
    """

    id: str
    owed: Owed
    state: str
    reason: str
    at: int
    reader: Person | None = None
    into: str | None = None


class RecipientCount(msgspec.Struct):
    """Count messages to one person or room, on how many days, and the last of these."""

    sent: int = 0
    days: int = 0
    last: str = ""


class Tally:
    """Count by rule, day, kind of recipient and reader; days are those of the file's zone.

    `fates` are by rule, state and reason. `storms` are what the guard held, by rule and hour
    (ms UTC). `waiting` are the people without a known address, with how much waits for each.
    """

    def __init__(self, timezone: str) -> None:
        self.matched: Counter[str] = Counter()
        self.fates: Counter[tuple[str, str, str]] = Counter()
        self.days: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.storms: Counter[tuple[str, int]] = Counter()
        self.waiting: Counter[str] = Counter()
        self.readers: dict[str, RecipientCount] = {}
        self._zone = ZoneInfo(timezone)
        self._hour = -1
        self._day = ""

    @property
    def sent(self) -> int:
        """Count the messages that left."""
        return self.kinds.total()

    def count(self, state: str, rule: str | None = None) -> int:
        """Count those that ended in a state, of one rule or of all."""
        return sum(
            count for (r, s, _), count in self.fates.items() if s == state and rule in (None, r)
        )

    def heaviest(self, limit: int = HEAVIEST) -> dict[str, RecipientCount]:
        """Find those who would have been told most, by person id or room."""
        ranked = sorted(self.readers.items(), key=lambda each: (-each[1].sent, each[0]))
        return dict(ranked[:limit])

    def match(self, owed: Owed) -> None:
        """Count that a rule matched and owes a notification."""
        self.matched[owed.rule] += 1

    def hold(self, owed: Owed, reason: str, at: int) -> None:
        """Count one held until a person releases it, which nobody does here."""
        self.fates[owed.rule, HELD, reason] += 1
        if reason == STORM:
            self.storms[owed.rule, at // HOUR * HOUR] += 1

    def end(self, owed: Owed, state: str, reason: str) -> None:
        """Count one that ends unsent, or is open at the end of the replay."""
        self.fates[owed.rule, state, reason] += 1

    def wait(self, person: str) -> None:
        """Count one without a known address; `person` is empty if nobody is known at all."""
        self.waiting[person] += 1

    def send(self, owed: Owed, recipient: Person | None, at: int) -> None:
        """Count one that leaves."""
        self.fates[owed.rule, SENT, ""] += 1
        day = self._day_of(at)
        self.days[day] += 1
        self.kinds[kind_of(owed.entry)] += 1
        key = owed.recipient if recipient is None else recipient.id
        reader = self.readers.get(key)
        if reader is None:
            reader = self.readers[key] = RecipientCount()
        reader.sent += 1
        if reader.last != day:
            reader.days, reader.last = reader.days + 1, day

    def _day_of(self, at: int) -> str:
        hour = at // HOUR
        if hour != self._hour:  # no zone changes its date within an hour of UTC but at half hours
            self._hour, self._day = hour, local(at, self._zone).date().isoformat()
        return self._day


@lru_cache
def kind_of(entry: str) -> str:
    """Name the kind of recipient an entry has: role, watchers, a group by its name, or room."""
    who = entry.partition(",")[0]
    return "room" if who.startswith("post=") else who.removeprefix("to=")
