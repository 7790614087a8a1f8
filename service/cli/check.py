"""`coursebell check`: settings, rules, templates, channels, queues; each mistake with its place."""

from pathlib import Path

import msgspec
import rich_click as click

from service.active import known_sources
from service.app import SOURCES
from service.cli.console import (
    BAD,
    console,
    data_option,
    json_option,
    print_json,
    printable,
    settings,
)
from service.cli.reach import Reach, in_words, reached
from service.incoming.transport import TransportError
from service.queues import open_queues
from service.rules.file.problems import Problem
from service.rules.file.reader import read_rules
from service.rules.language import RuleSet
from service.rules.words import counted
from service.running import wall_clock
from service.sending.channels import ChannelError, open_channel
from service.sending.rendering import Templates
from service.settings import Settings


@click.command()
@click.option("--rules", type=click.Path(path_type=Path), help="Rule file.")
@click.option("--templates", type=click.Path(path_type=Path), help="Template folder.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="For people, for programs, or as annotations in a GitHub workflow.",
)
@data_option
@json_option
def check(
    rules: Path | None, templates: Path | None, form: str, data: Path | None, as_json: bool
) -> None:
    """Check settings, rules, templates, channels and queues; nothing is sent.

    Where there is an installation, says how many silences are already due for a rule that
    goes live when the file is saved.

    Exits with 1 when something is wrong; warnings alone do not count.
    """
    chosen = settings(data, RULES=rules, TEMPLATES=templates)
    words = Templates(chosen.templates)
    found, problems = read_rules(
        chosen.rules.read_bytes(),
        name=str(chosen.rules),
        environ=chosen.environment,
        templates=words.forms,
        of_many=words.of_many,
        sources=known_sources(chosen, SOURCES),
    )
    channels = channel_problems(found, chosen) if found else []
    others = [*words.problems(), *channels, *queue_problems(chosen)]
    reach = reached(found, chosen, wall_clock()) if found and not others else []
    wrong = others or any(p.severity == "error" for p in problems)
    if as_json or form == "json":
        print_json(
            {
                "problems": [msgspec.to_builtins(vars_of(p)) for p in problems] + others,
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
        show(found, problems, others, reach)
    raise SystemExit(BAD if wrong else 0)


def vars_of(problem: Problem) -> dict[str, object]:
    """A problem for a program to read."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "message": problem.message,
    }


def annotation(problem: Problem) -> str:
    """A problem as a workflow command of GitHub, which shows it at its line of a change.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    place = f"file={_property(problem.file)},line={problem.line},col={problem.column}"
    return f"::{problem.severity} {place}::{_escaped(problem.message)}"


def placeless(other: str) -> str:
    """A problem of no rule file as a workflow command of GitHub."""
    return f"::error::{_escaped(other)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def channel_problems(rules: RuleSet, chosen: Settings) -> list[str]:
    """What is wrong with the channels' addresses; none of them is connected to."""
    wrong = []
    for name, url in rules.channels.items():
        try:
            open_channel(name, url, drawer=chosen.data / "drawer").close()
        except ChannelError as error:
            wrong.append(str(error))
    return wrong


def queue_problems(chosen: Settings) -> list[str]:
    """What is wrong with the queues' settings; none of them is connected to."""
    sources = {source.name: source for source in SOURCES}
    try:
        open_queues(chosen, sources, lambda _: lambda *_: None, wall_clock)
    except TransportError as error:
        return [str(error)]
    return []


def show(
    rules: RuleSet | None, problems: list[Problem], others: list[str], reach: list[Reach]
) -> None:
    """One line for every problem, then what the file says if it is fine."""
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
        warned = f", but for {counted(len(problems), 'warning')}" if problems else ""
        screen.print(
            f"{counted(len(rules.rules), 'rule')} read, {live} live, "
            f"{counted(len(rules.channels), 'channel')}; nothing is wrong{warned}"
        )
