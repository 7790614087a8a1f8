"""One command for all of them: `python -m bench [NAME …] [--quick]`."""

import time
from collections.abc import Callable, Mapping, Sequence

import rich_click as click

from bench import (
    backtest,
    check,
    connections,
    door,
    explain,
    flow,
    kafka,
    latency,
    rebuild,
    sending,
    service_bus,
    start,
    sweep,
)
from bench.site import QUICK, Site, Sizes
from bench.table import Row, console, show

NOTHING_TO_MEASURE = 2
Measure = Callable[[Site], list[Row]]
SUBJECTS: Mapping[str, Measure] = {
    "flow": flow.measure,
    "rebuild": rebuild.measure,
    "sweep": sweep.measure,
    "start": start.measure,
    "sending": sending.measure,
    "connections": connections.measure,
    "latency": latency.measure,
    "door": door.measure,
    "kafka": kafka.measure,
    "service-bus": service_bus.measure,
    "check": check.measure,
    "explain": explain.measure,
    "backtest": backtest.measure,
}


def measurable(names: Sequence[str]) -> Sequence[str]:
    """Leave out what this machine cannot measure, and say so before anything is built."""
    lacks = door.lacks() if "door" in names else None
    if lacks is None:
        return names
    click.echo(f"bench: door is skipped: it {lacks}", err=True)
    found = [name for name in names if name != "door"]
    if not found:
        raise SystemExit(NOTHING_TO_MEASURE)
    return found


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SUBJECTS)))
@click.option("--quick", is_flag=True, help="Small sizes: a look in about a minute.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Measure Coursebell on this machine; every figure stands beside its floor of the same run.

    `door` needs the program wrk, and is skipped without.
    """
    subjects = measurable(names or tuple(SUBJECTS))
    screen, begun = console(stderr=True), time.monotonic()

    def say(text: str) -> None:
        status.update(text)
        if not screen.is_terminal:
            screen.print(f"{time.monotonic() - begun:6.0f} s  {text}")

    with screen.status("building") as status:
        site = Site(QUICK if quick else Sizes(), say)
        try:
            for name in subjects:
                say(name)
                show(name, SUBJECTS[name](site))
        finally:
            site.close()


if __name__ == "__main__":
    main(prog_name="python -m bench")
