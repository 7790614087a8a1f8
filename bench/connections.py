"""Connections: what the real service owes, over one and over eight, beside smtplib and apprise."""

import smtplib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from statistics import median
from typing import NamedTuple

from bench.feed import COURSES, completion
from bench.running import Running
from bench.sending import RECIPIENT, SENDER, by_apprise
from bench.sink import Sink
from bench.site import Site, keep
from bench.table import Row
from service.ledger.sqlite.database import connect

AIMS = {1: 0.5, 8: 0.8}
"""By the number of connections: so many times what smtplib does over as many, with ready bytes."""
FLOORS = {
    1: "each waits for a flush to disk",
    8: "words, MIME, SMTP and its share of a commit take 0.3 ms of one interpreter",
}
"""What keeps us from it next door, whatever else is done (decision 40)."""
AIM_APPRISE = 40.0
NEXT_DOOR = "next door"
AWAY_SECONDS = 0.01
THINKS_SECONDS = 0.02
"""What a server may take to answer the final dot; one next door takes nothing."""
PATIENCE_SECONDS = 120.0


def measure(site: Site) -> list[Row]:
    """The same mails by us, by as many threads of smtplib, and by apprise, in turn."""
    return [
        *beside_others(site, Sink(), NEXT_DOOR),
        *beside_others(site, Sink(thinks=THINKS_SECONDS), "that thinks 20 ms"),
        *beside_others(site, Sink(away=AWAY_SECONDS), "10 ms away"),
    ]


def beside_others(site: Site, server: Sink, where: str) -> list[Row]:
    """Two rows for each number of connections, to one server."""
    few = site.sizes.apprise_mails
    plain: dict[int, list[float]] = {n: [] for n in AIMS}
    ours: dict[int, list[Sent]] = {n: [] for n in AIMS}
    apprise: dict[int, list[float]] = {n: [] for n in AIMS}
    flushes: list[float] = []
    with server as sink:
        for turn in range(site.sizes.rounds):
            for n in AIMS:
                site.say(f"connections: {n} to a server {where}, round {turn + 1}")
                ours[n].append(sent(site, sink, n, f"connections-{where}-{turn}-{n}"))
                plain[n].append(by_threads(smtplib_with(sink, sink.last), n, site.sizes.mails))
                apprise[n].append(by_threads(lambda c: by_apprise(sink, c), n, few))
                flushes.append(flushes_a_second(site, site.sizes.mails))
    found = [row for n in AIMS for row in rows(n, where, ours[n], plain[n], apprise[n])]
    return [*found, Row(what="flushes of this disk, one by one", unit="/s", values=flushes)]


class Sent(NamedTuple):
    """How fast a service has sent: mails a second, and ms of the processor for each."""

    rate: float
    cpu_ms: float


def rows(
    n: int, where: str, sent: list[Sent], plain: list[float], apprise: list[float]
) -> list[Row]:
    """What we did with so many connections, beside what others did with as many."""
    ours = [each.rate for each in sent]
    to_plain = [a / b for a, b in zip(ours, plain, strict=True)]
    to_apprise = [a / b for a, b in zip(ours, apprise, strict=True)]
    return [
        Row(
            what=f"mail by {n} to a server {where}", unit="mails/s", values=ours,
            floor=f"smtplib by {n}, ready bytes:", floors=plain, ratios=to_plain,
            aim=f"{AIMS[n]:g} ({FLOORS[n]})" if where == NEXT_DOOR else f"{AIMS[n]:g}",
            reached=median(to_plain) >= AIMS[n],
        ),
        Row(what="its processor for each", unit="ms", values=[each.cpu_ms for each in sent]),
        Row(
            what="the same beside apprise", unit="mails/s", values=ours,
            floor=f"apprise by {n}:", floors=apprise, ratios=to_apprise,
            aim=f"{AIM_APPRISE:g} times", reached=median(to_apprise) >= AIM_APPRISE,
        ),
    ]  # fmt: skip


def smtplib_with(sink: Sink, mail: bytes) -> Callable[[int], object]:
    """Give what hands over so many copies of a mail on one kept connection."""

    def send(count: int) -> None:
        with smtplib.SMTP("127.0.0.1", sink.port, "bench.example") as connection:
            for _ in range(count):
                connection.sendmail(SENDER, [RECIPIENT], mail)

    return send


def by_threads(send: Callable[[int], object], threads: int, count: int) -> float:
    """Mails a second by so many threads, each with its share."""
    share = max(1, count // threads)
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, [share] * threads))
    return share * threads / (time.perf_counter() - begun)


def flushes_a_second(site: Site, count: int) -> float:
    """Commits of a ledger that has nothing else to do, each of a row as large as an outcome."""
    with closing(connect(site.folder / "flushes.db")) as ledger:
        ledger.execute("CREATE TABLE IF NOT EXISTS outcomes (body TEXT)")
        begun = time.perf_counter()
        for _ in range(count):
            ledger.execute("INSERT INTO outcomes VALUES (?)", ("x" * 100,))
        return count / (time.perf_counter() - begun)


def sent(site: Site, sink: Sink, connections: int, name: str) -> Sent:
    """What a service finds owed, from the first accepted to the last."""
    count, before = site.sizes.mails, sink.count
    more = {
        "COURSEBELL_EMAIL_URL": sink.url,
        "COURSEBELL_EMAIL_CONNECTIONS": str(connections),
    }
    now = int(time.time() * 1000)
    app = site.app(name, "completed.yaml", **more)
    app.start(now)
    keep(app, [completion(learner, now, now // 60_000 % COURSES) for learner in range(count)])
    app.take(now)
    app.views.catch_up()
    site.leave(app)
    with Running(site.environment(name, "completed.yaml", **more)) as running:
        began = running.cpu_seconds
        moments = [at for _, at in sink.wait_for(before + count, PATIENCE_SECONDS)[before:]]
        used = running.cpu_seconds - began
    assert len(moments) == count, f"expected {count} mails, got {len(moments)}"
    return Sent((count - 1) / (max(moments) - min(moments)), used / count * 1000)
