"""Run `coursebell backtest`: what a rule file would have sent in the data folder's history."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import rich_click as click
from rich.progress import TextColumn

from service.app.event_types import event_store
from service.cli.options.rule_files import RuleFiles, rule_file_argument, rule_file_options
from service.cli.output.backtest_page import (
    BacktestPage,
    BacktestRun,
    backtest_report,
    print_verified,
    verified_report,
)
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    installation,
    json_option,
    page_wide,
    print_json,
    printable,
    progress,
)
from service.cli.output.text import moment_given
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.world import Lookup
from service.rules.explain.rule_versions import AnyEnvironment
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.rule import RuleSet
from service.rules.text import hint
from service.sending.templates.templates import Templates
from service.settings import Settings
from service.simulation.backtest.backtest import BacktestOptions, backtest, only_rules
from service.simulation.backtest.replay_world import CurrentDirectory
from service.simulation.backtest.states import History
from service.simulation.backtest.verify import Verifier

T = TypeVar("T")
ROWS = "{task.completed:,.0f} of {task.total:,.0f} rows, {task.fields[rate]:,.0f}/s"
Tell = Callable[[int], object]


class Archive:
    """Open the history of one data folder to be read: also while a service writes it."""

    def __init__(self, chosen: Settings) -> None:
        self.ledger = installation(chosen.data).open_to_read()
        store = event_store(self.ledger)
        self.people = People(self.ledger)
        lookup = Lookup(store, self.people, Courses(self.ledger, chosen.course_urls))
        self.history = History(store)
        self.today = CurrentDirectory(lookup)


@click.command("backtest")
@rule_file_argument
@rule_file_options
@click.option(
    "--against",
    metavar="OLD",
    type=click.Path(path_type=Path),
    help="Print the difference to what this rule file would have sent.",
)
@click.option("--rule", "ids", multiple=True, help="Only this rule; can be said several times.")
@click.option("--since", metavar="TIME", help="As if the rules had gone live then.")
@click.option("--until", metavar="TIME", help="Only what would have happened until then.")
@click.option(
    "--verify",
    is_flag=True,
    help="Make every recorded decision again, by the rules that were live.",
)
@data_option
@json_option
def run_backtest(
    given: RuleFiles,
    against: Path | None,
    ids: tuple[str, ...],
    since: str | None,
    until: str | None,
    verify: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Replay the recorded history through a rule file and print what it would have sent.

    FILE is the rule file, the same as --rules FILE; without either, the configured one.
    All its rules but the disabled ones count as live from the beginning. What was imported
    tells nobody anything, as ever; people, courses and groups are as they are known today.
    Nothing is written or sent, and the service may run.
    """
    chosen = given.settings(data)
    if verify:
        if given.rules or given.templates or against or ids or since or until:
            fail("backtest: --verify takes the rules from the ledger; expected no other option")
        _verify(chosen, as_json=as_json)
        return
    file = _read(chosen.rules, chosen, ids)
    plan = BacktestOptions(
        rules=file,
        against=_read(against, chosen, ids, known=False) if against else None,
        since=moment_given(since) if since else 0,
        until=moment_given(until) if until else None,
        timings=chosen.timings,
        storm_limit=chosen.storm_limit,
    )
    begun = time.monotonic()
    with _opened(chosen) as archive, _progress(archive, "Replaying the log") as tell:
        found = backtest(archive.history, archive.today, plan, tell)
        heavy = found.tally.heaviest()
        names = archive.people.lms_ids([*heavy, *found.people_of_examples()])
    seconds = time.monotonic() - begun
    told = BacktestRun(chosen.rules.name, against.name if against else None, names, seconds)
    if as_json:
        print_json(backtest_report(found, plan, told))
    else:
        BacktestPage(page_wide(), found, plan, told).print()


def _verify(chosen: Settings, *, as_json: bool) -> None:
    begun = time.monotonic()
    with _opened(chosen) as archive, _progress(archive, "Deciding again") as tell:
        verifier = Verifier(archive.history, archive.today, chosen.timings, chosen.storm_limit)
        found = verifier.run(tell)
    if as_json:
        print_json(verified_report(found))
    else:
        print_verified(page_wide(), found, time.monotonic() - begun)
    if found.differ or found.undecided:
        raise SystemExit(BAD)


def _read(path: Path, chosen: Settings, ids: Sequence[str], *, known: bool = True) -> RuleSet:
    """Read the rules of a file, of which only those asked for; exit with 1 if it has mistakes.

    Channels need no secrets: nothing is opened.
    """
    words = Templates(chosen.templates)
    rules, problems = read_rules(
        path.read_bytes(),
        name=str(path),
        environ=AnyEnvironment(),
        installed=Installed(words.forms),
    )
    if rules is None:
        for problem in problems:
            click.echo(printable(str(problem)), err=True)
        fail(f"{path}: expected a rule file without mistakes; `coursebell check` shows them", BAD)
    there = [rule.id for rule in rules.rules]
    for id in ids if known else ():
        if id not in there:
            fail(f"backtest: no rule {id!r} in {path}{hint(id, there)}")
    return only_rules(rules, ids) if ids else rules


@contextmanager
def _opened(chosen: Settings) -> Iterator[Archive]:
    archive = Archive(chosen)
    try:
        yield archive
        if archive.ledger.is_out_of_date():
            fail("the service began to write while the history was read; run it again")
    finally:
        archive.ledger.close()


@contextmanager
def _progress(archive: Archive, title: str) -> Iterator[Tell]:
    """Show a bar over rows on stderr, with the rate; nothing at all when that is no terminal."""
    begun = time.monotonic()
    with progress(TextColumn(ROWS)) as bar:
        task = bar.add_task(title, total=archive.history.end, rate=0.0)
        yield lambda done: bar.update(
            task, completed=done, rate=done / max(time.monotonic() - begun, 0.001)
        )
