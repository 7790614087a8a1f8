"""`coursebell feeds`: how each LMS has been talking, and when it last did."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import rich_click as click

from service.app.app import SOURCES
from service.cli.output.console import (
    data_option,
    json_option,
    open_ledger,
    print_json,
    print_table,
)
from service.cli.output.text import ago, span
from service.incoming.feeds import BOUNDS_MS, Feeds, FeedStatistics
from service.running import wall_clock


@click.command()
@data_option
@json_option
def feeds(data: Path | None, as_json: bool) -> None:
    """Show how each LMS has been talking: missed, late, repeated and out-of-order events.

    Counted since the beginning, imports left out. Superseded events changed nothing any more;
    out of order ones happened before one that was taken earlier; how soon they came is counted
    from when they happened.
    """
    with open_ledger(data) as ledger:
        found = Feeds(ledger).all(source.name for source in SOURCES)
    if as_json:
        print_json({"items": [shown(feed) for feed in found]})
        return
    now = wall_clock()
    rows = [[title, *(tell(feed, now) for feed in found)] for title, tell in LINES]
    print_table(["", *(feed.source for feed in found)], rows)


def _last(feed: FeedStatistics, now: int) -> str:
    return "never" if feed.last_seen_at is None else ago(feed.last_seen_at, now)


def _number(name: str) -> Callable[[FeedStatistics, int], str]:
    return lambda feed, _: f"{getattr(feed, name):,}" if feed.letters or feed.skipped else ""


def _within(share: float) -> Callable[[FeedStatistics, int], str]:
    return lambda feed, _: _bound(feed.late_by(share)) if sum(feed.lateness) else ""


def _bound(bound: int | None) -> str:
    return f"over {span(BOUNDS_MS[-1])}" if bound is None else span(bound)


LINES: tuple[tuple[str, Callable[[FeedStatistics, int], str]], ...] = (
    ("Last letter", _last),
    ("Letters", _number("letters")),
    ("Events recorded", _number("recorded")),
    ("  superseded", _number("superseded")),
    ("  repeated", _number("duplicate")),
    ("  out of order", _number("out_of_order")),
    ("  ignored", _number("ignored")),
    ("  set aside", _number("set_aside")),
    ("Half came within", _within(0.5)),
    ("99 % came within", _within(0.99)),
    ("Skipped in the queue", _number("skipped")),
)


def shown(feed: FeedStatistics) -> dict[str, object]:
    """A feed for a program to read; `lateness` counts by seconds, times are ms since 1970 UTC."""
    bounds = [*(str(bound // 1000) for bound in BOUNDS_MS), "more"]
    late = dict(zip(bounds, feed.lateness or [0] * len(bounds), strict=True))
    return {**msgspec.structs.asdict(feed), "lateness": late}
