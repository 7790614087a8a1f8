"""Run `coursebell status`: how it stands, on one screen, and what somebody should look at."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from shutil import disk_usage

import msgspec
import rich_click as click
from rich.text import Text

from service import __version__
from service.api.system.endpoints import FREE_BYTES_WARNING
from service.app.app import SOURCES
from service.app.ways_out import REDIRECTED
from service.cli.directory.people_api import api_in_words
from service.cli.options.installation import Installation
from service.cli.output.console import (
    BAD,
    data_option,
    json_option,
    page_wide,
    print_json,
    printable,
    settings,
)
from service.cli.output.shards import (
    ShardsStatus,
    shards_at_rest,
    shards_in_words,
    unheld_in_words,
)
from service.cli.output.text import ago, in_local_time, moment, print_words, span
from service.incoming.adobe_api.api_state import ApiStanding, api_standing
from service.incoming.letters import Letters, unaccounted
from service.learners.directory.imports import (
    RecordedImport,
    last_imports,
    newest_of_sources,
    overdue,
    overdue_in_words,
)
from service.ledger.sqlite.database import SCHEMA_VERSION
from service.ledger.store import Durability
from service.rules.calendar import HOUR, MINUTE
from service.rules.explain.rule_versions import AnyEnvironment
from service.rules.language.reader import read_rules
from service.rules.notification import STATES
from service.rules.rule import muting_of
from service.rules.scheduler import RULES_STREAM, RulesActivated
from service.rules.triggers.channel_failing import recorded_channel
from service.running import FailingNow, SeenNow, seen_now, wall_clock
from service.sending import queue
from service.sending.channel_health import state_as_recorded
from service.sending.counts import MatchCounter, census

WAITS_TOO_LONG_MS = 5 * MINUTE
DUE_TOO_LONG_MS = HOUR


class ChannelStatus(msgspec.Struct, frozen=True):
    """Say how a channel of the active rules does, and what is due by it; times are ms UTC."""

    name: str
    failing_since: int | None
    trouble: str | None
    due: int
    oldest_due: int | None


class Status(msgspec.Struct, frozen=True):
    """Say how an installation stands; times are ms since 1970 UTC.

    `feeds` are the last letters, by source, and `imports` the last of people and courses;
    `unaccounted` must be 0; `troubles` are what the running service says of its parts. `redirected`
    tells whether all mail goes to one address; `durability` is what the server that holds the
    ledger promises, and `shards` who has them where several work on it.
    """

    version: str
    schema: int
    running: bool
    rules_active: int
    rules_since: int | None
    muted: str | None
    letters: dict[str, int]
    oldest_waiting: int | None
    notifications: dict[str, int]
    unaccounted: dict[str, int]
    feeds: dict[str, int]
    channels: list[ChannelStatus]
    adobe_api: ApiStanding | None = None
    troubles: dict[str, str] = {}
    disk_free_bytes: int = 0
    imports: list[RecordedImport] = []
    imports_overdue: list[str] = []
    redirected: bool = False
    durability: Durability | None = None
    shards: ShardsStatus | None = None
    look_at: list[str] = []


@click.command()
@data_option
@json_option
def status(data: Path | None, as_json: bool) -> None:
    """Show how it stands: feeds, channels, queue, letters, and what somebody should look at.

    Exits with 1 when somebody should look at something. The service may be running.
    """
    now = wall_clock()
    with Installation(data) as office:
        seen = seen_now(office.ledger.folder) if office.beside_service else None
        found = standing(office, seen, now)
        if shards := shards_at_rest(office.ledger):
            found = msgspec.structs.replace(found, shards=shards, running=bool(shards.workers))
        chosen = settings(data)
        late = overdue_in_words(overdue(office.ledger, chosen.import_max_age, now))
        redirected = chosen.redirect_all_to is not None
        survives = office.ledger.durability() if chosen.database_url else None
        found = msgspec.structs.replace(
            found, imports_overdue=late, redirected=redirected, durability=survives
        )
    found = msgspec.structs.replace(found, look_at=list(concerns(found, now)))
    if as_json:
        print_json(found)
    else:
        show(found, chosen.data, now)
    raise SystemExit(BAD if found.look_at else 0)


def standing(office: Installation, seen: SeenNow | None, now: int) -> Status:
    """Read how it stands from the ledger, the views and what the running service says."""
    active = active_file(office)
    letters = Letters(office.ledger)
    counts = letters.counts()
    position, states = census(office.views)
    matched = MatchCounter(office.ledger).up_to(position)
    _, muting = muting_of(office.store.latest)
    modes = active.modes if active else {}
    return Status(
        version=__version__,
        schema=SCHEMA_VERSION,
        running=office.ledger.lease.is_held(),
        rules_active=sum(mode != "disabled" for mode in modes.values()),
        rules_since=active.at if active else None,
        muted=muting.names if muting.everything or muting.rules else None,
        letters=counts,
        oldest_waiting=letters.oldest_waiting(),
        notifications=states,
        unaccounted={
            "letters": unaccounted(counts),
            "notifications": matched - sum(states.values()),
        },
        feeds={source: last.at for source, last in letters.feeds.heard().items()},
        channels=list(channels(office, active, seen, now)),
        adobe_api=api_standing(office.ledger, now),
        troubles=seen.troubles if seen else {},
        disk_free_bytes=disk_usage(office.ledger.folder).free,
        imports=last_imports(office.ledger),
    )


def active_file(office: Installation) -> RulesActivated | None:
    """Read which rule file is active; None before the first start."""
    match office.store.latest(RULES_STREAM):
        case (_, RulesActivated() as active):
            return active
    return None


def channels(
    office: Installation, active: RulesActivated | None, seen: SeenNow | None, now: int
) -> Iterator[ChannelStatus]:
    """Say how each channel of the active rules does: the service knows, else the ledger."""
    rules, _ = read_rules(active.text if active else "", environ=AnyEnvironment())
    due = queue.overdue(office.views, now)
    for name in rules.channels if rules else due:
        failing = seen.channels.get(name) if seen else failing_as_recorded(office, name)
        count, oldest = due.get(name, (0, None))
        yield ChannelStatus(
            name=name,
            failing_since=failing.since if failing else None,
            trouble=failing.trouble if failing else None,
            due=count,
            oldest_due=oldest,
        )


def failing_as_recorded(office: Installation, channel: str) -> FailingNow | None:
    """Say how a channel failed when the service ran last; None if it worked."""
    recorded = recorded_channel(office.store.latest, channel)
    words = state_as_recorded(recorded).in_words() if recorded else ""
    return FailingNow(recorded.since, words) if recorded else None


def concerns(found: Status, now: int) -> Iterator[str]:
    """Name what somebody should look at."""
    if not found.running:
        yield "the service is not running; start it with `coursebell run`"
    elif found.shards and found.shards.unheld:
        yield unheld_in_words(found.shards)
    for what, count in found.unaccounted.items():
        if count:
            yield f"{count} {what} are in no state; run `coursebell fsck`"
    if found.disk_free_bytes < FREE_BYTES_WARNING:
        left = found.disk_free_bytes // 1024 // 1024
        yield f"{left} MiB are left on the disk of the data folder; make room"
    if found.durability and found.durability.doubtful:
        yield found.durability.words
    for part, words in found.troubles.items():
        yield f"{part}: {words}"
    yield from found.imports_overdue
    for channel in found.channels:
        if channel.trouble:
            yield f"channel {channel.name} {channel.trouble}"
        elif channel.oldest_due is not None and now - channel.oldest_due > DUE_TOO_LONG_MS:
            yield (
                f"channel {channel.name} owes what is due for {span(now - channel.oldest_due)}; "
                "look at `coursebell notifications list --state owed`"
            )
    if found.oldest_waiting is not None and now - found.oldest_waiting > WAITS_TOO_LONG_MS:
        waits = span(now - found.oldest_waiting)
        yield f"a letter has been waiting for {waits}; look at /readyz and the log of the service"


def show(found: Status, folder: Path, now: int) -> None:
    """Print it on one screen, and what to look at last."""
    screen = page_wide()
    for title, words in lines(found, folder, now):
        print_words(screen, Text(printable(words)), f"{title:<15}")
    screen.print()
    for each in found.look_at:
        print_words(screen, Text(printable(in_local_time(each)), "red"), "look at  ")
    if not found.look_at:
        screen.print("nothing to look at")


def lines(found: Status, folder: Path, now: int) -> Iterator[tuple[str, str]]:
    """Put how it stands into words, each under its title."""
    running = "running" if found.running else "not running"
    yield "Coursebell", f"{found.version}, {running}; ledger of schema {found.schema}"
    if found.redirected:
        yield "redirected", REDIRECTED
    if found.durability:
        yield "ledger", f"in PostgreSQL; {found.durability.words}"
    if found.shards:
        yield from shards_in_words(found.shards)
    yield "data", str(folder)
    since = f" since {moment(found.rules_since)}" if found.rules_since else ""
    yield "rules", f"{found.rules_active} active{since}"
    if found.muted:
        yield "muted", found.muted
    for source in (each.name for each in SOURCES if each.name in found.feeds):
        yield "feed", f"{source}: last letter {ago(found.feeds[source], now)}"
    for source, at in newest_of_sources(found.imports).items():
        yield "people", f"{source or 'of no source'}: last import {ago(at, now)}"
    yield "letters", sums(found.letters, ("accepted", "waiting", "set_aside"))
    shown = [state for state in STATES if found.notifications[state]]
    yield "notifications", sums(found.notifications, shown) or "none"
    for channel in found.channels:
        fails = channel.failing_since
        does = "works" if fails is None else f"fails since {moment(fails)}"
        oldest = channel.oldest_due
        due = f" for {span(max(0, now - oldest))}" if oldest is not None else ""
        yield "channel", f"{channel.name}: {does}; {channel.due:,} due{due}"
    if found.adobe_api:
        said = dict(api_in_words(found.adobe_api, now))
        yield "Adobe's API", f"last answer {said['last answer']}; {said['budget']}"


def sums(counts: Mapping[str, int], names: Iterable[str]) -> str:
    """Write counts side by side: `3 accepted, 0 waiting`."""
    return ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in names)
