"""Planning: what leaves now, as one message with what else, and what ends instead."""

import logging
import sqlite3
from collections.abc import Callable, Sequence

import msgspec
from eventsourcing.persistence import PersistenceError

from service.learners.events import Body
from service.learners.knowledge import Knowledge
from service.learners.views import Views
from service.rules.decide import Decider
from service.rules.notifications import (
    DROPPED,
    GIVEN_UP,
    OWED,
    SCHEDULED,
    Ended,
    Notification,
)
from service.sending import queue
from service.sending.docket import Docket
from service.sending.packing import Post, chosen_of, parcel_of
from service.sending.parcel import Parcel
from service.sending.rendering import TemplateProblem, Templates
from service.sending.verdict import Leaves, judge

log = logging.getLogger(__name__)


class Active(msgspec.Struct, frozen=True):
    """The rules and templates that are active now."""

    decider: Decider
    templates: Templates


class Ready(msgspec.Struct, frozen=True):
    """A notification with the parcel it leaves as."""

    notification: Notification
    parcel: Parcel


Change = tuple[Notification, Body]
"""A notification and the next event of its stream."""


class Plan(msgspec.Struct):
    """What leaves, and what is to be recorded whatever becomes of that."""

    ready: list[Ready] = []
    changes: list[Change] = []


class Planner:
    """Tests again what is due, by the rules, the log and the people of now."""

    def __init__(
        self,
        docket: Docket,
        views: Views,
        knowledge: Knowledge,
        active: Callable[[], Active],
        post: Post,
    ) -> None:
        self._docket = docket
        self._views = views
        self._knowledge = knowledge
        self._active = active
        self._post = post

    def plan(self, found: Sequence[Notification], now: int) -> Plan:
        """What becomes of notifications that are due, those of one moment as one message."""
        self._knowledge.forget()
        return self._planned(self._together(found), now)

    def look_again(self, waiting: Sequence[Notification], now: int) -> list[Change]:
        """What has changed for notifications that wait for an address; nothing leaves."""
        self._knowledge.forget()
        return self._planned([[each] for each in waiting], now).changes

    def _planned(self, groups: Sequence[Sequence[Notification]], now: int) -> Plan:
        plan, active = Plan(), self._active()
        subjects = self._docket.subjects([n for group in groups for n in group])
        for group in groups:
            verdicts: list[tuple[Notification, object]] = []
            try:
                for n in group:
                    subject = subjects[n.owed.subject]
                    verdicts.append((n, judge(n, subject, active.decider, self._knowledge, now)))
                self._take(verdicts, active.templates, now, plan)
            except (sqlite3.Error, PersistenceError):
                raise
            except Exception as error:  # what breaks the program must not hold up the others
                log.exception("%s breaks the program and is given up", group[0].id)
                name = type(error).__name__
                reason = f"the program failed on it ({name}); redrive it after a fix"
                plan.changes.append((group[0], Ended(at=now, state=GIVEN_UP, reason=reason)))
        return plan

    def _take(
        self, verdicts: Sequence[tuple[Notification, object]], templates: Templates, now: int,
        plan: Plan,
    ) -> None:  # fmt: skip
        leaving = [(n, verdict) for n, verdict in verdicts if isinstance(verdict, Leaves)]
        chosen = [each for each in leaving if each[0].is_open]
        if chosen:
            spoken_for = [each for each in leaving if not each[0].is_open]
            self._prepare(chosen, spoken_for, templates, now, plan)
        plan.changes += [(n, v) for n, v in verdicts if n.is_open and isinstance(v, Body)]

    def _prepare(
        self, leaving: Sequence[tuple[Notification, Leaves]],
        spoken_for: Sequence[tuple[Notification, Leaves]], templates: Templates, now: int,
        plan: Plan,
    ) -> None:  # fmt: skip
        (lead, leaves), others = chosen_of(leaving)
        named = [each[1] for each in [*others, *spoken_for]]
        try:
            parcel = parcel_of(lead, leaves, named, templates, self._post, now)
        except TemplateProblem as problem:
            given_up = Ended(at=now, state=GIVEN_UP, reason=f"template: {problem}")
            plan.changes.append((lead, given_up))
            return
        plan.ready.append(Ready(lead, parcel))
        told = Ended(at=now, state=DROPPED, reason="collapsed", into=lead.id)
        plan.changes += [(other, told) for other, _ in others]

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
