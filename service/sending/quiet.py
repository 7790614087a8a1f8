"""Quiet: a person mutes rules, and lets them speak again."""

from collections.abc import Callable

from eventsourcing.persistence import IntegrityError

from service.learners.events import EventMapper
from service.learners.knowledge import events_of
from service.learners.ledger import Ledger
from service.learners.views import Views
from service.rules.muting import HELD, NOTHING, STREAM, MutingChanged
from service.sending import lists
from service.sending.docket import Docket
from service.sending.redriving import redrive

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
    ids = [] if muted_now(ledger, mapper)[1].everything else lists.held(views, HELD, rule)
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
