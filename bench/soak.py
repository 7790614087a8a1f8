"""The soak: a steady rate for many minutes; memory, descriptors and bytes an event keep still.

`python -m bench soak [--minutes 20] [--rate 200]`; it reads /proc, so it needs Linux.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import linear_regression, mean

from bench.latency import percentile
from bench.running import Running
from bench.sampling import Sample, Sampler
from bench.sink import Sink
from bench.site import ROOT, Site
from bench.soak_load import Answers, OpenLoop
from bench.table import Row, show_columns

SAMPLE_SECONDS = 30.0
SAMPLES_AT_LEAST = 12
PATIENCE_SECONDS = 60.0
BYTES_KEPT_AN_EVENT = 24.0
"""An object of Python takes 16 bytes at least and its slot in a list 8: with less growth nothing is
kept of each event. What is kept of each letter or mail, a tenth and a fifth as many, shows only if
it is as much larger; a longer run shows more."""
DESCRIPTORS_AN_HOUR = 12.0
SPREAD = 0.1


def measure(site: Site) -> list[Row]:
    """Soaks the real service, shows the samples, and judges them."""
    minutes, rate = site.sizes.soak_minutes, site.sizes.soak_rate
    seconds = minutes * 60
    with Sink() as sink:
        site.app("soak", "completed.yaml", COURSEBELL_EMAIL_URL=sink.url).close()
        environment = site.environment("soak", "completed.yaml", COURSEBELL_EMAIL_URL=sink.url)
        with Running(environment) as service:
            soak = Soak(site, service, sink)
            soak.run(rate, seconds)
            arrived = soak.arrived()
    show_samples(f"soak: {rate:g} events/s for {minutes:g} min", soak.samples)
    return verdict(soak, arrived, whole(site))


class Soak:
    """One run: the load, and a sample every half minute, oftener in a short one."""

    def __init__(self, site: Site, service: Running, sink: Sink) -> None:
        self._site = site
        self._sink = sink
        self._port = service.port
        self._sampler = Sampler(service.process.pid, site.folder / "soak")
        self.answers = Answers()
        self.told: Counter[str] = Counter()
        self.events = 0
        self.samples: list[Sample] = []

    def run(self, rate: float, seconds: float) -> None:
        """Sends letters for so long, and looks at the service meanwhile."""
        every = min(SAMPLE_SECONDS, seconds / SAMPLES_AT_LEAST)
        begun = looked = time.monotonic()
        self._look(0.0)
        for letter in OpenLoop(self._port, self.answers).run(rate, seconds):
            self.events += letter.events
            self.told.update(letter.told)
            if time.monotonic() >= looked + every:
                looked += every
                self._look(looked - begun)
        self._look(time.monotonic() - begun)

    def _look(self, second: float) -> None:
        times = self.answers.taken() or [0.0]
        sample = self._sampler.sample(
            second, self.events, self._sink.count,
            (percentile(times, 0.5), percentile(times, 0.99)),
        )  # fmt: skip
        self.samples.append(sample)
        self._site.say(
            f"soak: {second / 60:.1f} min, {self.events:,} events, {sample.mails:,} mails, "
            f"{sample.resident / 1024:.0f} MiB, {sample.descriptors} descriptors"
        )

    def arrived(self) -> Counter[str]:
        """Waits until as many mails have come as there should be, and counts them by reader."""
        accepted = self._sink.wait_for(self.told.total(), PATIENCE_SECONDS)
        return Counter(recipient for recipient, _ in accepted)


def show_samples(title: str, samples: Sequence[Sample]) -> None:
    """Prints every sample on a line of its own."""
    columns: dict[str, Callable[[Sample], str]] = {
        "min": lambda s: f"{s.second / 60:.1f}",
        "events": lambda s: f"{s.events:,}",
        "mails": lambda s: f"{s.mails:,}",
        "RSS MiB": lambda s: f"{s.resident / 1024:.1f}",
        "anon": lambda s: f"{s.anonymous / 1024:.1f}",
        "file": lambda s: f"{(s.resident - s.anonymous) / 1024:.1f}",
        "fds": lambda s: f"{s.descriptors}",
        "threads": lambda s: f"{s.threads}",
        "ledger MiB": lambda s: f"{s.ledger / 2**20:.1f}",
        "views MiB": lambda s: f"{s.views / 2**20:.1f}",
        "WALs MiB": lambda s: f"{s.write_ahead / 2**20:.1f}",
        "door p50 ms": lambda s: f"{s.door[0]:.1f}",
        "p99 ms": lambda s: f"{s.door[1]:.1f}",
    }
    show_columns(title, list(columns), [[of(s) for of in columns.values()] for s in samples])


def verdict(soak: Soak, arrived: Counter[str], fsck: int) -> list[Row]:
    """Judges a run: what grows in its second half, and whether anything is missing.

    Caches are full after 84,000 events (measured): 7 minutes of the 20.
    """
    samples = soak.samples
    late = [each for each in samples if each.second >= samples[-1].second / 2]
    rate = 60 * (late[-1].events - late[0].events) / (late[-1].second - late[0].second)
    limit = BYTES_KEPT_AN_EVENT * rate / 1024
    first, second = bytes_an_event(samples)
    astray = (soak.told - arrived).total() + (arrived - soak.told).total()
    return [
        flat("memory in the second half", "KiB/min", late, lambda s: s.resident, limit),
        flat("the same, not file-backed", "KiB/min", late, lambda s: s.anonymous, limit),
        flat("descriptors in the second half", "/min", late, lambda s: s.descriptors,
             DESCRIPTORS_AN_HOUR / 60),
        Row(
            what="ledger and views, second half", unit="B/event", values=[second],
            floor="first half:", floors=[first], ratios=[second / first],
            aim=f"ratio within {SPREAD:.0%}", reached=abs(second / first - 1) <= SPREAD,
        ),
        none(f"letters refused, of {soak.events:,} events", soak.answers.refused),
        none(f"mails missing or twice, of {soak.told.total():,}", astray),
        none("fsck", fsck),
    ]  # fmt: skip


def flat(
    what: str, unit: str, samples: Sequence[Sample], of: Callable[[Sample], float], limit: float
) -> Row:
    """Judges a slope by least squares; its spread is two standard errors to both sides."""
    slope, error = trend([s.second / 60 for s in samples], [of(s) for s in samples])
    return Row(
        what=what, unit=unit, values=[slope - 2 * error, slope, slope + 2 * error],
        aim=f"< {limit:.3g} {unit}", reached=slope < limit,
    )  # fmt: skip


def trend(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The slope of a line through the points, and its standard error."""
    slope, intercept = linear_regression(x, y)
    middle, left = mean(x), len(x) - 2
    squares = sum((b - intercept - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    return slope, (squares / left / sum((a - middle) ** 2 for a in x)) ** 0.5 if left > 0 else 0.0


def bytes_an_event(samples: Sequence[Sample]) -> tuple[float, float]:
    """How much the two databases grew for each event, in the first and in the second half."""
    half = samples[len(samples) // 2]

    def growth(a: Sample, b: Sample) -> float:
        return (b.ledger + b.views - a.ledger - a.views) / max(1, b.events - a.events)

    return growth(samples[0], half), growth(half, samples[-1])


def none(what: str, count: int) -> Row:
    """Judges what there may be none of."""
    return Row(what=what, unit="", values=[count], aim="0", reached=count == 0)


def whole(site: Site) -> int:
    """The exit code of `coursebell fsck` once the service has ended."""
    return subprocess.run(
        [sys.executable, "-m", "service", "fsck", "--data", str(site.folder / "soak")],
        cwd=ROOT, stdout=subprocess.DEVNULL,
    ).returncode  # fmt: skip
