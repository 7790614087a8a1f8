"""Rebuilding the views from the whole log."""

import time
from statistics import median

from bench.flow import like_the_service
from bench.site import Site
from bench.table import Row

AIM = 60_000
ROWS_PER_PAGE = 10_000


def measure(site: Site) -> list[Row]:
    """Each rebuild stands beside a plain scan that decodes every row."""
    like_the_service()
    app = site.academy.app
    values, floors = [], []
    for turn in range(min(site.sizes.rounds, 2)):
        site.say(f"rebuild: round {turn + 1}")
        begun = time.perf_counter()
        scanned = scan(site)
        middle = time.perf_counter()
        rebuilt = app.views.rebuild()
        values.append(rebuilt / (time.perf_counter() - middle))
        floors.append(scanned / (middle - begun))
    return [
        Row(
            what=f"delete views.db, follow {rebuilt:,} rows", unit="log rows/s", values=values,
            floor="reading and decoding them:", floors=floors,
            ratios=[mine / floor for mine, floor in zip(values, floors, strict=True)],
            aim=f"{AIM:,}/s", reached=median(values) >= AIM,
        )
    ]  # fmt: skip


def scan(site: Site) -> int:
    """Reads and decodes the log page by page, and does nothing with it."""
    app, position, total = site.academy.app, 0, 0
    while page := app.ledger.log(position, ROWS_PER_PAGE):
        for _, _, _, topic, state in page:
            app.store.mapper.decode(topic, state)
        position, total = page[-1][0], total + len(page)
    return total
