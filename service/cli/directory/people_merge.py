"""Run `coursebell people merge`: let two records of one person be one, or two again."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from service.cli.options.installation import Installation
from service.cli.options.scope_options import SOURCE, check_account
from service.cli.output.console import BAD, data_option, fail, json_option, print_json
from service.learners import enrollment_views
from service.learners.directory.courses import Courses
from service.learners.directory.people import People, PersonKey, person_key
from service.learners.facts import Fact, LearnerMerged, PlacedFact, fact_key
from service.learners.neighbours import Neighbours
from service.learners.watchlist import Watchlist
from service.learners.world import FactOutcome, Lookup
from service.learners.writer import Writer
from service.rules.done_or_gone import MERGED
from service.rules.notification import CANCELLED
from service.rules.readers.watch_requests import WatchRequests
from service.rules.text import counted, listed, together
from service.sending import counts, queue
from service.sending.operator import of_those
from service.sending.streams import NotificationStreams

NAME = "people merge"


class MergeScope(NamedTuple):
    """Say where somebody's LMS id holds; `flag` is how the options that say it begin."""

    source: str | None
    account: str | None
    flag: str = ""


class MergeOptions(NamedTuple):
    """Hold where the two ids hold; the second where the first does, if nothing else is said."""

    of: MergeScope
    into: MergeScope


def merge_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what says where the two ids hold, as `how`."""

    @wraps(command)
    def run(*, source: str | None, account: str | None, **others: Any) -> None:
        into_source, into_account = others.pop("into_source"), others.pop("into_account")
        elsewhere = into_source is not None or into_account is not None
        into = (
            MergeScope(into_source, into_account, "into-")
            if elsewhere
            else MergeScope(source, account)
        )
        command(how=MergeOptions(MergeScope(source, account), into), **others)

    for option in (
        click.option("--into-account", help="Account of INTO, if it is of another."),
        click.option("--into-source", type=SOURCE, help="LMS of INTO, if it is of another."),
        click.option("--account", help="Account of both, if several have such an id."),
        click.option("--source", type=SOURCE, help="LMS of both, if several have such an id."),
    ):
        run = option(run)
    return run


@click.command("merge")
@click.argument("lms_id")
@click.argument("into", required=False)
@merge_options
@click.option("--undo", is_flag=True, help="Let LMS_ID count for itself again.")
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@data_option
@json_option
def merge_people(
    lms_id: str, into: str | None, how: MergeOptions, data: Path | None, **flags: bool
) -> None:
    """Let INTO count for LMS_ID from now on: both are records of one person.

    What LMS_ID is enrolled in and watches goes on, and is told to INTO; what both are owed for the
    same thing is told once. Letters may go on naming either. It may run beside the service.
    """
    if (into is None) != flags["undo"]:
        fail("expected LMS_ID and INTO, or --undo and LMS_ID alone")
    with Installation(data) as office:
        desk = Desk(office)
        record = desk.key_of(lms_id, how.of)
        found = desk.said(*in_one_account(record, desk.key_of(into, how.into) if into else None))
        records = desk.records(found)
        outcome = desk.without_effect(found) if flags["dry_run"] else desk.merge(found)
        if outcome is not None and outcome.reason:
            fail(desk.merged_before(found) or outcome.reason, BAD)
        untold = [] if into or flags["dry_run"] else desk.untold(records)
    report(found, outcome, untold, is_dry=flags["dry_run"], as_json=flags["as_json"])


class MergeAsked(NamedTuple):
    """Say what is to be merged, and how much there is of it."""

    key: PersonKey
    into: PersonKey | None
    enrollments: int
    watches: int
    notifications: int


class Desk:
    """Look people up in one installation, and merge them."""

    def __init__(self, office: Installation) -> None:
        self._office = office
        self._people = People(office.ledger)
        self._lookup = Lookup(office.store, self._people, Courses(office.ledger))

    def key_of(self, lms_id: str, scope: MergeScope) -> PersonKey:
        """Find who has an LMS id; end the command when it is not just one."""
        source, account, flag = scope
        check_account(self._office.ledger, source, account)
        rows = [
            row
            for row in self._people.namesakes(lms_id)
            if source in (None, row.source) or not row.source
        ]
        if not rows:
            fail(
                f"{lms_id}: nobody has this LMS id; `coursebell people list` shows who is known",
                BAD,
            )
        found = {(row.source, row.account) for row in rows if row.source}
        found = {place for place in found if place[1] or len(_of(found, place[0])) == 1}
        meant = {p for p in found if source in (None, p[0]) and account in (None, p[1])}
        if len(meant) > 1:
            fail(
                f"{lms_id}: several have this id; say which with --{flag}source and --{flag}account"
            )
        if not meant and source is None:
            fail(
                f"{lms_id}: no letter has named this id; say of which LMS it is with --{flag}source"
            )
        place = meant.pop() if meant else (source or "", self._account(scope))
        return person_key(*place, lms_id)

    def _account(self, scope: MergeScope) -> str:
        """Give the account that was said, or the only one of its source."""
        accounts = self._people.accounts(scope.source) - {""}
        if scope.account is None and len(accounts) > 1:
            fail(f"--{scope.flag}account: expected {listed(sorted(accounts))}, got none")
        return scope.account or next(iter(accounts), "")

    def said(self, key: PersonKey, into: PersonKey | None) -> MergeAsked:
        """Count what somebody has."""
        if key == into:
            fail("expected two records, got one twice")
        record = self._people.known([key]).get(key)
        records = [record] if record else []
        find = Neighbours(self._office.store).enrollments
        return MergeAsked(
            key=key,
            into=into,
            enrollments=sum(len(find(each)) for each in records),
            watches=sum(self._watches(each) for each in records),
            notifications=counts.count_open_for(self._office.views, records),
        )

    def _watches(self, person: str) -> int:
        rows = enrollment_views.listing(
            self._office.views, "instances", filters={}, limit=-1, after=""
        )
        instances = {str(Watchlist.stream(row["id"])): row["id"] for row in rows}
        newest = self._office.store.newest(list(instances))
        wishes = WatchRequests(self._office.store, self._people)
        watched = (instances[id] for id, version in newest.items() if version)
        return sum(wishes.of(instance, person) is not None for instance in watched)

    def without_effect(self, asked: MergeAsked) -> FactOutcome | None:
        """Tell of a merge that would be refused or change nothing; None of any other."""
        merges = self._people.merges
        ids = self._people.known(key for key in (asked.key, asked.into) if key)
        record, into = ids.get(asked.key, ""), ids.get(asked.into, "") if asked.into else ""
        if record and into and (reason := merges.refusal(record, into)):
            return FactOutcome("set_aside", "", reason)
        is_nobody = not record or bool(asked.into and not into)
        return None if is_nobody or merges.is_new(record, into) else FactOutcome("superseded", "")

    def merged_before(self, asked: MergeAsked) -> str | None:
        """Say who of the two was merged into whom, by their ids, which a log does not have."""
        keys = [key for key in (asked.key, asked.into) if key]
        records = self._people.known(keys)
        for key in keys:
            into = self._people.merges.into(records.get(key, ""))
            if into:
                other = self._people.lms_ids([into]).get(into, "another record")
                place = " ".join(filter(None, self._people.merges.place(into) or ()))
                ends = f"`coursebell people merge {key[2]} --undo` ends that"
                return f"{key[2]} was merged into {other} of {place} before; {ends}"
        return None

    def records(self, asked: MergeAsked) -> set[str]:
        """Name the records of who has the one that is asked about, as they are now."""
        found = self._people.known([asked.key]).values()
        return {record for each in found for record in self._people.records_of(each)}

    def untold(self, records: set[str]) -> list[str]:
        """Name what was cancelled of these records, as another was told, and can be redriven."""
        rows = queue.latest(self._office.views, CANCELLED, None, -1)
        theirs = [row for row in rows if records & {row["person"], row["recipient"]}]
        merged = [row for row in theirs if row["reason"] == MERGED]
        return of_those(NotificationStreams(self._office.store), merged, self._lookup)

    def merge(self, asked: MergeAsked) -> FactOutcome:
        """Record it as a letter's would be, beside whoever else writes."""
        now, store = self._office.clock(), self._office.store
        source, account, lms_id = asked.key
        fact = Fact(
            source=source,
            account=account,
            name=NAME,
            key=fact_key((NAME, str(now)), b""),
            occurred_at=now,
            said=LearnerMerged(),
            course="",
            kind="",
            person=lms_id,
            into=asked.into,
        )
        writer = Writer(store, self._lookup, decide=lambda *_: None)
        writer.by_hand = True
        (outcome,) = writer.write([PlacedFact(fact, 0, 0)], now, lambda _: ())
        return outcome


def in_one_account(key: PersonKey, into: PersonKey | None) -> tuple[PersonKey, PersonKey | None]:
    """Take the account of the one for the other, of which no letter has named any."""
    if into is None or key[0] != into[0]:
        return key, into
    account, other = key[1] or into[1], into[1] or key[1]
    return (key[0], account, key[2]), (into[0], other, into[2])


def _of(places: set[tuple[str, str]], source: str) -> list[tuple[str, str]]:
    return [place for place in places if place[0] == source]


REDRIVE = (
    "as `merged`: `coursebell notifications list --state cancelled` shows them, and "
    "`coursebell notifications redrive ID` tells one after all"
)


def report(
    asked: MergeAsked,
    outcome: FactOutcome | None,
    untold: Sequence[str],
    *,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Say what was done, or would be."""
    is_new = outcome is None or outcome.state == "recorded"
    if as_json:
        done = {"done": outcome is not None and is_new, "dry_run": is_dry}
        print_json({**asked._asdict(), **done, "untold": untold})
        return
    whose, into = asked.key[2], asked.into and asked.into[2]
    what = f"{whose} counts as {into}" if into else f"{whose} counts for itself"
    had = [
        counted(asked.enrollments, "enrollment"),
        counted(asked.watches, "watch", "watches"),
        counted(asked.notifications, "open notification"),
    ]
    if not is_new:
        click.echo(f"{what} already; nothing was changed")
        return
    click.echo(f"{'Would do: ' if outcome is None else ''}{what} from now on: {together(had)}")
    if not into:
        click.echo(
            "What was told as one stays told; enrollments begun meanwhile stay where they are"
        )
    if untold:
        click.echo(f"{counted(len(untold), 'notification')} of the two ended {REDRIVE}")
