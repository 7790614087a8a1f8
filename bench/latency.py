"""Latency: from the POST of a completion to the mail server's acceptance of its mail."""

import time

from bench.feed import completion
from bench.running import Running
from bench.sink import Sink
from bench.site import Site
from bench.table import Row

PER_SECOND = 100
WARM_UP = 100
PATIENCE_SECONDS = 30.0
FIRST = 1_000


def measure(site: Site) -> list[Row]:
    """100 completions a second through the real service; each is one learner's."""
    count = int(site.sizes.latency_seconds * PER_SECOND) + WARM_UP
    count = min(count, 7_000)
    with Sink() as sink:
        environment = site.environment("latency", "completed.yaml", COURSEBELL_EMAIL_URL=sink.url)
        site.leave(site.app("latency", "completed.yaml", COURSEBELL_EMAIL_URL=sink.url))
        with Running(environment) as service:
            posted = post(site, service, count)
            seconds = waits(sink, posted)
    measured = sorted(seconds[WARM_UP:])
    return [
        Row(what=f"POST → accepted by SMTP, {PER_SECOND} events/s, p50", unit="ms",
            values=[1000 * percentile(measured, 0.5)]),
        Row(what="the same, p99", unit="ms", values=[1000 * percentile(measured, 0.99)]),
    ]  # fmt: skip


def post(site: Site, service: Running, count: int) -> dict[str, float]:
    """Posts on a steady beat; returns when each learner's POST began, by address."""
    site.say(f"latency: {count} completions at {PER_SECOND} a second")
    posted: dict[str, float] = {}
    begun = time.monotonic()
    for n in range(count):
        time.sleep(max(0.0, begun + n / PER_SECOND - time.monotonic()))
        letter = completion(FIRST + n, int(time.time() * 1000))
        posted[f"ada.{FIRST + n}@example.org"] = time.monotonic()
        status = service.post(letter.body)
        assert status == 202, f"expected 202, got {status}"
    return posted


def waits(sink: Sink, posted: dict[str, float]) -> list[float]:
    """Seconds each took, in the order posted."""
    accepted = dict(sink.wait_for(len(posted), PATIENCE_SECONDS))
    assert len(accepted) == len(posted), f"expected {len(posted)} mails, got {len(accepted)}"
    return [accepted[address] - at for address, at in posted.items()]


def percentile(ordered: list[float], share: float) -> float:
    """The value below which this share of them lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
