"""A busy day: many owed mails to a server that takes 50 connections, greylists, refuses, stalls."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from bench.feed import ACCOUNT, completion
from bench.running import Running
from bench.sink import Books, Sink
from bench.site import LETTERS_PER_COMMIT, Site, keep
from bench.table import Row
from service.app.app import App
from service.learners.directory.people import PersonRow
from service.rules.calendar import MINUTE
from service.rules.notification import AttemptEnded, AttemptStarted, Deferred, Owed

CONNECTIONS = 8
GREYLISTED, REFUSED, ONE_DOMAIN = 20, 100, 100
"""One of so many."""
STALLS_EVERY, STALL_SECONDS = 500, 2.0
PACE_MAX = 100
"""So many a minute, or two thirds of those of that domain, so that some wait for their minute."""
PEOPLE_AT_A_TIME = 10_000
ROOM_MB = 40.0
"""How much memory may grow from a quarter of the mails on: each connection to a database keeps up
to 8 MB of its pages, and those that come back at the end lie all over it."""
PATIENCE_SECONDS = 180.0


def number_of(recipient: str) -> int:
    """Which learner an address is of."""
    return int(recipient.partition("@")[0].removeprefix("u"))


def is_greylisted(number: int) -> bool:
    return number % GREYLISTED == 3


def is_refused(number: int) -> bool:
    return number % REFUSED == 7


def domain_of(number: int) -> str:
    """One of a hundred is of one domain, which is paced; the others have each their own."""
    return "one.example" if number % ONE_DOMAIN == 11 else f"d{number}.example"


class BusyBooks(Books):
    """A server with its hands full."""

    most_connections = 50

    def __init__(self, thinks: float, away: float) -> None:
        super().__init__(thinks, away)
        self.seen: set[int] = set()

    def welcome(self, recipient: str) -> bytes:
        """Whom it does not know it lets come back, and some are nobody."""
        number = number_of(recipient)
        if is_refused(number):
            return b"550 5.1.1 nobody here\r\n"
        if is_greylisted(number) and number not in self.seen:
            self.seen.add(number)
            return b"450 4.7.1 greylisted\r\n"
        return super().welcome(recipient)

    def think(self) -> None:
        """Stall now and then."""
        if self.count % STALLS_EVERY == STALLS_EVERY - 1:
            time.sleep(STALL_SECONDS)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a busy day; the ledger's word, beside what the server has taken.

    `wrong` are mails that are not as they should be, `overtaken` those that were begun before
    another that was due before them, of the same kind; `paced` is the most that one domain got in
    a minute. `mb` is the memory at a quarter, and the most from then on.
    """

    mails: int
    seconds: float
    wrong: list[str]
    overtaken: int
    paced: int
    pace: int
    connections: int
    mb: tuple[float, float]

    @property
    def is_right(self) -> bool:
        """Whether every promise was kept."""
        flat = self.mb[1] - self.mb[0] <= ROOM_MB
        several = self.connections > 1
        return (
            not self.wrong and not self.overtaken and self.paced <= self.pace and flat and several
        )


def measure(site: Site) -> list[Row]:
    """One day of full size, or a small one if quick."""
    found = day(site, site.sizes.busy_mails)
    return [
        Row(what="mails of a busy day, greylisting waited for", unit="mails/s",
            values=[found.mails / found.seconds]),
        Row(what="mails that did not end right", unit="", values=[len(found.wrong)],
            aim="0", reached=not found.wrong),
        Row(what="mails begun before one that was due before", unit="", values=[found.overtaken],
            aim="0", reached=not found.overtaken),
        Row(what="most to one domain in a minute", unit="mails", values=[found.paced],
            aim=f"{found.pace}", reached=found.paced <= found.pace),
        Row(what="connections in use", unit="", values=[found.connections],
            aim="several", reached=found.connections > 1),
        Row(what=f"memory, at a quarter {found.mb[0]:.0f} MB, most since", unit="MB",
            values=[found.mb[1]], aim=f"{ROOM_MB:g} more",
            reached=found.mb[1] - found.mb[0] <= ROOM_MB),
    ]  # fmt: skip


def day(site: Site, mails: int) -> Day:
    """Owe so many mails, then let the service send them; returns what came of it."""
    pace = min(PACE_MAX, mails // ONE_DOMAIN * 2 // 3)
    name, now = f"busy-{mails}", int(time.time() * 1000)
    with Sink(books=BusyBooks) as sink:
        more = {
            "COURSEBELL_EMAIL_URL": sink.url,
            "COURSEBELL_EMAIL_CONNECTIONS": str(CONNECTIONS),
            "COURSEBELL_EMAIL_PER_DOMAIN": str(pace),
        }
        owe(site, name, mails, now, more)
        begun, expected = time.monotonic(), mails - mails // REFUSED
        with Running(site.environment(name, "completed.yaml", **more)) as service:
            memory = list(watched(site, sink, service, expected))
        taken, connections = sink.accepted, int(sink.ask("most_open"))
    quarter = memory[len(memory) // 4]
    app = site.app(name, "completed.yaml", **more)
    try:
        return Day(
            mails=mails, seconds=max(at for _, at in taken) - begun,
            wrong=list(wrong(app, mails, Counter(number_of(to) for to, _ in taken))),
            overtaken=overtaken(app), paced=paced(app), pace=pace, connections=connections,
            mb=(quarter, max(memory[len(memory) // 4 :])),
        )  # fmt: skip
    finally:
        site.leave(app)


def owe(site: Site, name: str, mails: int, now: int, more: dict[str, str]) -> None:
    """Build an installation that owes them all, in the order of its learners."""
    app = site.app(name, "completed.yaml", **more)
    app.start(now)
    for first in range(0, mails, PEOPLE_AT_A_TIME):
        numbers = range(first, min(first + PEOPLE_AT_A_TIME, mails))
        rows = [
            PersonRow(str(100_000 + n), "adobe", ACCOUNT, email=f"u{n}@{domain_of(n)}")
            for n in numbers
        ]
        with app.ledger.transaction() as cursor:
            app.people.store(cursor, rows, now)
    for first in range(0, mails, LETTERS_PER_COMMIT):
        site.say(f"busy-day: {first:,} of {mails:,} owed")
        keep(
            app, [completion(n, now) for n in range(first, min(first + LETTERS_PER_COMMIT, mails))]
        )
        app.take(now)
    app.views.catch_up()
    site.leave(app)


def watched(site: Site, sink: Sink, service: Running, expected: int) -> Iterator[float]:
    """Memory (MB) once a second, until all mails have come or none comes any more."""
    count, news = 0, time.monotonic()
    while count < expected and time.monotonic() - news < PATIENCE_SECONDS:
        time.sleep(1)
        if (found := sink.count) > count:
            count, news = found, time.monotonic()
        site.say(f"busy-day: {count:,} of {expected:,} taken, {service.resident_mb:.0f} MB")
        yield service.resident_mb


def wrong(app: App, mails: int, taken: Counter[int]) -> Iterator[str]:
    """Name what did not end as it should: sent and taken once, or refused and given up."""
    states = Counter[str]()
    ends: dict[str, list[AttemptEnded]] = defaultdict(list)
    for event in app.store.follow(0, [Owed.TOPIC, AttemptEnded.TOPIC]):
        ends[event.stream] += [event.body] if isinstance(event.body, AttemptEnded) else []
    for tries in ends.values():
        states[tries[-1].then if tries else "not tried"] += 1
    expected = {"sent": mails - mails // REFUSED, "given_up": mails // REFUSED}
    if states != expected:
        yield f"expected {expected}, got {dict(states)}"
    for number in range(mails):
        if taken[number] != (not is_refused(number)):
            yield f"learner {number}: taken {taken[number]} times"


def overtaken(app: App) -> int:
    """Count first tries that were begun before one that was due before; the paced by themselves."""
    owed: dict[str, int] = {}
    begun: list[int] = []
    put_off: list[int] = []
    for event in app.store.follow(0, [Owed.TOPIC, AttemptStarted.TOPIC, Deferred.TOPIC]):
        if isinstance(event.body, Owed):
            owed[event.stream] = event.position
        elif isinstance(event.body, Deferred):
            put_off.append(owed.pop(event.stream))
        elif event.stream in owed:
            begun.append(owed.pop(event.stream))
    return sum(a > b for line in (begun, put_off) for a, b in pairwise(line))


def paced(app: App) -> int:
    """Count the most tries of a minute to the one domain that many are of."""
    ours: set[str] = set()
    minutes = Counter[int]()
    for event in app.store.follow(0, [Owed.TOPIC, AttemptStarted.TOPIC]):
        if isinstance(event.body, Owed):
            person = app.people.lms_ids([event.body.person or ""]).get(event.body.person or "", "")
            if domain_of(int(person) - 100_000) == "one.example":
                ours.add(event.stream)
        elif event.stream in ours:
            minutes[event.body.at // MINUTE] += 1
    return max(minutes.values())
