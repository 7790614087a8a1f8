"""Register the commands of the command line in one group."""

import gc

import rich_click as click

from service import __version__
from service.cli.backtest import run_backtest
from service.cli.channels import channels
from service.cli.check import check
from service.cli.demo import demo
from service.cli.directory.courses import courses
from service.cli.directory.people import people
from service.cli.explain import explain
from service.cli.feeds import feeds
from service.cli.fsck import fsck, rebuild
from service.cli.letters import letters
from service.cli.migrate import migrate_ledger
from service.cli.mute import mute, unmute
from service.cli.notifications import notifications
from service.cli.output.console import Commands
from service.cli.preview import preview
from service.cli.run import clock, run, serve, work
from service.cli.schema import schema
from service.cli.status import status
from service.cli.test import test
from service.cli.try_rule import try_rule
from service.cli.watch import watch

GARBAGE_THRESHOLDS = (50_000, 50, 100)
"""Seldom: next to nothing we make is in a cycle. A fifth off the time of a backtest (measured)."""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.rich_config(click.RichHelpConfiguration(text_paragraph_linebreaks="\n\n"))
@click.version_option(__version__, prog_name="coursebell")
def main() -> None:
    """Tells the right person, once, when something happens in a course."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)


COMMANDS = (
    run,
    serve,
    work,
    clock,
    demo,
    check,
    status,
    channels,
    feeds,
    letters,
    notifications,
    mute,
    unmute,
    people,
    courses,
    rebuild,
    fsck,
    migrate_ledger,
    schema,
    preview,
    test,
    run_backtest,
    try_rule,
    explain,
    watch,
)

for command in COMMANDS:
    main.add_command(command)
