"""Run `coursebell test`: rule tests, played by the real service with a virtual clock."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import msgspec
import rich_click as click
from rich.console import Console
from rich.text import Text

from service.app.active_rules import Refused
from service.app.app import SOURCES
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.output.console import (
    BAD,
    fail,
    fail_with,
    json_option,
    page_wide,
    print_json,
    printable,
)
from service.cli.output.text import in_local_time, print_words
from service.sending.planner import ActiveRules
from service.settings import Settings
from service.simulation.rule_tests.compare import Failure
from service.simulation.rule_tests.file import read_script
from service.simulation.rule_tests.run import Runner, open_runner
from service.simulation.rule_tests.scenario import Scenario
from service.simulation.sandbox import read_rules_and_templates


class Result(msgspec.Struct, frozen=True):
    """Say what came of one test."""

    name: str
    line: int
    passed: bool
    seconds: float
    failures: list[Failure]


@click.command("test")
@click.argument("files", metavar="[FILE]…", nargs=-1, type=click.Path(path_type=Path))
@rule_file_options
@click.option("-k", "--only", "part", help="Only tests with this in their name.")
@json_option
def test(
    files: tuple[Path, ...],
    given: RuleFiles,
    part: str | None,
    as_json: bool,
) -> None:
    """Play rule tests and compare who is told what with what they expect; nothing is sent.

    FILE is a file of rule tests; without any it is rules.test.yaml beside the rule file, or in
    the folder tests beside it. The rule file is --rules FILE, or the configured one.
    Exits with 1 when a test fails, with 2 when a file has a mistake.
    """
    begun = monotonic()
    chosen = given.settings()
    active = read_or_leave(chosen)
    scripts = read_files(files or (usual_file(chosen.rules),), active, part)
    screen = None if as_json else page_wide()
    with open_runner(active, str(chosen.rules), chosen.course_urls) as runner:
        results = {file: run(runner, file, each, screen=screen) for file, each in scripts.items()}
    everything = [result for each in results.values() for result in each]
    failed = sum(not result.passed for result in everything)
    if screen is None:
        listed = [{"file": str(file), "tests": each} for file, each in results.items()]
        passed = len(everything) - failed
        print_json({"files": listed, "passed": passed, "failed": failed})
    else:
        summary(screen, len(everything), failed, seconds=monotonic() - begun)
    raise SystemExit(BAD if failed else 0)


def read_or_leave(chosen: Settings) -> ActiveRules:
    """Read the rules and templates as their files are now, or exit with 2."""
    try:
        return read_rules_and_templates(chosen)
    except Refused as refused:
        fail_with(str(refused).splitlines())


def usual_file(rules: Path) -> Path:
    """Name the file where the tests of a rule file usually are."""
    name = f"{rules.stem}.test.yaml"
    beside = rules.with_name(name)
    return beside if beside.is_file() else rules.parent / "tests" / name


def read_files(
    files: Sequence[Path], active: ActiveRules, part: str | None
) -> dict[Path, list[Scenario]]:
    """Read the tests of each file that have this part in their name."""
    names = [source.name for source in SOURCES]
    found: dict[Path, list[Scenario]] = {}
    mistakes: list[str] = []
    for file in files:
        if not file.is_file():
            fail(f"{file}: expected a file of rule tests, found none; name one, or write it")
        scenarios, problems = read_script(file.read_bytes(), str(file), active.decider.rules, names)
        mistakes += map(str, problems)
        found[file] = [each for each in scenarios if (part or "").lower() in each.name.lower()]
    if mistakes:
        fail_with(mistakes)
    if not any(found.values()):
        fail(f"no test has '{part}' in its name")
    return found


def run(
    runner: Runner, file: Path, scenarios: Sequence[Scenario], screen: Console | None
) -> list[Result]:
    """Play the tests of one file, and say of each how it went."""
    if screen is not None:
        screen.print(Text(printable(str(file)), "bold"), soft_wrap=True)
    results = []
    for scenario in scenarios:
        begun = monotonic()
        found = runner.run(scenario)
        seconds = round(monotonic() - begun, 3)
        results.append(
            Result(scenario.name, scenario.line, passed=not found, seconds=seconds, failures=found)
        )
        if screen is not None:
            show(screen, file, results[-1])
    return results


def show(screen: Console, file: Path, result: Result) -> None:
    """Print one test, and of one that fails everything that is not as expected."""
    mark = ("ok  ", "green") if result.passed else ("FAIL", "bold red")
    print_words(screen, Text.assemble(mark, f"  {printable(result.name)}"), "  ")
    for failure in result.failures:
        place = f"{file}:{failure.line}: "
        print_words(screen, Text(printable(place + failure.message)), "    ")
        for line in failure.why:
            print_words(screen, Text(printable(in_local_time(line)), "dim"), "      ")


def summary(screen: Console, tests: int, failed: int, seconds: float) -> None:
    """Print how many passed, and how long it took."""
    counts = f"{tests} test{'s' * (tests != 1)}, {tests - failed} passed"
    counts += f", {failed} failed" if failed else ""
    style = "bold red" if failed else "bold green"
    screen.print(Text.assemble((counts, style), f" in {seconds:.1f} s"), soft_wrap=True)
