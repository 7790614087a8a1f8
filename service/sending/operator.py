"""Redriving: trying again what was given up, because a person says so."""

from collections.abc import Callable, Collection, Sequence

from eventsourcing.persistence import IntegrityError

from service.learners.world import events_of
from service.ledger.events import EventMapper
from service.ledger.ledger import Ledger
from service.ledger.views import Views
from service.rules.notification import (
    CANCELLED,
    EXPIRED,
    GIVEN_UP,
    HELD,
    Ended,
    Notification,
    Redriven,
)
from service.rules.verdict import MUTED, NOTHING, STREAM, MutingChanged
from service.sending import queue
from service.sending.streams import Docket

REDRIVABLE = frozenset({GIVEN_UP, EXPIRED, HELD})
AT_A_TIME = 500
CHANGED = "it changed meanwhile; look at it again"


def redrive(
    ledger: Ledger, mapper: EventMapper, docket: Docket, ids: Sequence[str], now: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """Makes notifications owed again from `now`; returns those done, and why others are not.

    Before one leaves it is tested again like any other. Twice is refused the second time.
    """
    done: list[str] = []
    refused: list[tuple[str, str]] = []
    for start in range(0, len(ids), AT_A_TIME):
        chunk = list(dict.fromkeys(ids[start : start + AT_A_TIME]))
        found = {n.id: n for n in docket.notifications(chunk)}
        reasons = {id: why_not(found.get(id)) for id in chunk}
        refused += [(id, reason) for id, reason in reasons.items() if reason]
        wanted = [found[id] for id, reason in reasons.items() if reason is None]
        written = append(ledger, mapper, wanted, now)
        done += written
        refused += [(n.id, CHANGED) for n in wanted if n.id not in written]
    return done, refused


def why_not(notification: Notification | None) -> str | None:
    """Why a notification cannot be redriven; None when it can."""
    if notification is None:
        return "no such notification"
    if notification.state not in REDRIVABLE:
        wanted = ", ".join(sorted(REDRIVABLE))
        return f"expected one of {wanted}, got {notification.state}"
    return None


def append(
    ledger: Ledger, mapper: EventMapper, wanted: Sequence[Notification], now: int
) -> list[str]:
    """Appends the event to all at once; returns the ids of those nobody else moved meanwhile."""
    rows = [(n.id, n.version + 1, *mapper.encode(Redriven(at=now))) for n in wanted]
    try:
        with ledger.transaction() as cursor:
            ledger.append(cursor, rows)
    except IntegrityError:
        if len(wanted) == 1:
            return []
        return [id for each in wanted for id in append(ledger, mapper, [each], now)]
    return [n.id for n in wanted]


ATTEMPTS = 5


def mute(ledger: Ledger, mapper: EventMapper, rule: str | None, now: int) -> bool:
    """Keeps what a rule owes, or every rule, from leaving; false if it was muted already."""

    def muted(before: MutingChanged) -> MutingChanged:
        rules = set(before.rules) | ({rule} if rule else set())
        everything = before.everything or rule is None
        return MutingChanged(at=now, everything=everything, rules=tuple(sorted(rules)))

    return change(ledger, mapper, muted)


def unmute(
    ledger: Ledger, mapper: EventMapper, views: Views, rule: str | None, now: int
) -> tuple[bool, int]:
    """Lets a rule speak again, or whatever is muted; whether it was, and how many are let go."""

    def spoken(before: MutingChanged) -> MutingChanged:
        if rule is None:
            return MutingChanged(at=now)
        rules = tuple(each for each in before.rules if each != rule)
        return MutingChanged(at=now, everything=before.everything, rules=rules)

    changed = change(ledger, mapper, spoken)
    views.catch_up()
    ids = [] if muted_now(ledger, mapper)[1].everything else queue.held(views, MUTED, rule)
    done, _ = redrive(ledger, mapper, Docket(ledger, mapper, {}), ids, now)
    return changed, len(done)


def muted_now(ledger: Ledger, mapper: EventMapper) -> tuple[int, MutingChanged]:
    """What is muted, and the version of the log that says so."""
    events = events_of(ledger, mapper, STREAM)
    newest = events[-1].body if events else NOTHING
    assert isinstance(newest, MutingChanged)
    return len(events), newest


def change(
    ledger: Ledger, mapper: EventMapper, changed: Callable[[MutingChanged], MutingChanged]
) -> bool:
    """Appends what is muted from now; false if nothing changes. Done again on a conflict."""
    for attempt in range(ATTEMPTS):
        version, before = muted_now(ledger, mapper)
        after = changed(before)
        if (after.everything, after.rules) == (before.everything, before.rules):
            return False
        try:
            with ledger.transaction() as cursor:
                ledger.append(cursor, [(STREAM, version + 1, *mapper.encode(after))])
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return True
    return False


def cancel_removed(
    views: Views,
    ledger: Ledger,
    mapper: EventMapper,
    docket: Docket,
    channels: Collection[str],
    live: Collection[str],
    now: int,
) -> None:
    """Cancels every open notification of a channel or rule that is not among these.

    No delivery would look at it again. One that is in hand right now is left alone.
    """
    ended = mapper.encode(Ended(at=now, state=CANCELLED, reason="rule_removed"))
    ids = list(queue.removed(views, channels, live))
    for start in range(0, len(ids), AT_A_TIME):
        for found in docket.notifications(ids[start : start + AT_A_TIME]):
            if found.is_open and found.claimed_until is None:
                cancel(ledger, (found.id, found.version + 1, *ended))


def cancel(ledger: Ledger, row: tuple[str, int, str, bytes]) -> None:
    """Appends the end, unless somebody moved the notification meanwhile."""
    try:
        with ledger.transaction() as cursor:
            ledger.append(cursor, [row])
    except IntegrityError:
        return
