"""Run `coursebell people fetch` and `people status`: ask Adobe's API, and show what it gave."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import rich_click as click
from rich.text import Text

from service.app.adobe_directory import adobe_api, adobe_refresh
from service.cli.options.import_options import ALLOW_MISSING
from service.cli.options.installation import Installation
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    json_option,
    page_wide,
    print_json,
    print_table,
    printable,
    settings,
)
from service.cli.output.report_fetch import NO_API, fetch_report
from service.cli.output.text import ago, in_local_time, moment, print_words, span
from service.incoming.adobe_api.api_answers import TOLD_BY, Answers
from service.incoming.adobe_api.api_state import ApiStanding, api_standing
from service.incoming.adobe_api.client import BudgetSpent
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.adobe_api.report_state import KeptReports, ReportName, ReportState
from service.learners.directory.people import People
from service.learners.directory.people_table import PersonRow
from service.rules.text import side_by_side
from service.running import wall_clock
from service.sending.counts import WaitingForAddresses, waiting_by_account


@click.command("fetch")
@click.argument("user_id", required=False)
@click.option("--report", is_flag=True, help="Everybody, by a report that Adobe makes.")
@ALLOW_MISSING
@data_option
@json_option
def fetch_person(
    user_id: str | None, report: bool, allow_missing: int, data: Path | None, as_json: bool
) -> None:
    """Ask Adobe's API about the user USER_ID and their manager, show and keep what it says.

    It takes one or two requests of the hour's budget, and replaces what was imported of them.
    Exits with 0 when somebody was found, 1 when not, 2 when the API cannot be asked.

    With --report Adobe makes a report of all users, which may take minutes, and it is imported
    like a file: with 0 all of it is in, with 1 rows were left out, with 2 nothing came of it. A
    job that Adobe has begun is gone on with.
    """
    if report == (user_id is not None):
        raise click.UsageError("expected either USER_ID or --report")
    if user_id is None:
        fetch_report("users", "people", data, allow_missing=allow_missing, as_json=as_json)
        return
    chosen = settings(data)
    with Installation(data) as office:
        api = adobe_api(chosen, office.ledger, wall_clock)
        if api is None:
            fail(NO_API)
        asking = adobe_refresh(
            api, office.views, max_age=chosen.adobe_api.max_age, told=lambda: None
        )
        try:
            found = asking.fetch_people(api.account(), [user_id], wall_clock(), over_imports=True)
        except ApiTrouble as trouble:
            fail(str(trouble))
        except BudgetSpent as spent:
            fail(f"{spent}; one is free at {moment(spent.frees_at)}")
    if user_id not in found:
        fail("Adobe's API knows no user by this id", BAD)
    people = sorted(found.values(), key=lambda row: row.lms_id != user_id)
    if as_json:
        print_json({"items": people, "next": None})
        return
    for number, person in enumerate(people):
        if number:
            click.echo()
        print_table(["", ""], [[name, text] for name, text in _said(person) if text])


def _said(row: PersonRow) -> Iterator[tuple[str, str | None]]:
    known = msgspec.structs.asdict(row)
    more = known.pop("fields")
    yield from {**known, "groups": side_by_side(row.groups or ()), **more}.items()


class AccountStatus(msgspec.Struct, frozen=True):
    """Count the people of one account by who told of them, and what waits for an address."""

    source: str
    account: str
    imported: int
    api: int
    letters: int
    unknown: int
    waiting: int
    oldest_waiting: int | None


class PeopleStatus(msgspec.Struct, frozen=True):
    """Say how much is known of people, and how Adobe's API does; times are ms since 1970 UTC."""

    items: list[AccountStatus]
    adobe_api: ApiStanding | None
    adobe_reports: dict[ReportName, ReportState]


@click.command("status")
@data_option
@json_option
def people_status(data: Path | None, as_json: bool) -> None:
    """Show of how many people something is known, by account, and how Adobe's API does."""
    now = wall_clock()
    with Installation(data) as office:
        People(office.ledger)
        found = PeopleStatus(
            list(_accounts(Answers(office.ledger), waiting_by_account(office.views))),
            api_standing(office.ledger, now),
            KeptReports(office.ledger).all(),
        )
    if as_json:
        print_json(found)
        return
    titles = ["Source", "Account", "Imported", "By the API", "By letters", "Unknown", "Waiting"]
    print_table(titles, [_row(each, now) for each in found.items])
    if found.adobe_api:
        page_wide().print()
        for title, words in api_in_words(found.adobe_api, now):
            print_words(page_wide(), Text(printable(words)), f"{title:<17}")
        for name, state in found.adobe_reports.items():
            words = report_in_words(state, now)
            print_words(page_wide(), Text(printable(words)), f"{f'report {name}':<17}")


def _accounts(
    answers: Answers, waiting: dict[tuple[str, str], WaitingForAddresses]
) -> Iterator[AccountStatus]:
    census = answers.census()
    for key in sorted(census.keys() | waiting.keys()):
        counts = census.get(key, dict.fromkeys(TOLD_BY, 0))
        waits = waiting.get(key)
        yield AccountStatus(
            source=key[0],
            account=key[1],
            **counts,
            waiting=waits.messages if waits else 0,
            oldest_waiting=waits.since if waits else None,
        )


def _row(each: AccountStatus, now: int) -> list[str]:
    counts = (each.imported, each.api, each.letters, each.unknown)
    oldest = each.oldest_waiting
    since = f", for {span(max(0, now - oldest))}" if oldest is not None else ""
    waits = f"{each.waiting:,}{since}"
    return [each.source, each.account, *(f"{count:,}" for count in counts), waits]


def api_in_words(found: ApiStanding, now: int) -> Iterator[tuple[str, str]]:
    """Put how Adobe's API does into words, each line under its title."""
    state, budget = found.state, found.budget
    frees = f"; the first is free again at {moment(budget.frees_at)}" if budget.frees_at else ""
    yield "Adobe's API", f"account {state.account or 'not known yet'}"
    yield "budget", f"{budget.used:,} of {budget.limit:,} requests of this hour used{frees}"
    yield "last answer", ago(state.answered_at, now) if state.answered_at else "none yet"
    yield "people", f"{found.users_found:,} found, {found.users_unknown:,} unknown to it"
    courses = f"{found.learning_objects_found:,} found"
    yield "courses", f"{courses}, {found.learning_objects_unknown:,} unknown to it"
    if state.error and state.failed_at:
        yield "last error", f"{ago(state.failed_at, now)}: {in_local_time(state.error)}"
    if state.paused_until and state.paused_until > now:
        yield "pauses until", moment(state.paused_until)


def report_in_words(state: ReportState, now: int) -> str:
    """Put how far a report is into words."""
    parts = [f"{state.rows:,} rows, {ago(state.imported_at, now)}" if state.imported_at else ""]
    parts.append(f"{state.unusable:,} not usable" if state.unusable else "")
    parts.append(f"a job begun {ago(state.begun_at, now)}" if state.job else "")
    if state.error and state.failed_at:
        parts.append(f"failed {ago(state.failed_at, now)}: {state.error}")
        parts.append(f"tried again at {moment(state.next_at)}" if state.next_at > now else "")
    return "; ".join(filter(None, parts))
