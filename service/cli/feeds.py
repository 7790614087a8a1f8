"""`coursebell feeds`: how each LMS has been talking, and when it last did."""

from pathlib import Path

import msgspec
import rich_click as click

from service.app import SOURCES
from service.cli.console import data_option, json_option, open_ledger, print_json, print_table
from service.cli.times import ago, span
from service.incoming.feeds import BOUNDS_MS, Feed, Feeds
from service.running import wall_clock


@click.command()
@data_option
@json_option
def feeds(data: Path | None, as_json: bool) -> None:
    """Show how each LMS has been talking: missed, late, repeated and out-of-order events.

    Counted since the beginning, imports left out. `Late` is how long after it happened an
    event came: half of them within the first time, 99 of 100 within the second.
    """
    with open_ledger(data) as ledger:
        found = Feeds(ledger).all(source.name for source in SOURCES)
    if as_json:
        print_json({"items": [shown(feed) for feed in found]})
        return
    now = wall_clock()
    titles = ["Source", "Last letter", "Letters", "Skipped", "Recorded", "Superseded", "Repeated",
              "Out of order", "Ignored", "Set aside", "Late"]  # fmt: skip
    print_table(titles, [row(feed, now) for feed in found])


def row(feed: Feed, now: int) -> list[str | None]:
    """One line of the table."""
    if feed.last_seen_at is None:
        return [feed.source, "never", *[""] * 9]
    counts = (
        feed.letters, feed.skipped, feed.recorded, feed.superseded, feed.duplicate,
        feed.out_of_order, feed.ignored, feed.set_aside,
    )  # fmt: skip
    late = f"{_bound(feed.late_by(0.5))}, {_bound(feed.late_by(0.99))}" if feed.lateness else ""
    return [feed.source, ago(feed.last_seen_at, now), *(f"{n:,}" for n in counts), late]


def _bound(bound: int | None) -> str:
    return f"over {span(BOUNDS_MS[-1])}" if bound is None else span(bound)


def shown(feed: Feed) -> dict[str, object]:
    """A feed for a program to read; `lateness` counts by seconds, times are ms since 1970 UTC."""
    bounds = [*(str(bound // 1000) for bound in BOUNDS_MS), "more"]
    late = dict(zip(bounds, feed.lateness or [0] * len(bounds), strict=True))
    return {**msgspec.structs.asdict(feed), "lateness": late}
