"""Count the metrics of the service for Prometheus when they are asked for.

No label names a person, and none has more values than there are states, channels or codes.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, product

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response

from service import __version__
from service.api.request_context import RequestContext
from service.app.app import App
from service.app.bounce_hearing import BounceHearing
from service.incoming.adobe_api.api_state import api_standing
from service.incoming.adobe_api.report_state import KeptReports, ReportName, ReportState
from service.incoming.feeds import BOUNDS_MS, STATES, FeedStatistics
from service.incoming.letters import LETTER_STATES, unaccounted
from service.learners.directory.imports import last_imports, newest_of_sources, overdue
from service.sending import counts, queue
from service.sending.channel_health import ChannelHealth
from service.sending.counts import MatchCounter

COUNTED = (
    ("letters", "Letters a source has sent"),
    ("skipped", "Messages of its queue that were not kept"),
    ("out_of_order", "Events that happened before one taken earlier"),
)
BOUNDS = (*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf")


def feed_metrics(feeds: Sequence[FeedStatistics]) -> Iterator[Metric]:
    """Count what came from every source; imports are left out."""
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


def _last_letters(feeds: Sequence[FeedStatistics]) -> Metric:
    seen = GaugeMetricFamily(
        "coursebell_feed_last_letter_timestamp_seconds",
        "When a source's last letter came; missing while it never spoke",
        labels=["source"],
    )
    for feed in feeds:
        if feed.last_seen_at is not None:
            seen.add_metric([feed.source], feed.last_seen_at / 1000)
    return seen


def _lateness(feeds: Sequence[FeedStatistics]) -> Metric:
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


def import_metrics(app: App, now: int) -> Iterator[Metric]:
    """Say when people and courses were imported last, and whose import is too long ago."""
    seen = GaugeMetricFamily(
        "coursebell_last_import_timestamp_seconds",
        "When people or courses of a source were imported last, each list apart",
        labels=["what", "source", "list"],
    )
    ends: dict[tuple[str, str, str], int] = {}
    found = last_imports(app.ledger)
    for each in found:
        key = (str(each.what), each.source, each.list)
        ends[key] = max(each.at, ends.get(key, each.at))
    for key, at in ends.items():
        seen.add_metric(key, at / 1000)
    yield seen
    late = dict.fromkeys(newest_of_sources(found), 0)
    late |= dict.fromkeys(overdue(app.ledger, app.settings.import_max_age, now), 1)
    about = "1 while the last import of people is older than COURSEBELL_IMPORT_MAX_AGE"
    yield labelled_gauge("import_overdue", about, late, label="source")


def channel_metrics(app: App, now: int) -> Iterator[Metric]:
    """Count for each channel of the rule file what its tries came to, and what is due by it."""
    healths = dict(app.deliveries.health)
    yield from _tries(healths)
    since = {name: health.state.since for name, health in healths.items()}
    taken = {name: h.last_success / 1000 for name, h in healths.items() if h.last_success}
    resting = dict.fromkeys(healths, 0) | {n: d.rests_until for n, d in app.deliveries.items()}
    due = dict.fromkeys(healths, now) | {
        n: at for n, (_, at) in queue.overdue(app.views, now).items()
    }
    gauges: tuple[tuple[str, str, Mapping[str, float]], ...] = (
        (
            "channel_failing",
            "1 while a channel fails",
            {n: at is not None for n, at in since.items()},
        ),
        ("channel_failing_seconds", "For how long it fails", _ages(since, now)),
        ("channel_last_success_timestamp_seconds", "When it last took a message", taken),
        ("channel_resting_seconds", "How long it is still left alone", _ages(resting, now, -1)),
        ("owed_oldest_seconds", "Age of the oldest that is due and not sent", _ages(due, now)),
    )
    for name, about, values in gauges:
        known = {channel: value for channel, value in values.items() if channel in healths}
        yield labelled_gauge(name, about, known, label="channel")


def _ages(since: Mapping[str, int | None], now: int, direction: int = 1) -> dict[str, float]:
    """Count the seconds since each moment (ms), or with -1 until it; 0 for none."""
    return {
        name: 0.0 if at is None else max(0, direction * (now - at)) / 1000
        for name, at in since.items()
    }


def _tries(healths: Mapping[str, ChannelHealth]) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "coursebell_attempts", "Tries to send, by what they came to", labels=["channel", "outcome"]
    )
    rests = CounterMetricFamily(
        "coursebell_channel_rests", "Times a channel was left alone", labels=["channel"]
    )
    for name, health in healths.items():
        rests.add_metric([name], health.rests)
        for outcome, count in health.attempts.items():
            attempts.add_metric([name, outcome], count)
    yield from (attempts, rests)


def address_metrics(app: App, now: int) -> Iterator[Metric]:
    """Tell for how long messages wait for an address, and how Adobe's API does if it is asked."""
    waiting = counts.waiting_by_account(app.views).values()
    oldest = min((each.since for each in waiting), default=now)
    age = max(0, now - oldest) / 1000
    yield gauge("waiting_address_oldest_seconds", "Age of the oldest without an address", age)
    if app.adobe is None or (found := api_standing(app.ledger, now)) is None:
        return
    made = CounterMetricFamily(
        "coursebell_adobe_api_requests", "Requests, by what came of them", labels=["outcome"]
    )
    for outcome, count in sorted(dict(app.adobe.api.outcomes).items()):
        made.add_metric([outcome], count)
    yield made
    yield gauge("adobe_api_budget_left", "Requests that may be made now", found.budget.left)
    if found.state.answered_at is not None:
        at = found.state.answered_at / 1000
        yield gauge("adobe_api_last_answer_timestamp_seconds", "When it last answered", at)
    asked = GaugeMetricFamily(
        "coursebell_adobe_api_ids",
        "Ids that were asked for, and whether it knows them",
        labels=["what", "known"],
    )
    asked.add_metric(["user", "yes"], found.users_found)
    asked.add_metric(["user", "no"], found.users_unknown)
    asked.add_metric(["learning_object", "yes"], found.learning_objects_found)
    asked.add_metric(["learning_object", "no"], found.learning_objects_unknown)
    yield asked


def report_metrics(found: Mapping[ReportName, ReportState]) -> Iterator[Metric]:
    """Count how old Adobe's reports are, and how often one has failed since it was last in."""
    imported = {str(name): s.imported_at / 1000 for name, s in found.items() if s.imported_at}
    failed = {str(name): float(state.failures) for name, state in found.items()}
    about = "When a report of Adobe's was last imported"
    yield labelled_gauge("adobe_report_imported_timestamp_seconds", about, imported, label="report")
    about = "How often in a row a report could not be fetched"
    yield labelled_gauge("adobe_report_failures", about, failed, label="report")


def bounce_metrics(hearing: BounceHearing, reporters: Sequence[str]) -> Iterator[Metric]:
    """Count the bounces and complaints that came later, by who may bring them."""
    reports = CounterMetricFamily(
        "coursebell_bounce_reports",
        "Bounces and complaints that came later, and whether they count",
        labels=["reporter", "counts"],
    )
    none = dict.fromkeys(product(reporters, (False, True)), 0)
    for (by, heard), number in sorted((none | hearing.reports).items()):
        reports.add_metric([by, "yes" if heard else "no"], number)
    yield reports
    last = {by: at / 1000 for by, at in sorted(dict(hearing.last).items())}
    about = "When one was brought last; missing while none was"
    yield labelled_gauge("bounce_last_report_timestamp_seconds", about, last, label="reporter")


Answers = Mapping[tuple[str, int], int]
"""How many answers there were, by source and status code; a door of bounces is `bounces/ses`."""


class ServiceCollector(Collector):
    """Collect all metrics of one service; `answers` are those to webhooks."""

    def __init__(self, context: RequestContext, answers: Answers) -> None:
        self._context = context
        self._app = context.app
        self._answers = answers
        self._matches = MatchCounter(context.app.ledger)
        self._reports = KeptReports(context.app.ledger)

    def collect(self) -> Iterator[Metric]:
        """Count everything anew."""
        yield labelled_gauge(
            "build_info", "The version that runs", {__version__: 1}, label="version"
        )
        yield from self._letters()
        yield from self._shards()
        yield from feed_metrics(self._app.letters.feeds.all(self._app.sources))
        yield from self._log()
        yield from self._notifications()
        yield from import_metrics(self._app, self._context.clock())
        yield from channel_metrics(self._app, self._context.clock())
        yield from address_metrics(self._app, self._context.clock())
        if found := self._reports.all():
            yield from report_metrics(found)
        yield from bounce_metrics(self._app.bounce_hearing, self._app.settings.bounces.reporters)
        yield from self._condition()
        free = shutil.disk_usage(self._app.ledger.folder).free
        yield gauge("disk_free_bytes", "What is left on the disk of the data folder", free)
        door = CounterMetricFamily(
            "coursebell_door_requests", "Answers to webhooks", labels=["source", "code"]
        )
        for (source, code), count in sorted(self._answers.items()):
            door.add_metric([source, str(code)], count)
        yield door

    def _letters(self) -> Iterator[Metric]:
        letters = self._app.letters
        counts = letters.counts()
        states = {state: counts[state] for state in LETTER_STATES}
        oldest = letters.oldest_waiting()
        age = 0.0 if oldest is None else max(0, self._context.clock() - oldest) / 1000
        yield counter("letters_accepted", "Letters ever accepted", counts["accepted"])
        yield labelled_gauge("letters", "Letters by state", states, label="state")
        lost = unaccounted(counts)
        yield gauge("letters_unaccounted", "Letters in no state: must be 0", lost)
        yield gauge("letters_waiting_oldest_seconds", "Age of the oldest waiting letter", age)

    def _shards(self) -> Iterator[Metric]:
        """Count the shards, where several may work on one ledger."""
        if not (found := self._app.ledger.sharing()):
            return
        states = {"held": len(found.shards) - found.unheld, "unheld": found.unheld}
        yield labelled_gauge("shards", "Shards that somebody has, or nobody", states, label="state")
        yield gauge("workers", "Processes that work on the ledger", len(found.at_work))
        behind = self._app.letters.parts.beyond(found.lowest)
        yield gauge("shards_lag_letters", "Letters that the slowest shard has to pass", behind)

    def _log(self) -> Iterator[Metric]:
        followed, end = self._app.views.position, self._app.ledger.end()
        lag = max(0, end - followed)
        yield gauge("log_position", "Position of the newest event", end)
        yield counter("events_followed", "Position up to which the views have followed", followed)
        yield gauge("views_lag_events", "Events the views have yet to follow", lag)

    def _notifications(self) -> Iterator[Metric]:
        position, states = counts.census(self._app.views)
        matched = self._matches.up_to(position)
        yield counter("notifications_matched", "Matches of rules, by the log", matched)
        yield labelled_gauge("notifications", "Notifications by state", states, label="state")
        lost = matched - sum(states.values())
        yield gauge("notifications_unaccounted", "Matches in no state: must be 0", lost)

    def _condition(self) -> Iterator[Metric]:
        troubles = self._context.troubles
        parts = dict.fromkeys(sorted(troubles), 1)
        good = "rules" not in troubles
        yield gauge("rules_last_reload_successful", "1 unless the rule file is refused", good)
        yield gauge("rules_refused", "1 while the rule file or a template is refused", not good)
        yield gauge("rules_active", "Rules that are live or in shadow", self._rules())
        yield gauge("loops_alive", "1 while every loop runs", self._context.alive)
        yield gauge("troubles", "Parts that have a trouble now", len(parts))
        yield labelled_gauge("trouble", "1 for each part that has a trouble", parts, label="part")

    def _rules(self) -> int:
        return len(self._app.active.decider.by_id)


def exposition(context: RequestContext, answers: Answers) -> Callable[[], Response]:
    """Make a function that answers with all metrics as of now, of the process too on Linux."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServiceCollector(context, answers))
    ProcessCollector(registry=registry)
    return lambda: Response(
        generate_latest(registry), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4}
    )


def gauge(name: str, about: str, value: float) -> Metric:
    """Make one number that goes up and down."""
    return GaugeMetricFamily(f"coursebell_{name}", about, value=float(value))


def counter(name: str, about: str, value: float) -> Metric:
    """Make one number that only grows."""
    return CounterMetricFamily(f"coursebell_{name}", about, value=float(value))


def labelled_gauge(name: str, about: str, values: Mapping[str, float], label: str) -> Metric:
    """Make one number for each value of a label."""
    family = GaugeMetricFamily(f"coursebell_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
