"""Run `coursebell watch`: who is to be told of a free seat, once."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from service.cli.options.installation import Installation
from service.cli.options.scope_options import SOURCE, check_account
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    json_option,
    print_json,
    print_table,
    settings,
)
from service.cli.output.text import moment
from service.learners import enrollment_views
from service.learners.directory.people import People
from service.learners.signed_links import signed_links
from service.rules.readers.watch_requests import WatchRequests

F = TypeVar("F", bound=Callable[..., None])

source_option = click.option(
    "--source", type=SOURCE, help="LMS of the instance, if several have such an id."
)
account_option = click.option("--account", help="Account of the instance, if several have it.")


class Session:
    """Open one instance of one installation for its watchers."""

    def __init__(
        self, data: Path | None, instance: str, source: str | None, account: str | None
    ) -> None:
        """Find `instance` by its own id or the LMS's; end the command when it is not just one."""
        self.office = Installation(data)
        people = People(self.office.ledger)
        self.people = people
        self.wishes = WatchRequests(self.office.store, people)
        try:
            self._row = self._found(instance, {"source": source, "account": account})
        except BaseException:
            self.office.close()
            raise

    @property
    def id(self) -> str:
        """Name the instance's stream."""
        return str(self._row["id"])

    def key(self, learner: str) -> tuple[str, str, str]:
        """Make what tells a learner of this instance's LMS from any other."""
        return self._row["source"], self._row["account"], learner

    def close(self) -> None:
        """Close the files."""
        self.office.close()

    def _found(self, instance: str, more: Mapping[str, Any]) -> Mapping[str, Any]:
        rows: list[Mapping[str, Any]] = []
        for name in ("id", "instance"):
            filters = {name: instance, **more}
            rows = rows or list(
                enrollment_views.listing(self.office.views, "instances", filters, 2, "")
            )
        if not rows:
            check_account(self.office.ledger, more["source"], more["account"])
            fail(f"{instance}: no such instance; expected one of which seats were reported", BAD)
        if len(rows) > 1:
            fail(f"{instance}: several accounts have it; say which with --source and --account")
        return rows[0]


@click.group()
def watch() -> None:
    """Tell somebody once, by rules with `to: watchers`, when a seat is free.

    INSTANCE and LEARNER are the LMS's ids.
    """


def options(command: F) -> F:
    """Add what every command takes."""
    for option in (data_option, account_option, source_option):
        command = option(command)
    return command


@watch.command("add")
@click.argument("instance")
@click.argument("learner")
@options
def add(
    instance: str, learner: str, source: str | None, account: str | None, data: Path | None
) -> None:
    """Tell LEARNER when a seat is free in INSTANCE; twice changes nothing."""
    with closing(Session(data, instance, source=source, account=account)) as session:
        now = session.office.clock()
        session.wishes.ask(session.id, session.wishes.meet(session.key(learner), now), now)
    click.echo(f"{learner} will be told once of a free seat in {instance}")


@watch.command("remove")
@click.argument("instance")
@click.argument("learner")
@options
def remove(
    instance: str, learner: str, source: str | None, account: str | None, data: Path | None
) -> None:
    """Do not tell LEARNER any more; twice changes nothing."""
    with closing(Session(data, instance, source=source, account=account)) as session:
        person = session.wishes.known(session.key(learner))
        if person is not None:
            session.wishes.stop(session.id, person, session.office.clock())
    click.echo(f"{learner} will not be told of a free seat in {instance}")


@watch.command("list")
@click.argument("instance")
@options
@json_option
def list_watchers(
    instance: str, source: str | None, account: str | None, data: Path | None, as_json: bool
) -> None:
    """List who waits for a seat in INSTANCE, in the order in which they asked."""
    with closing(Session(data, instance, source=source, account=account)) as session:
        found = session.wishes.all(session.id)
        ids = session.people.lms_ids(each.person for each in found)
    if as_json:
        items = [
            {"learner": ids.get(s.person), "asked_at": s.asked_at, "notification": s.notification}
            for s in found
        ]
        print_json({"items": items})
        return
    rows = [[ids.get(s.person), moment(s.asked_at), s.notification] for s in found]
    print_table(["Learner", "Asked", "Is told by"], rows)


@watch.command("link")
@click.argument("instance")
@click.argument("learner")
@options
def link(
    instance: str, learner: str, source: str | None, account: str | None, data: Path | None
) -> None:
    """Print the link by which LEARNER, and whoever has it, asks by themselves."""
    chosen = settings(data)
    with closing(Session(data, instance, source=source, account=account)) as session:
        links = signed_links(chosen.data, chosen.public_url, chosen.secret_key)
        if links is None:
            fail("COURSEBELL_PUBLIC_URL: expected the address people reach, got none; set it")
        person = session.wishes.meet(session.key(learner), session.office.clock())
        click.echo(links.watch(person, session.id))
