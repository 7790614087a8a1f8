"""Run `coursebell mute` and `unmute`: keep everything, or one rule, from leaving."""

from pathlib import Path

import rich_click as click

from service.cli.options.installation import Installation
from service.cli.output.console import data_option, fail
from service.rules.rule import muting_of
from service.rules.scheduler import RULES_STREAM as RULES
from service.rules.scheduler import RulesActivated
from service.rules.text import counted, hint, listed
from service.sending.operator import mute as begin
from service.sending.operator import unmute as end


@click.command()
@click.option("--rule", help="Mute what this rule owes.")
@click.option("--all", "everything", is_flag=True, help="Mute every rule.")
@data_option
def mute(rule: str | None, everything: bool, data: Path | None) -> None:
    """Hold what would be sent, from now on; rules go on deciding.

    A running service obeys with the next message. Without an option, says what is muted.
    """
    with Installation(data) as office:
        if rule or everything:
            chosen(rule, everything, "mute")
            known(rule, office)
            begin(office.store, rule, office.clock())
        _, muting = muting_of(office.store.latest)
    click.echo(f"muted: {muting.names}")


@click.command()
@click.option("--rule", help="Let this rule speak again.")
@click.option("--all", "everything", is_flag=True, help="Let every rule speak again.")
@data_option
def unmute(rule: str | None, everything: bool, data: Path | None) -> None:
    """Let rules speak again, and let go of what was held meanwhile.

    It is tested again before it leaves, and it did not age while it was held.
    """
    chosen(rule, everything, "unmute")
    with Installation(data) as office:
        _, muting = muting_of(office.store.latest)
        if rule not in muting.rules:
            known(rule, office)
        was, count = end(office.store, office.views, rule=rule, now=office.clock())
        _, muting = muting_of(office.store.latest)
    if not was:
        click.echo(
            "every rule is muted; --all lets them speak"
            if muting.everything
            else "it was not muted"
        )
    click.echo(f"{counted(count, 'notification')} let go")
    click.echo(f"muted: {muting.names}")


def known(rule: str | None, office: Installation) -> None:
    """Refuse a rule that the active file does not have."""
    _, newest = office.store.latest(RULES) or (0, None)
    rules = newest.modes if isinstance(newest, RulesActivated) else {}
    if rule and not rules:
        fail(f"no active rule '{rule}'; no rule is active before the first `coursebell run`")
    if rule and rule not in rules:
        fail(f"no active rule '{rule}'{hint(rule, rules) or f'; there are {listed(rules)}'}")


def chosen(rule: str | None, everything: bool, command: str) -> None:
    """Refuse anything but one of the two."""
    if bool(rule) == everything:
        fail(f"{command}: expected --rule ID or --all")
