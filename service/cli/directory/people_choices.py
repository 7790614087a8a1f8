"""Run `coursebell people stop`, `resume` and `link`: what a reader chose, for an operator."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from service.cli.mute import known
from service.cli.options.installation import Installation
from service.cli.options.scope_options import SOURCE, check_account
from service.cli.output.console import BAD, data_option, fail, settings
from service.learners.directory.people import People
from service.learners.signed_links import signed_links
from service.rules.explain.rule_versions import AnyEnvironment
from service.rules.language.reader import read_rules
from service.rules.readers.choice_requests import ChoiceRequests
from service.rules.readers.choices import Choices
from service.rules.scheduler import RULES_STREAM

NOBODY = "nobody with an address has this LMS id; `coursebell people show` tells more"
SEVERAL = "several people with different addresses have it; say which with --source and --account"


def choice_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add whom it is about."""
    for option in (
        data_option,
        click.option("--account", help="Account of WHO, if several have such an id."),
        click.option("--source", type=SOURCE, help="LMS of WHO, if several have such an id."),
        click.argument("who"),
    ):
        command = option(command)
    return command


rule_option = click.option("--rule", "rules", multiple=True, help="Only this rule; repeatable.")


@click.command("stop")
@rule_option
@choice_options
def stop_person(
    who: str, rules: Sequence[str], source: str | None, account: str | None, data: Path | None
) -> None:
    """Send WHO no more messages, or none by a rule, as if they had chosen so themselves.

    WHO is an LMS id or an address. Rules that say `required: true` still reach them. It may run
    beside the service, which obeys with the next message; twice changes nothing.
    """
    with Installation(data) as office:
        for rule in rules:
            known(rule, office)
        desk = ChoicesDesk(office, who, source=source, account=account)
        click.echo(desk.change(lambda before: before.stopping(rules)))
        for rule in required_of(rules, office):
            click.echo(f"{rule}: has no effect while the rule says `required: true`; it is kept")


@click.command("resume")
@rule_option
@choice_options
def resume_person(
    who: str, rules: Sequence[str], source: str | None, account: str | None, data: Path | None
) -> None:
    """Send WHO messages again, all or those of a rule; what was suppressed stays so.

    Without --rule also to an address that bounced, or whose reader reported a message as spam.
    """
    with Installation(data) as office:
        desk = ChoicesDesk(office, who, source=source, account=account)
        click.echo(desk.change(lambda before: before.resuming(rules)))


@click.command("link")
@choice_options
def link_of_person(who: str, source: str | None, account: str | None, data: Path | None) -> None:
    """Print the link by which WHO, and whoever has it, chooses what they are told."""
    chosen = settings(data)
    with Installation(data) as office:
        reader = ChoicesDesk(office, who, source=source, account=account).reader
        links = signed_links(chosen.data, chosen.public_url, chosen.secret_key)
        if links is None:
            fail("COURSEBELL_PUBLIC_URL: expected the address people reach, got none; set it")
        click.echo(links.choices(reader.id, reader.email or "") if reader else fail(NOBODY, BAD))


def required_of(rules: Sequence[str], office: Installation) -> list[str]:
    """Pick the rules that the active file says are required."""
    latest: Any = office.store.latest(RULES_STREAM)
    active, _ = read_rules(latest[1].text, environ=AnyEnvironment()) if rules else (None, ())
    return [rule for rule in rules if active and active.by_id[rule].required]


class ChoicesDesk:
    """Hold one reader's choices in one installation, by their address."""

    def __init__(
        self, office: Installation, who: str, source: str | None, account: str | None
    ) -> None:
        """Find the address; end the command when there is none, or not just one."""
        check_account(office.ledger, source, account)
        self._now = office.clock()
        self._requests = ChoiceRequests(office.store, People(office.ledger))
        self._who = who
        found = self._requests.readers(who, source, account)
        if len(found) > 1:
            fail(SEVERAL)
        self.reader = next(iter(found), None)
        self._address = self.reader.email if self.reader else who if "@" in who else None

    def change(self, changed: Callable[[Choices], Choices]) -> str:
        """Change what is wanted, and say what is stopped from now on."""
        if not self._address:
            fail(NOBODY, BAD)
        now = self._requests.change(self._address, changed, self._now, by="operator")
        return f"{self._who}: {now.stopped_in_words}"
