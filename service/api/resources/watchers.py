"""Manage watchers over HTTP: who asked to be told of a free seat in an instance, once."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from service.api.framework.operations import Operation
from service.api.framework.problems import NotFound
from service.api.framework.request import LIMIT_DEFAULT, LONGEST_TEXT, AfterNumber, Limit
from service.api.request_context import Page, RequestContext, moment, page
from service.api.resources.instances import MISSING, InstanceId, InstancePath, found
from service.learners.directory.people import PersonKey
from service.rules.readers.watch_requests import OpenWatchRequest


class Watcher(msgspec.Struct, frozen=True):
    """A learner, by their LMS id, and whether they are to be told; null for one forgotten.

    `notification` is the one that is to do it, once there was a free seat and until it is sent.
    """

    learner: str | None
    watching: bool
    asked_at: datetime | None
    notification: str | None


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be told, by the id of the instance's LMS; one nobody has heard of yet will do."""

    learner: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]


class WatcherQuery(InstancePath, frozen=True, kw_only=True):
    """Choose which watchers of an instance are listed."""

    limit: Limit = LIMIT_DEFAULT
    after: AfterNumber | None = None


class WatcherPath(msgspec.Struct, frozen=True):
    """Name one watcher of an instance."""

    id: InstanceId
    learner: Annotated[str, Meta(min_length=1, description="Their LMS id.")]


def listing(context: RequestContext, query: WatcherQuery) -> Page[Watcher]:
    """List who waits, in the order in which they asked."""
    after = int(query.after or 0)
    id = _instance(context, query.id)["id"]
    waiting = [each for each in context.app.watch_requests.all(id) if each.asked > after]
    chosen = page(waiting, query.limit, lambda each: each.asked)
    learners = context.learners(each.person for each in chosen.items)
    items = [_watcher(each, learners.get(each.person)) for each in chosen.items]
    return Page(items, chosen.next)


def ask(context: RequestContext, path: InstancePath, asking: Asking) -> Watcher:
    """Note that a learner asks; twice is harmless."""
    row, wishes = _instance(context, path.id), context.app.watch_requests
    now = context.clock()
    person = wishes.meet((row["source"], row["account"], asking.learner), now)
    wishes.ask(row["id"], person, now)
    standing = wishes.of(row["id"], person)
    if standing is None:  # somebody stopped it in this very moment
        return _nobody(asking.learner)
    return _watcher(standing, asking.learner)


def stop(context: RequestContext, path: WatcherPath) -> Watcher:
    """Tell a learner no more; twice is harmless, and so is one who never asked."""
    row, wishes = _instance(context, path.id), context.app.watch_requests
    key: PersonKey = (row["source"], row["account"], path.learner)
    person = wishes.known(key)
    if person is not None:
        wishes.stop(row["id"], person, context.clock())
    return _nobody(path.learner)


def _instance(context: RequestContext, id: str) -> Mapping[str, Any]:
    """Find the row of the instance; wait for the views only if they do not show it already."""
    try:
        return found(context, id)
    except NotFound:
        context.catch_up()
        return found(context, id)


def _watcher(standing: OpenWatchRequest, learner: str | None) -> Watcher:
    return Watcher(
        learner=learner,
        watching=True,
        asked_at=moment(standing.asked_at),
        notification=standing.notification,
    )


def _nobody(learner: str) -> Watcher:
    return Watcher(learner=learner, watching=False, asked_at=None, notification=None)


PATH = "/api/v1/instances/{id}/watchers"
REFUSALS = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)

OPERATIONS = (
    Operation(
        PATH,
        "List who waits for a free seat, in the order in which they asked.",
        listing,
        missing=MISSING,
        refusals=REFUSALS,
    ),
    Operation(
        PATH,
        "Tell a learner once, by rules with `to: watchers`, when a seat is free.",
        ask,
        method="POST",
        missing=MISSING,
        refusals=REFUSALS,
    ),
    Operation(
        f"{PATH}/{{learner}}",
        "Do not tell a learner any more.",
        stop,
        method="DELETE",
        missing=MISSING,
        refusals=REFUSALS,
    ),
)
