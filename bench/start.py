"""Start: the first 202 with a full log, and the memory held after work."""

import time
from statistics import median

from bench.feed import Feed, completion
from bench.running import Running
from bench.site import Site
from bench.sweep import many
from bench.table import Row

AIM_SECONDS, AIM_MB = 1.0, 400
STARTS = 3
LETTERS = 2_500
SETTLE_SECONDS = 4.0


def measure(site: Site) -> list[Row]:
    """Starts the real service on the ledger of many open enrolments."""
    app = many(site)
    size = app.ledger.end()
    seconds, empty, resident = [], [], 0.0
    site.app("empty", "stalled.yaml").close()
    for turn in range(STARTS):
        site.say(f"start: {turn + 1} of {STARTS}")
        with Running(site.environment("empty", "stalled.yaml")) as service:
            empty.append(first_202(service))
        with Running(site.environment("many", "stalled.yaml")) as service:
            seconds.append(first_202(service))
            if turn == STARTS - 1:
                resident = memory_after_work(site, service)
    return [
        Row(
            what=f"start → first 202, {size:,} log rows", unit="s", values=seconds,
            floor="empty ledger:", floors=empty,
            ratios=[a / b for a, b in zip(seconds, empty, strict=True)],
            aim=f"{AIM_SECONDS:g} s", reached=median(seconds) <= AIM_SECONDS,
        ),
        Row(
            what=f"resident, {site.sizes.open_enrollments:,} open enrolments, after "
            f"{LETTERS * 8:,} events", unit="MB",
            values=[resident], aim=f"{AIM_MB} MB", reached=resident <= AIM_MB,
        ),
    ]  # fmt: skip


def first_202(service: Running) -> float:
    """Seconds from the start of the process to the first letter on disk."""
    status = service.post(completion(1, int(time.time() * 1000)).body)
    assert status == 202, f"expected 202, got {status}"
    return time.monotonic() - service.begun


def memory_after_work(site: Site, service: Running) -> float:
    """The largest of what is held while letters come and when they are taken, in MB."""
    site.say("start: memory after work")
    held = 0.0
    feed = Feed(2, int(time.time() * 1000))
    for n, letter in enumerate(feed.letters(LETTERS)):
        service.post(letter.body)
        if n % 100 == 0:
            held = max(held, service.resident_mb)
    time.sleep(SETTLE_SECONDS)
    return max(held, service.resident_mb)
