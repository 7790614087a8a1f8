"""Planning: what leaves now, as one message with what else, and what ends instead."""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence

import msgspec
from eventsourcing.persistence import PersistenceError

from service.learners.lookup import Lookup
from service.ledger.events import EventBody
from service.ledger.views import Views
from service.rules.decider import Decider
from service.rules.digest_closing import Row
from service.rules.muting import STREAM, MutingChanged, muting_of
from service.rules.notification import DROPPED, GIVEN_UP, OWED, SCHEDULED, Ended, Held, Notification
from service.rules.throttle import REASON as THROTTLED
from service.rules.throttle import Pass, passing
from service.rules.verdict import Leaves, Subject, Verdict, judge
from service.sending import queue
from service.sending.append import Step
from service.sending.channels.channel import Parcel
from service.sending.compose import Leaving, Post, chosen_of, parcel_of
from service.sending.loader import Docket
from service.sending.templates.templates import TemplateProblem, Templates

Muting = tuple[int, MutingChanged]
"""The newest version of the stream that says what is muted, and what it says."""

log = logging.getLogger(__name__)


class Active(msgspec.Struct, frozen=True):
    """The rules and templates that are active now."""

    decider: Decider
    templates: Templates


class Ready(msgspec.Struct, frozen=True):
    """A notification with the parcel it leaves as.

    `told` are those that its message is the first to stand for. `seen` are the streams it was
    tested against, with their newest versions, and `active` the rules. `beside` is what its
    throttle remembers.
    """

    notification: Notification
    parcel: Parcel
    told: tuple[Notification, ...]
    seen: Mapping[str, int]
    active: Active
    beside: tuple[Row, ...] = ()


class Plan(msgspec.Struct):
    """What leaves, and what is to be recorded whatever becomes of that.

    `passed` is what throttles remember of it.
    """

    ready: list[Ready] = []
    steps: list[Step] = []
    passed: dict[str, tuple[int, EventBody]] = {}


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

    def plan(self, found: Sequence[Notification], now: int) -> Plan:
        """What becomes of notifications that are due, those of one moment as one message."""
        self._lookup.forget()
        return self._planned(self._together(found), now)

    def look_again(self, waiting: Sequence[Notification], now: int) -> list[Step]:
        """What has changed for notifications that wait for an address; nothing leaves."""
        self._lookup.forget()
        return self._planned([[each] for each in waiting], now).steps

    def at_the_last_moment(self, ready: Ready, now: int) -> Ready | EventBody:
        """A claimed message as it may leave now, or its end if meanwhile it has become untrue."""
        unmoved = self._docket.newest(list(ready.seen)) == ready.seen
        if unmoved and self._active() is ready.active:
            return ready
        self._lookup.forget()
        lead = ready.notification
        spoken_for = self._docket.notifications(lead.speaks_for)
        plan = self._planned([[lead, *(n for n in spoken_for if n.into == lead.id)]], now)
        return plan.ready[0] if plan.ready else plan.steps[0].body

    def _planned(self, groups: Sequence[Sequence[Notification]], now: int) -> Plan:
        plan, active = Plan(), self._active()
        muting = muting_of(self._lookup)
        subjects = self._docket.subjects([n for group in groups for n in group])
        for group in groups:
            verdicts = [(n, self._verdict(n, subjects, active, now, muting)) for n in group]
            leaving = [(n, verdict) for n, verdict in verdicts if isinstance(verdict, Leaves)]
            if any(n.is_open for n, _ in leaving):
                self._prepare(leaving, subjects, active, now, plan, muting)
            plan.steps += [
                Step(n, v, rests_on=((STREAM, muting[0]),) if isinstance(v, Held) else ())
                for n, v in verdicts
                if n.is_open and isinstance(v, EventBody)
            ]
        return plan

    def _verdict(
        self, notification: Notification, subjects: Mapping[str, Subject], active: Active, now: int,
        muting: Muting,
    ) -> Verdict:  # fmt: skip
        try:
            subject = subjects[notification.id]
            return judge(notification, subject, active.decider, self._lookup, now, muting[1])
        except (sqlite3.Error, PersistenceError):
            raise
        except Exception as error:  # what breaks the program must not hold up the others
            return broken(notification, error, now)

    def _prepare(
        self, leaving: Sequence[Leaving], subjects: Mapping[str, Subject], active: Active, now: int,
        plan: Plan, muting: Muting,
    ) -> None:  # fmt: skip
        """One message for all of these, of which those that have ended are only named."""
        (lead, leaves), others = chosen_of([each for each in leaving if each[0].is_open])
        passed = self._passing(lead, leaves, plan, now)
        if passed == THROTTLED:
            dropped = Ended(at=now, state=DROPPED, reason=THROTTLED)
            plan.steps += [Step(n, dropped) for n in (lead, *(n for n, _ in others))]
            return
        spoken_for = [each for each in leaving if each[0].into == lead.id]
        named = [*others, *spoken_for]
        zone = active.decider.rules.defaults.timezone
        post = msgspec.structs.replace(self._post, timezone=zone)
        try:
            parcel = parcel_of(lead, leaves, [v for _, v in named], active.templates, post, now)
        except TemplateProblem as problem:
            given_up = Ended(at=now, state=GIVEN_UP, reason=f"template: {problem}")
            plan.steps.append(Step(lead, given_up))
        except (sqlite3.Error, PersistenceError):
            raise
        except Exception as error:  # as above
            plan.steps.append(Step(lead, broken(lead, error, now)))
        else:
            seen = {STREAM: muting[0]}
            for n in (lead, *(n for n, _ in named)):
                seen |= subjects[n.id].versions
            beside = (passed,) if isinstance(passed, tuple) else ()
            plan.passed |= {stream: (version, body) for stream, version, body in beside}
            told = tuple(n for n, _ in others)
            plan.ready.append(Ready(lead, parcel, told, seen, active, beside))

    def _passing(
        self, lead: Notification, leaves: Leaves, plan: Plan, now: int
    ) -> Pass | str | None:
        """What its throttle remembers of a message, or the reason when it is one too many."""
        recipient = leaves.recipient.id if leaves.recipient else lead.owed.recipient
        return passing(
            lead.id, lead.owed, leaves.entry, recipient, leaves.reading,
            lambda stream: plan.passed.get(stream) or self._lookup.latest(stream), now,
        )  # fmt: skip

    def _together(self, found: Sequence[Notification]) -> list[list[Notification]]:
        """Groups that are one message, the first of each due; what one has spoken for included."""
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


def joins(notification: Notification, first: Notification) -> bool:
    """Whether it was decided while the first one was waiting for company."""
    free = notification.claimed_until is None and notification.attempts == 0
    waits = notification.state in (OWED, SCHEDULED)
    return waits and free and notification.owed.decided_at <= first.owed.due_at


def broken(notification: Notification, error: Exception, now: int) -> Ended:
    """The end of a notification that the program fails on; to be called where it is caught."""
    log.exception("%s breaks the program and is given up", notification.id)
    reason = f"the program failed on it ({type(error).__name__}); redrive it after a fix"
    return Ended(at=now, state=GIVEN_UP, reason=reason)
