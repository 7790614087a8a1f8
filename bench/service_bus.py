"""Service Bus: messages a second onto disk, beside the SDK alone, from a peer on this machine."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from bench.site import ROOT, Site
from bench.table import Row

BYTES = 700
ROUND_TRIP_SECONDS = 0.025
NEAR = ("kept", "completed", "deleted")
FAR = ("kept", "completed", "one by one")
ENOUGH = {"one by one": 120}
"""Of these no more are read: each takes a round trip."""

Rates = Mapping[str, list[float]]


def measure(site: Site) -> list[Row]:
    """Each way of reading in turn, several times over, near and far away."""
    if find_spec("azure") is None or find_spec("proton") is None:
        need = "no Service Bus to read from: .venv/bin/pip install -r .ci/requirements.lock"
        return [Row(what=f"{need} (with gcc)", unit="", values=[])]
    near = read(site, NEAR, site.sizes.letters_a_round, 0.0)
    far = read(site, FAR, max(1_000, site.sizes.letters_a_round // 2), ROUND_TRIP_SECONDS)
    away = f"{ROUND_TRIP_SECONDS * 1000:g} ms away"
    return [
        beside(near, "messages kept, on this machine", "completed, nothing kept:", "completed"),
        beside(near, "the same", "deleted on receiving:", "deleted"),
        beside(far, f"messages kept, {away}", "completed, nothing kept:", "completed"),
        beside(far, "the same", "completed one by one:", "one by one"),
    ]


def beside(rates: Rates, what: str, floor: str, name: str) -> Row:
    """What is kept beside another way of reading."""
    ratios = [a / b for a, b in zip(rates["kept"], rates[name], strict=True)]
    return Row(
        what=what, unit="/s", values=rates["kept"], floor=floor, floors=rates[name], ratios=ratios
    )


def read(site: Site, ways: tuple[str, ...], count: int, round_trip: float) -> Rates:
    """Messages a second of each way, several times over."""
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(site.sizes.rounds):
        site.say(f"service-bus: {round_trip:g} s away, round {turn + 1} of {site.sizes.rounds}")
        with peer(count, round_trip, ways) as string:
            for way in ways:
                rates[way].append(reader(site, way, string, ENOUGH.get(way, count)))
    return rates


@contextmanager
def peer(count: int, latency: float, names: tuple[str, ...]) -> Iterator[str]:
    """A namespace in a process of its own, full of messages; gives its connection string."""
    words = [str(count), str(BYTES), str(latency), *(name.replace(" ", "-") for name in names)]
    command = [sys.executable, "-m", "tests.incoming.queues.service_bus_peer", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def reader(site: Site, way: str, string: str, count: int) -> float:
    """One reader in a process of its own."""
    words = [way, string, way.replace(" ", "-"), str(count), str(site.folder)]
    command = [sys.executable, "-m", "bench.service_bus_reader", *words]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(said.stdout)
