"""One command for all of them: `python -m bench [NAME …] [--quick]`."""

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import rich_click as click

from bench import (
    backtest,
    busy_day,
    check,
    connections,
    door,
    explain,
    flow,
    imports,
    kafka,
    latency,
    rebuild,
    sampling,
    sending,
    service_bus,
    soak,
    start,
    sweep,
)
from bench.postgresql import measure as postgresql
from bench.site import QUICK, Site, Sizes
from bench.table import Row, console, show

NOTHING_TO_MEASURE = 2
Measure = Callable[[Site], list[Row]]
SUBJECTS: Mapping[str, Measure] = {
    "flow": flow.measure,
    "imports": imports.measure,
    "rebuild": rebuild.measure,
    "sweep": sweep.measure,
    "start": start.measure,
    "sending": sending.measure,
    "connections": connections.measure,
    "busy-day": busy_day.measure,
    "latency": latency.measure,
    "door": door.measure,
    "postgres": postgresql.measure,
    "kafka": kafka.measure,
    "service-bus": service_bus.measure,
    "check": check.measure,
    "explain": explain.measure,
    "backtest": backtest.measure,
    "soak": soak.measure,
}
BY_NAME = ("busy-day", "soak")
"""What takes long is measured when it is named, and is a test: it may fail."""
EVERY_TIME = tuple(name for name in SUBJECTS if name not in BY_NAME)
LACKS = {"door": door.lacks, "postgres": postgresql.lacks, "soak": sampling.lacks}


def measurable(names: Sequence[str]) -> Sequence[str]:
    """Leave out what this machine cannot measure, and say so before anything is built."""
    found = []
    for name in names:
        if lacks := LACKS[name]() if name in LACKS else None:
            click.echo(f"bench: {name} is skipped: it {lacks}", err=True)
        else:
            found.append(name)
    if not found:
        raise SystemExit(NOTHING_TO_MEASURE)
    return found


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SUBJECTS)))
@click.option("--quick", is_flag=True, help="Small sizes: a look in about a minute.")
@click.option("--minutes", type=click.FloatRange(min=0.05), help="Of a soak; 20, or 1 if quick.")
@click.option("--rate", type=click.FloatRange(min=10), help="Events a second of a soak; 200.")
def main(names: tuple[str, ...], quick: bool, minutes: float | None, rate: float | None) -> None:
    """Measure Coursebell on this machine; every figure stands beside its floor of the same run.

    `door` needs the program wrk, `postgres` those of a PostgreSQL; they are skipped without. `soak`
    (20 minutes) and `busy-day` (100,000 mails) are measured when they are named, and exit with 1
    when something did not keep still, or is missing.
    """
    subjects = measurable(names or EVERY_TIME)
    sizes = QUICK if quick else Sizes()
    soaked = {"soak_minutes": minutes, "soak_rate": rate}
    sizes = msgspec.structs.replace(sizes, **{k: v for k, v in soaked.items() if v is not None})
    screen, begun = console(stderr=True), time.monotonic()
    short: set[str] = set()

    def say(text: str) -> None:
        status.update(text)
        if not screen.is_terminal:
            screen.print(f"{time.monotonic() - begun:6.0f} s  {text}")

    with screen.status("building") as status:
        site = Site(sizes, say)
        try:
            for name in subjects:
                say(name)
                rows = SUBJECTS[name](site)
                show(name, rows)
                if not all(row.reached in (True, None) for row in rows):
                    short.add(name)
        finally:
            site.close()
    raise SystemExit(int(not short.isdisjoint(BY_NAME)))


if __name__ == "__main__":
    main(prog_name="python -m bench")
