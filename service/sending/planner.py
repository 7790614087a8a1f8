"""Plan what is due: load what the plan needs, and make steps of what it says."""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from eventsourcing.persistence import PersistenceError
from msgspec.structs import replace

from service.learners.lookup import Lookup
from service.ledger.events import EventBody
from service.ledger.views import Views
from service.rules.decider import Decider
from service.rules.muting import STREAM as MUTING
from service.rules.muting import muting_of
from service.rules.notification import GIVEN_UP, OWED, SCHEDULED, Ended, Held, Notification
from service.rules.plan import Message, joins, plan
from service.rules.subject import Subject
from service.rules.verdict import Ground, Verdict, judge
from service.sending import queue
from service.sending.append import Step
from service.sending.channels.channel import Parcel
from service.sending.compose import Post, parcel_of
from service.sending.loader import Docket
from service.sending.templates.templates import TemplateProblem, Templates

log = logging.getLogger(__name__)


class Active(msgspec.Struct, frozen=True):
    """The rules and templates that are active now."""

    decider: Decider
    templates: Templates


class Ready(msgspec.Struct, frozen=True):
    """A message with the parcel it leaves as; `notification` is the one that speaks.

    `seen` are the streams it was tested against, with their newest versions, and `active` the
    rules.
    """

    notification: Notification
    message: Message
    parcel: Parcel
    seen: Mapping[str, int]
    active: Active


class Planned(NamedTuple):
    """What leaves, and what is to be recorded whatever becomes of that."""

    ready: Sequence[Ready]
    steps: Sequence[Step]


class Planner:
    """Tests again what is due, by the rules, the log and the people of now."""

    def __init__(
        self,
        docket: Docket,
        views: Views,
        lookup: Lookup,
        active: Callable[[], Active],
        post: Post,
    ) -> None:
        self._docket = docket
        self._views = views
        self._lookup = lookup
        self._active = active
        self._post = post

    def plan(self, found: Sequence[Notification], now: int) -> Planned:
        """Plan notifications that are due, those of one moment as one message."""
        self._lookup.forget()
        return self._planned(self._together(found), now)

    def look_again(self, waiting: Sequence[Notification], now: int) -> Sequence[Step]:
        """Plan notifications that wait for an address; nothing leaves."""
        self._lookup.forget()
        return self._planned([[each] for each in waiting], now).steps

    def at_the_last_moment(self, ready: Ready, now: int) -> Ready | EventBody:
        """Give a claimed message as it may leave now, or its end if it has become untrue."""
        unmoved = self._docket.newest(list(ready.seen)) == ready.seen
        if unmoved and self._active() is ready.active:
            return ready
        self._lookup.forget()
        lead = ready.notification
        spoken_for = self._docket.notifications(lead.speaks_for)
        planned = self._planned([[lead, *(n for n in spoken_for if n.into == lead.id)]], now)
        return planned.ready[0] if planned.ready else planned.steps[0].body

    def _planned(self, groups: Sequence[Sequence[Notification]], now: int) -> Planned:
        """Load what the plan of these groups needs, plan, and compose the words of each message."""
        active, (muting, muted) = self._active(), muting_of(self._lookup)
        ground = Ground(active.decider, self._lookup, now, muted)
        subjects = self._docket.subjects([n for group in groups for n in group])
        composer = Composer(active, self._post, now)
        planned = plan(
            groups,
            lambda n: verdict(judge, n, subjects, ground),
            self._lookup.latest,
            now,
            composer.accept,
        )
        ready = [
            Ready(m.lead, m, composer.parcels[m.lead.id], seen(m, subjects, muting), active)
            for m in planned.messages
        ]
        return Planned(ready, [step_of(n, body, muting) for n, body in planned.endings])

    def _together(self, found: Sequence[Notification]) -> list[list[Notification]]:
        """Group what becomes one message, the first of each due, with what one has spoken for."""
        groups: dict[str, list[Notification]] = {}
        for first in found:
            key = first.owed.collapse
            if key is None or first.state not in (OWED, SCHEDULED):
                groups[first.id] = [first]
            elif key not in groups:
                groups[key] = [first, *self._others(first, key)]
        return list(groups.values())

    def _others(self, first: Notification, key: str) -> list[Notification]:
        ids = queue.together(self._views, key) if first.attempts == 0 else []
        ids += queue.dropped(self._views, key) if first.version > 1 else []
        others = self._docket.notifications([id for id in ids if id != first.id])
        return [n for n in others if joins(n, first) or n.into == first.id]


class Composer:
    """Composes the words of messages as they are planned; what cannot be composed is given up."""

    def __init__(self, active: Active, post: Post, now: int) -> None:
        self.parcels: dict[str, Parcel] = {}
        self._templates = active.templates
        self._post = replace(post, timezone=active.decider.rules.defaults.timezone)
        self._now = now

    def accept(self, message: Message) -> EventBody | None:
        """Compose a message; returns the end of its lead instead when that fails."""
        lead, now = message.lead, self._now
        try:
            self.parcels[lead.id] = parcel_of(message, self._templates, self._post, now)
        except TemplateProblem as problem:
            return Ended(at=now, state=GIVEN_UP, reason=f"template: {problem}")
        except (sqlite3.Error, PersistenceError):
            raise
        except Exception as error:  # what breaks the program must not hold up the others
            return broken(lead, error, now)
        return None


def verdict(
    judged: Callable[[Notification, Subject, Ground], Verdict],
    notification: Notification,
    subjects: Mapping[str, Subject],
    ground: Ground,
) -> Verdict:
    """Judge one of many notifications; one that the program fails on is given up alone."""
    try:
        return judged(notification, subjects[notification.id], ground)
    except (sqlite3.Error, PersistenceError):
        raise
    except Exception as error:  # what breaks the program must not hold up the others
        return broken(notification, error, ground.now)


def seen(message: Message, subjects: Mapping[str, Subject], muting: int) -> dict[str, int]:
    """Name the streams a message was tested against, with their newest versions."""
    found = {MUTING: muting}
    for notification in (message.lead, *(n for n, _ in message.others)):
        found |= subjects[notification.id].versions
    return found


def step_of(notification: Notification, body: EventBody, muting: int) -> Step:
    """Make the step that ends or defers a notification; what is held rests on what is muted."""
    rests_on = ((MUTING, muting),) if isinstance(body, Held) else ()
    return Step(notification, body, rests_on=rests_on)


def broken(notification: Notification, error: Exception, now: int) -> Ended:
    """The end of a notification that the program fails on; to be called where it is caught."""
    log.exception("%s breaks the program and is given up", notification.id)
    reason = f"the program failed on it ({type(error).__name__}); redrive it after a fix"
    return Ended(at=now, state=GIVEN_UP, reason=reason)
