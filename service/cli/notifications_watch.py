"""Run `coursebell notifications watch`: what leaves by each channel, what waits, what fails."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from service.cli.options.installation import Installation
from service.cli.output.console import data_option, page_wide, printable
from service.cli.output.text import in_local_time, moment, span
from service.cli.status import ChannelStatus, active_file, channels
from service.running import seen_now, wall_clock
from service.sending.counts import OutcomeCounter, count_put_off
from service.settings.variables import duration

TITLES = ("Channel", "A second", "Sent", "Due", "Oldest", "Later", "Again", "Refused")


class ChannelFlow(msgspec.Struct, frozen=True):
    """Say how a channel does; times are ms UTC, counts since the watch began.

    `per_second` are messages sent since the look before, None at the first. `due` has not left,
    some of it `oldest_due`; `later` is what waits for a moment of its own. Of tries, `again` are
    made again, `refused` were refused for good, and of `unknown` nobody knows what came.
    """

    name: str
    per_second: float | None
    sent: int
    due: int
    oldest_due: int | None
    later: int
    again: int
    refused: int
    unknown: int
    failing_since: int | None
    trouble: str | None


class Flow(msgspec.Struct, frozen=True):
    """Say how all channels do at a moment (ms UTC), and whether a service runs."""

    at: int
    running: bool
    channels: list[ChannelFlow]


def every(_: click.Context, __: click.Parameter, given: str) -> int:
    """Read how often to look, in ms."""
    try:
        found = duration(given)
    except ValueError:
        found = 0
    if not found:
        raise click.BadParameter("expected a duration like 2s or 1m")
    return found


@click.command("watch")
@click.option("--every", default="2s", show_default=True, callback=every, help="How often to look.")
@click.option("--json", "as_json", is_flag=True, help="Write a line of JSON for each look.")
@data_option
def watch_notifications(every: int, as_json: bool, data: Path | None) -> None:
    """Watch what leaves: rate, queue, oldest and failures of each channel, until Ctrl-C.

    A table on a terminal, in a pipe a line for each channel and look. It only reads; the service
    need not run. Counts are those since the watch began.
    """
    try:
        with Installation(data) as office:
            seen = looks(office, office.ledger.folder, seconds=every / 1000)
            screen = page_wide()
            if as_json:
                for found in seen:
                    click.echo(msgspec.json.encode(found).decode())
            elif screen.is_terminal and not screen.is_dumb_terminal:
                with Live(console=screen, auto_refresh=False) as live:
                    for found in seen:
                        live.update(page(found), refresh=True)
            else:
                for found in seen:
                    click.echo("\n".join(map(printable, lines(found))))
    except KeyboardInterrupt:
        return


def looks(office: Installation, folder: Path, seconds: float) -> Iterator[Flow]:
    """Look again and again, at once and then each time so many seconds later."""
    counter, totals = (
        OutcomeCounter(office.store, office.views),
        defaultdict[str, Counter[str]](Counter),
    )
    before = None
    while True:
        at, moment_now = wall_clock(), time.monotonic()
        fresh = counter.fresh()
        for name, outcomes in fresh.items():
            totals[name] += outcomes
        seen, later = seen_now(folder), count_put_off(office.views, at)
        passed = moment_now - before if before is not None else None
        yield Flow(
            at=at,
            running=seen is not None,
            channels=[
                flow(
                    each,
                    total=totals[each.name],
                    later=later[each.name],
                    per_second=rate(fresh[each.name], passed),
                )
                for each in channels(office, active_file(office), seen=seen, now=at)
            ],
        )
        before = moment_now
        time.sleep(max(0.0, moment_now + seconds - time.monotonic()))


def rate(fresh: Counter[str], seconds: float | None) -> float | None:
    """Give how many a second were sent in so many seconds."""
    return round(fresh["accepted"] / seconds, 1) if seconds else None


def flow(
    channel: ChannelStatus, total: Counter[str], later: int, per_second: float | None
) -> ChannelFlow:
    """Put together what is known of one channel."""
    return ChannelFlow(
        name=channel.name,
        per_second=per_second,
        sent=total["accepted"],
        due=channel.due,
        oldest_due=channel.oldest_due,
        later=later,
        again=total["transient"],
        refused=total["permanent"],
        unknown=total["unknown"],
        failing_since=channel.failing_since,
        trouble=channel.trouble,
    )


def cells(found: ChannelFlow, at: int) -> list[str]:
    """Write the figures of a channel, in the order of the titles."""
    return [
        found.name,
        "" if found.per_second is None else f"{found.per_second:,.1f}",
        f"{found.sent:,}",
        f"{found.due:,}",
        "" if found.oldest_due is None else span(max(0, at - found.oldest_due)),
        f"{found.later:,}",
        f"{found.again + found.unknown:,}",
        f"{found.refused:,}",
    ]


def troubles(found: Flow) -> Iterator[str]:
    """Say what is wrong, a line each."""
    if not found.running:
        yield "the service is not running: nothing leaves"
    for each in found.channels:
        if each.trouble:
            yield f"{each.name} {in_local_time(each.trouble)}"


def page(found: Flow) -> Group:
    """Draw the table of a terminal, and what is wrong below it."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, title in enumerate(TITLES):
        table.add_column(title, justify="right" if place else "left", no_wrap=bool(place))
    for each in found.channels:
        table.add_row(*(Text(printable(cell)) for cell in cells(each, found.at)))
    wrong = [Text(printable(each), "red") for each in troubles(found)]
    return Group(table, *wrong, Text(f"{moment(found.at)}; Ctrl-C ends", "dim"))


def lines(found: Flow) -> Iterator[str]:
    """Write the same for a pipe: the moment, the channel, and each figure behind its title."""
    for each in found.channels:
        name, *figures = cells(each, found.at)
        told = ", ".join(
            f"{title.lower()} {figure}"
            for title, figure in zip(TITLES[1:], figures, strict=True)
            if figure
        )
        yield f"{moment(found.at)}  {name}: {told}"
    yield from (f"{moment(found.at)}  {each}" for each in troubles(found))
