"""Obey the operator: redrive, mute, unmute, cancel what was removed and let go what is back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError

from service.learners.world import World
from service.ledger.events import EventStore
from service.ledger.views import Views
from service.rules.done_or_gone import MERGED, merged_into
from service.rules.notification import (
    CANCELLED,
    EXPIRED,
    GIVEN_UP,
    HELD,
    RULE_GONE,
    RULE_REMOVED,
    SCHEDULED,
    Ended,
    Notification,
    Redriven,
    RuleReturned,
)
from service.rules.rule import MUTED, MUTING, MutingChanged, muting_of
from service.sending import queue
from service.sending.streams import NotificationStreams, OutcomeRecorder, Update

REDRIVABLE = frozenset({GIVEN_UP, EXPIRED, HELD})
WHY_CANCELLED = (RULE_REMOVED, MERGED)
"""Why something still true was cancelled: its rule alone was missing, or it was owed twice."""
STILL_MERGED = (
    "another record of the same person is told of it, or was; if they are two people, first say "
    "`coursebell people merge LMS_ID --undo`"
)
AT_A_TIME = 500
CHANGED = "it changed meanwhile; look at it again"


def redrive(
    streams: NotificationStreams, ids: Sequence[str], now: int, world: World | None = None
) -> tuple[list[str], list[tuple[str, str]]]:
    """Make notifications owed again from `now`; return those done, and why others are not.

    Before one leaves it is tested again like any other. Twice is refused the second time. In a
    `world` it is known who is two people again.
    """
    done: list[str] = []
    refused: list[tuple[str, str]] = []
    for chunk in chunks(ids):
        found = {n.id: n for n in streams.notifications(chunk)}
        reasons = {id: why_not(found.get(id), world) for id in chunk}
        refused += [(id, reason) for id, reason in reasons.items() if reason]
        wanted = [found[id] for id, reason in reasons.items() if reason is None]
        again = [(n.id, n.version + 1, Redriven(at=now)) for n in wanted]
        written = streams.store.append_each(again)
        done += [n.id for n in wanted if n.id in written]
        refused += [(n.id, CHANGED) for n in wanted if n.id not in written]
    return done, refused


def bring_forward(streams: NotificationStreams, views: Views, now: int) -> None:
    """Make owed again what was put off later than `now`, by a clock that was ahead then."""
    for chunk in chunks(queue.put_off(views, now)):
        later = (n for n in streams.notifications(chunk) if _moved_at(n, streams.store) > now)
        again = [(n.id, n.version + 1, Redriven(at=now)) for n in later]
        streams.store.append_each(again)


def _moved_at(notification: Notification, store: EventStore) -> int:
    """Tell when (ms UTC) the newest event of a notification was recorded."""
    found: Any = store.latest(notification.id)
    return int(found[1].at) if notification.version > 1 else notification.owed.decided_at


def chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    """Part ids by what one transaction may have; each stands in its part once."""
    for start in range(0, len(ids), AT_A_TIME):
        yield list(dict.fromkeys(ids[start : start + AT_A_TIME]))


def of_those(
    streams: NotificationStreams, rows: Sequence[Mapping[str, Any]], world: World
) -> list[str]:
    """Pick the ids of what can be redriven of a listing."""
    ids = [row["id"] for row in rows if may_be_redriven(row["state"], row["reason"])]
    merged = [row["id"] for row in rows if row["reason"] == MERGED]
    found = (n for chunk in chunks(merged) for n in streams.notifications(chunk))
    kept = {n.id for n in found if why_not(n, world)}
    return [id for id in ids if id not in kept]


def why_not(notification: Notification | None, world: World | None = None) -> str | None:
    """Say why a notification cannot be redriven; None when it can."""
    if notification is None:
        return "no such notification"
    state, reason = notification.state, notification.reason
    if may_be_redriven(state, reason):
        return STILL_MERGED if reason == MERGED and world and is_told(notification, world) else None
    wanted = ", ".join(sorted(REDRIVABLE))
    if state == CANCELLED:
        why = " or ".join(WHY_CANCELLED)
        return f"expected one of {wanted}, or {CANCELLED} ({why}), got {state} ({reason})"
    return f"expected one of {wanted}, got {state}"


def is_told(notification: Notification, world: World) -> bool:
    """Tell whether another record of one person is still told, or was, what this one is for."""
    return merged_into(notification.owed, world, lambda _: True) is not None


def may_be_redriven(state: str, reason: str | None) -> bool:
    """Tell whether a person may have it tried again; also what is still true but was cancelled."""
    return state in REDRIVABLE or (state == CANCELLED and reason in WHY_CANCELLED)


ATTEMPTS = 5


def mute(store: EventStore, rule: str | None, now: int) -> bool:
    """Keep what a rule owes, or every rule, from leaving; false if it was muted already."""

    def muted(before: MutingChanged) -> MutingChanged:
        rules = set(before.rules) | ({rule} if rule else set())
        everything = before.everything or rule is None
        return MutingChanged(at=now, everything=everything, rules=tuple(sorted(rules)))

    return change(store, muted)


def unmute(store: EventStore, views: Views, rule: str | None, now: int) -> tuple[bool, int]:
    """Let a rule speak again, or whatever is muted; whether it was, and how many are let go."""

    def spoken(before: MutingChanged) -> MutingChanged:
        if rule is None:
            return MutingChanged(at=now)
        rules = tuple(each for each in before.rules if each != rule)
        return MutingChanged(at=now, everything=before.everything, rules=rules)

    changed = change(store, spoken)
    views.catch_up()
    ids = (
        []
        if muting_of(store.latest)[1].everything
        else queue.because(views, HELD, MUTED, rule=rule)
    )
    done, _ = redrive(NotificationStreams(store), ids, now)
    return changed, len(done)


def change(store: EventStore, changed: Callable[[MutingChanged], MutingChanged]) -> bool:
    """Append what is muted from now; false if nothing changes. Done again on a conflict."""
    for _ in range(ATTEMPTS):
        version, before = muting_of(store.latest)
        after = changed(before)
        if (after.everything, after.rules) == (before.everything, before.rules):
            return False
        if store.append_unless_moved([(MUTING, version + 1, after)]):
            return True
    raise IntegrityError(f"what is muted was changed by others {ATTEMPTS} times; try again")


def cancel_removed(
    streams: NotificationStreams,
    views: Views,
    channels: Collection[str],
    live: Collection[str],
    now: int,
) -> None:
    """Cancel every open notification of a channel or rule that is not among these.

    No delivery would look at it again. One that is in hand right now is left alone. What such a
    message was to stand for is owed again.
    """

    def is_free(found: Notification) -> bool:
        return found.is_open and (found.claimed_until is None or found.claimed_until <= now)

    ended = Ended(at=now, state=CANCELLED, reason=RULE_REMOVED)
    ids = list(queue.removed(views, channels, live))
    for chunk in chunks(ids):
        free = (n for n in streams.notifications(chunk) if is_free(n))
        OutcomeRecorder(streams).append([Update(n, ended) for n in free])


def let_return(
    streams: NotificationStreams, views: Views, *, live: Collection[str], now: int
) -> None:
    """Let leave what was held because its rule was gone, of the rules that are there again."""
    for chunk in chunks(queue.because(views, SCHEDULED, RULE_GONE)):
        found = streams.notifications(chunk)
        held = (n for n in found if n.owed.rule in live and n.reason == RULE_GONE and n.is_open)
        back = [(n.id, n.version + 1, RuleReturned(at=now)) for n in held]
        streams.store.append_each(back)
