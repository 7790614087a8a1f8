"""Run `coursebell schema`: let editors complete and explain rules and their tests."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec
import rich_click as click

from service.app.active_rules import known_sources
from service.app.app import SOURCES
from service.cli.check import known_in
from service.cli.options.installation import installation_if_any
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.output.console import data_option, fail, printable
from service.cli.test import read_or_leave, usual_file
from service.rules.language.offers import NO_OFFERS, Offers
from service.rules.language.reader import channels_named, intervals_named
from service.rules.language.schema import schema_of
from service.rules.language.shape import Schema
from service.sending.templates.templates import Templates
from service.settings import Settings
from service.simulation.rule_tests.file import script_schema

MODELINE = "# yaml-language-server: $schema="


@click.command()
@rule_file_options
@click.option("--tests", is_flag=True, help="The one of files of rule tests, by the rules' ids.")
@data_option
@click.option("--output", type=click.Path(path_type=Path), help="Write it there, not to stdout.")
def schema(given: RuleFiles, tests: bool, data: Path | None, output: Path | None) -> None:
    """Write the JSON Schema of rule files, or of rule tests, for editors.

    It knows the templates, sources and channels as they are now; make it again when they change.
    With --data it offers the extra columns, groups, tags, languages and zones there are too.
    """
    chosen = given.settings(data)
    offers = offers_of(chosen) if data else NO_OFFERS
    found = of_tests(chosen) if tests else of_rules(chosen, offers)
    text = msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    file = usual_file(chosen.rules) if tests else chosen.rules
    beside = Path(os.path.relpath(output, file.parent)).as_posix()
    click.echo(printable(f"{output} is written; begin {file} with this line:"))
    click.echo(printable(f"{MODELINE}{beside}"))


def of_tests(chosen: Settings) -> Schema:
    """Make the schema of tests for the rules as they are; a mistake in them ends the command."""
    rules = read_or_leave(chosen).decider.rules.rules
    return script_schema(rules, [source.name for source in SOURCES])


def offers_of(chosen: Settings) -> Offers:
    """Pick what editors offer of an installation; without one the command ends."""
    with installation_if_any(chosen.ledger) as office:
        if office is None:
            fail(
                f"{chosen.data}: no installation is there; expected the folder of one after --data"
            )
        return Offers.of(known_in(office, chosen))


def of_rules(chosen: Settings, offers: Offers) -> Schema:
    """Make the schema of the rule file, which may have mistakes, or not be there yet."""
    channels: list[str] = []
    intervals: list[str] = []
    with suppress(FileNotFoundError):  # a schema may come before the first rule file
        written = chosen.rules.read_bytes()
        channels, intervals = channels_named(written), intervals_named(written)
    return schema_of(
        sources=known_sources(chosen, SOURCES),
        templates=Templates(chosen.templates).forms,
        channels=channels,
        intervals=intervals,
        offers=offers,
    )
