"""Metrics of each feed: what a vendor says to watch for, missed, repeated and late events."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from service.incoming.feeds import BOUNDS_MS, STATES, Feed

COUNTED = (
    ("letters", "Letters a source has sent"),
    ("skipped", "Messages of its queue that were not kept"),
    ("out_of_order", "Events that happened before one taken earlier"),
)
BOUNDS = (*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf")


def fed(feeds: Sequence[Feed]) -> Iterator[Metric]:
    """All numbers of all feeds; imports are left out."""
    for name, about in COUNTED:
        counts = CounterMetricFamily(f"coursebell_feed_{name}", about, labels=["source"])
        for feed in feeds:
            counts.add_metric([feed.source], getattr(feed, name))
        yield counts
    events = CounterMetricFamily(
        "coursebell_feed_events", "What became of a source's events", labels=["source", "state"]
    )
    for feed in feeds:
        for state in STATES:
            events.add_metric([feed.source, state], getattr(feed, state))
    yield events
    yield _last_letters(feeds)
    yield _lateness(feeds)


def _last_letters(feeds: Sequence[Feed]) -> Metric:
    seen = GaugeMetricFamily(
        "coursebell_feed_last_letter_timestamp_seconds",
        "When a source's last letter came; missing while it never spoke",
        labels=["source"],
    )
    for feed in feeds:
        if feed.last_seen_at is not None:
            seen.add_metric([feed.source], feed.last_seen_at / 1000)
    return seen


def _lateness(feeds: Sequence[Feed]) -> Metric:
    late = HistogramMetricFamily(
        "coursebell_feed_lateness_seconds",
        "How long after it happened an event came",
        labels=["source"],
    )
    for feed in feeds:
        counts = accumulate(feed.lateness or [0] * len(BOUNDS))
        buckets = [(bound, float(n)) for bound, n in zip(BOUNDS, counts, strict=True)]
        late.add_metric([feed.source], buckets, sum_value=None)
    return late
