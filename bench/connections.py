"""Connections: what is owed to a mail server over one, two, four and eight, by the real service."""

import time
from statistics import median

from bench.feed import COURSES, completion
from bench.running import Running
from bench.sending import by_smtplib
from bench.sink import Sink
from bench.site import Site, keep
from bench.table import Row

CONNECTIONS = (1, 2, 4, 8)
THINKS_SECONDS = 0.02
"""What a server may take to answer the final dot; one next door takes nothing."""
PATIENCE_SECONDS = 120.0
AIM = 1.0


def measure(site: Site) -> list[Row]:
    """The same mails over more and more connections, beside smtplib on one in the same round."""
    return [*beside_smtplib(site, 0.0), *beside_smtplib(site, THINKS_SECONDS)]


def beside_smtplib(site: Site, thinks: float) -> list[Row]:
    """A row for each number of connections, to a server that thinks so long about each mail."""
    count = site.sizes.mails
    plain: list[float] = []
    ours: dict[int, list[float]] = {n: [] for n in CONNECTIONS}
    with Sink(thinks) as sink:
        for turn in range(site.sizes.rounds):
            for n in CONNECTIONS:
                site.say(f"connections: {n} of {CONNECTIONS[-1]}, round {turn + 1}")
                ours[n].append(sent(site, sink, n, f"connections-{thinks}-{turn}-{n}"))
            plain.append(count / by_smtplib(sink, count, sink.last))
    told = f"a server that thinks {thinks * 1000:.0f} ms" if thinks else "a server next door"
    ratios = {n: [a / b for a, b in zip(ours[n], plain, strict=True)] for n in CONNECTIONS}
    return [
        Row(
            what=f"mail by {n} connections, {told}", unit="mails/s", values=ours[n],
            floor="smtplib, one connection:", floors=plain, ratios=ratios[n],
            aim=f"{AIM:g}" if thinks and n == CONNECTIONS[-1] else "",
            reached=median(ratios[n]) >= AIM if thinks and n == CONNECTIONS[-1] else None,
        )
        for n in CONNECTIONS
    ]  # fmt: skip


def sent(site: Site, sink: Sink, connections: int, name: str) -> float:
    """Mails a second from the first accepted to the last, of what a service finds owed."""
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
    with Running(site.environment(name, "completed.yaml", **more)):
        moments = [at for _, at in sink.wait_for(before + count, PATIENCE_SECONDS)[before:]]
    assert len(moments) == count, f"expected {count} mails, got {len(moments)}"
    return (count - 1) / (max(moments) - min(moments))
