"""The backtest: a year of one academy replayed through ten rules, and decided again."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.flow import like_the_service
from bench.rebuild import scan
from bench.site import ROOT, Site
from bench.table import Row
from service.app.app import App
from service.learners.facts import Timing
from service.learners.world import Lookup
from service.rules.explain.rule_versions import AnyEnvironment
from service.rules.language.reader import read_rules
from service.rules.rule import RuleSet
from service.simulation.backtest.backtest import BacktestOptions, backtest
from service.simulation.backtest.replay_world import CurrentDirectory
from service.simulation.backtest.states import History
from service.simulation.backtest.verify import Verifier

AIM = 80_000
TIMINGS = {"adobe": Timing(lateness=15 * 60_000)}
STORM_LIMIT = 500


def measure(site: Site) -> list[Row]:
    """Each replay stands beside a plain scan that decodes every row."""
    like_the_service()
    academy = site.academy
    rules = rules_of(ROOT / "bench" / "rules.yaml")
    plan = BacktestOptions(rules=rules, timings=TIMINGS, storm_limit=STORM_LIMIT)
    app = academy.app
    return [
        measured(site, "replay through ten rules", lambda: replayed(app, plan), AIM),
        measured(site, "decide again, and compare", lambda: decided_again(app), None),
    ]


def measured(site: Site, what: str, run: Callable[[], int], aim: int | None) -> Row:
    """A row of the table: how many rows of the log a second."""
    values, floors = [], []
    for turn in range(min(site.sizes.rounds, 3)):
        site.say(f"backtest: {what}, round {turn + 1}")
        begun = time.perf_counter()
        scanned = scan(site)
        middle = time.perf_counter()
        rows = run()
        values.append(rows / (time.perf_counter() - middle))
        floors.append(scanned / (middle - begun))
    return Row(
        what=f"{what} ({rows:,} rows)", unit="log rows/s", values=values,
        floor="reading and decoding them:", floors=floors,
        ratios=[mine / floor for mine, floor in zip(values, floors, strict=True)],
        aim=f"{aim:,}/s" if aim else "", reached=median(values) >= aim if aim else None,
    )  # fmt: skip


def replayed(app: App, plan: BacktestOptions) -> int:
    return backtest(History(app.store), today(app), plan).span.rows


def decided_again(app: App) -> int:
    """Every decision once more; raises AssertionError if one is made otherwise."""
    history = History(app.store)
    found = Verifier(history, today(app), TIMINGS, STORM_LIMIT).run()
    assert not found.differ, f"expected every decision to be reproduced, {found.differ} differ"
    return found.rows


def today(app: App) -> CurrentDirectory:
    return CurrentDirectory(Lookup(app.store, app.people, app.courses))


def rules_of(path: Path) -> RuleSet:
    rules, problems = read_rules(path.read_bytes(), name=path.name, environ=AnyEnvironment())
    assert rules is not None, problems
    return rules
