"""Run `coursebell check`: settings, rules, templates, channels, queues, each mistake placed."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click
from rich.progress import MofNCompleteColumn

from service.app.active_rules import read_files_of
from service.app.adobe_directory import adobe_api
from service.app.app import SOURCES
from service.app.queues import open_queues, try_queues
from service.app.ways_out import REDIRECTED, open_way, way_in_words
from service.cli.options.installation import Installation, installation_if_any
from service.cli.options.rule_files import RuleFiles, rule_file_argument, rule_file_options
from service.cli.output.console import (
    BAD,
    console,
    data_option,
    json_option,
    print_json,
    printable,
    progress,
)
from service.incoming.adobe_api.client import BudgetSpent, RefusedRequest
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.queues.consumer import QueueError
from service.learners import enrollment_views
from service.learners.directory.courses import Courses
from service.learners.directory.imports import overdue, overdue_in_words
from service.learners.directory.people import People
from service.learners.facts import longest_lateness
from service.learners.world import Lookup
from service.learners.writer import Writer
from service.rules.decider import Decider
from service.rules.known_values import KnownValues
from service.rules.language.errors import Diagnostic
from service.rules.rule import Rule, RuleSet
from service.rules.scheduler import RULES_STREAM, RulesActivated
from service.rules.text import counted
from service.rules.triggers.stalled import (
    SilenceOccurrence,
    StalledRule,
    StalledTrigger,
    stalled_rules,
)
from service.running import wall_clock
from service.sending.channels import ChannelError
from service.sending.known_channels import turned_to_drawer
from service.settings import Settings

AT_A_TIME = 1_000


class Reach(NamedTuple):
    """Count enrollments silent for as long as a rule says, and of how many it would tell."""

    rule: Rule
    silent: int
    told: int


def reached(rules: RuleSet, office: Installation | None, chosen: Settings, now: int) -> list[Reach]:
    """Count what each stalled rule that saving the file would make live finds already due.

    Nothing, when there is no installation yet, or every such rule has been live before.
    """
    if office is None:
        return []
    _, newest = office.store.latest(RULES_STREAM) or (0, None)
    before = newest.modes if isinstance(newest, RulesActivated) else {}
    decider = Decider(rules)
    stalled = stalled_rules(decider.active)
    fresh = [each for each in stalled if before.get(each.rule.id) != each.rule.mode]
    return [_reach(each, decider, office, chosen, now) for each in fresh]


def _reach(
    stalled: StalledRule, decider: Decider, office: Installation, chosen: Settings, now: int
) -> Reach:
    rule = stalled.rule
    people, courses = People(office.ledger), Courses(office.ledger, chosen.course_urls)
    lookup = Lookup(office.store, people, courses, timings=chosen.timings)
    writer = Writer(office.store, lookup, decide=lambda *_: None)
    world = writer.world(now)
    late = longest_lateness(chosen.timings)
    silent = told = 0
    with progress(MofNCompleteColumn()) as bar:
        task = bar.add_task(f"Counting for {rule.id}", total=None)
        for ids in _silent(stalled.trigger, office, now - late):
            for enrollment in writer.enrollments(ids):
                occurrence = SilenceOccurrence.of(enrollment, now, live_since=now)
                decided = decider.decide([rule], occurrence, world)
                told += bool(decided and decided.once)
            silent += len(ids)
            bar.update(task, completed=silent)
    return Reach(rule, silent, told)


def _silent(trigger: StalledTrigger, office: Installation, bound: int) -> Iterator[list[str]]:
    after, until = -1, bound - trigger.silence_ms
    while found := enrollment_views.silences_between(
        office.views, trigger.count_from, after, until, AT_A_TIME
    ):
        after = found[-1][1]
        yield [id for id, _ in found]


def in_words(reach: Reach) -> str:
    """Say what becomes of them when the file is saved as it is."""
    rule = reach.rule
    if not reach.silent:
        return f"rule '{rule.id}': no enrollment is silent for that long already"
    are, told = ("is", "it") if reach.silent == 1 else ("are", f"{reach.told:,} of them")
    told = told if reach.told else "none"
    silent = f"rule '{rule.id}': {counted(reach.silent, 'enrollment')} {are} silent for that long"
    silent += " already"
    if rule.on_activate == "current":
        return f"{silent}; on_activate: current writes about {told} as soon as it is live"
    return f"{silent} and {are} left alone; on_activate: current would write about {told}"


@click.command()
@rule_file_argument
@rule_file_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="For people, for programs, or as annotations in a GitHub workflow.",
)
@click.option(
    "--online", is_flag=True, help="Ask Adobe's API for one user too, within the hour's budget."
)
@data_option
@json_option
def check(given: RuleFiles, form: str, online: bool, data: Path | None, as_json: bool) -> None:
    """Check settings, rules, templates, channels and queues; nothing is sent.

    FILE is the rule file, the same as --rules FILE; without either, the configured one.
    Where there is an installation, warns of groups, tags, columns, ids and languages that
    nobody there has, and says how many silences are already due for a rule that goes live
    when the file is saved.

    Exits with 1 when something is wrong; warnings alone do not count.
    """
    chosen = given.settings(data)
    with installation_if_any(chosen.ledger) as office:
        known = known_in(office, chosen) if office else None
        late = late_imports(office, chosen)
        found, problems, words = read_files_of(chosen, SOURCES, name=str(chosen.rules), known=known)
        channels = channel_problems(found, chosen, office) if found else []
        asked = api_problems(chosen, office) if online else []
        others = [*words.problems(), *channels, *queue_problems(chosen), *asked]
        promised = office.ledger.durability().words if office and chosen.database_url else None
        reach = reached(found, office, chosen, now=wall_clock()) if found and not others else []
    ways = ways_of(found, chosen) if found and not channels else {}
    wrong = others or any(p.severity == "error" for p in problems)
    if as_json or form == "json":
        print_json(
            {
                "problems": [msgspec.to_builtins(vars_of(p)) for p in problems] + others,
                "channels": ways,
                "redirected": chosen.redirect_all_to is not None,
                "ledger": promised,
                "imports_overdue": late,
                "already_silent": [
                    {"rule": each.rule.id, "enrollments": each.silent, "told": each.told}
                    for each in reach
                ],
            }
        )
    elif form == "github":
        for line in [*map(annotation, problems), *map(placeless, others)]:
            click.echo(printable(line))
    else:
        told = {"redirected": REDIRECTED if chosen.redirect_all_to else None, "ledger": promised}
        for what, said in [*told.items(), *((f"channel {name}", w) for name, w in ways.items())]:
            if said:
                console().print(f"{what}: {said}", markup=False, soft_wrap=True)
        for each in late:
            console(stderr=True).print(f"warning: {each}", markup=False, soft_wrap=True)
        if online and not asked:
            console().print(f"adobe-api: {api_in_words(chosen)}", markup=False, soft_wrap=True)
        show(found, problems, others, reach, also=len(late))
    raise SystemExit(BAD if wrong else 0)


def known_in(office: Installation, chosen: Settings) -> KnownValues:
    """Give the values that people, courses and enrolments of an installation have."""
    courses = Courses(office.ledger, chosen.course_urls)
    return KnownValues(People(office.ledger), courses, office.views)


def late_imports(office: Installation | None, chosen: Settings) -> list[str]:
    """Say whose people were imported too long ago."""
    longest, now = chosen.import_max_age, wall_clock()
    return overdue_in_words(overdue(office.ledger, longest, now)) if office else []


def vars_of(problem: Diagnostic) -> dict[str, object]:
    """Describe a problem for a program to read."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "message": problem.message,
    }


def annotation(problem: Diagnostic) -> str:
    """Write a problem as a workflow command of GitHub, which shows it at its line of a change.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    place = f"file={_property(problem.file)},line={problem.line},col={problem.column}"
    return f"::{problem.severity} {place}::{_escaped(problem.message)}"


def placeless(other: str) -> str:
    """Write a problem of no rule file as a workflow command of GitHub."""
    return f"::error::{_escaped(other)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def channel_problems(rules: RuleSet, chosen: Settings, office: Installation | None) -> list[str]:
    """Find what is wrong with the channels' addresses; connect to none of them.

    Of an installation those too that would turn to the drawer by themselves.
    """
    wrong = list(turned_to_drawer(rules, office.store.latest).values()) if office else []
    for name, url in rules.channels.items():
        try:
            open_way(name, url, chosen).close()
        except ChannelError as error:
            wrong.append(str(error))
    return wrong


def ways_of(rules: RuleSet, chosen: Settings) -> dict[str, str]:
    """Say where each channel leads, by its name."""
    return {name: way_in_words(name, url, chosen) for name, url in rules.channels.items()}


def queue_problems(chosen: Settings) -> list[str]:
    """Find what is wrong with the queues' settings; connect to none of them."""
    sources = {source.name: source for source in SOURCES}
    try:
        open_queues(chosen, sources, lambda _: lambda *_: None, wall_clock)
        try_queues(chosen)
    except QueueError as error:
        return [str(error)]
    return []


def api_problems(chosen: Settings, office: Installation | None) -> list[str]:
    """Find out whether Adobe's API answers, by one user of it; nothing where it is not set."""
    if chosen.adobe_api.client_id is None:
        return []
    if office is None:
        return ["adobe-api: not asked, as no ledger counts requests yet; run the service once"]
    api = adobe_api(chosen, office.ledger, wall_clock)
    try:
        if api:
            api.get("users", page__limit="1")
    except (ApiTrouble, BudgetSpent, RefusedRequest) as error:
        return [f"adobe-api: {error}"]
    return []


def api_in_words(chosen: Settings) -> str:
    """Say what asking Adobe's API came to when nothing was wrong with it."""
    if chosen.adobe_api.client_id is None:
        return "not asked, as COURSEBELL_ADOBE_API_CLIENT_ID is not set"
    return "it answers"


def show(
    rules: RuleSet | None,
    problems: list[Diagnostic],
    others: list[str],
    reach: list[Reach],
    *,
    also: int = 0,
) -> None:
    """Print a line for every problem, then what the file says if it is fine.

    `also` counts warnings that were printed before.
    """
    screen = console()
    for problem in problems:
        style = "red" if problem.severity == "error" else "yellow"
        screen.print(f"[{style}]{problem.severity}[/] ", end="")
        screen.print(printable(str(problem)), markup=False, soft_wrap=True)
    for other in others:
        screen.print("[red]error[/] ", end="")
        screen.print(printable(other), markup=False, soft_wrap=True)
    for each in reach:
        screen.print(in_words(each), markup=False, soft_wrap=True)
    if rules is not None and not others:
        live = sum(rule.mode == "live" for rule in rules.rules)
        warnings = len(problems) + also
        warned = f", but for {counted(warnings, 'warning')}" if warnings else ""
        screen.print(
            f"{counted(len(rules.rules), 'rule')} read, {live} live, "
            f"{counted(len(rules.channels), 'channel')}; nothing is wrong{warned}"
        )
