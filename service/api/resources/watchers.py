"""Watchers over HTTP: who asked to be told of a free seat in an instance, once."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from service.api.context import Desk, Page, moment, page
from service.api.framework.operations import Given, Operation
from service.api.framework.problems import Refused
from service.api.framework.request import AFTER_NUMBER, LIMIT, LONGEST_TEXT, in_path
from service.api.resources.instances import ID, found
from service.learners.directory.people import PersonKey
from service.rules.watch_requests import Standing


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

    learner: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]


def listing(desk: Desk, given: Given) -> Page[Watcher]:
    """Who waits, in the order in which they asked."""
    limit, after = given["limit"], given["after"] or 0
    id = _instance(desk, given)["id"]
    waiting = [each for each in desk.app.wishes.all(id) if each.asked > after]
    chosen = page(waiting, limit, lambda each: each.asked)
    learners = desk.learners(each.person for each in chosen.items)
    items = [_watcher(each, learners.get(each.person)) for each in chosen.items]
    return Page(items, chosen.next)


def ask(desk: Desk, given: Given) -> Watcher:
    """A learner asks; twice is harmless."""
    row, wishes, asking = _instance(desk, given), desk.app.wishes, given["body"]
    now = desk.clock()
    person = wishes.meet((row["source"], row["account"], asking.learner), now)
    wishes.ask(row["id"], person, now)
    return _of(desk, row["id"], person, asking.learner)


def stop(desk: Desk, given: Given) -> Watcher:
    """A learner is not to be told any more; twice is harmless, and so is one who never asked."""
    row, learner = _instance(desk, given), given["learner"]
    key: PersonKey = (row["source"], row["account"], learner)
    person = desk.app.wishes.known(key)
    if person is not None:
        desk.app.wishes.stop(row["id"], person, desk.clock())
    return Watcher(learner, False, None, None)


def _instance(desk: Desk, given: Given) -> Mapping[str, Any]:
    """The row of the instance; the views need not be at the log's end if they show it already."""
    try:
        return found(desk, given["id"])
    except Refused:
        desk.catch_up()
        return found(desk, given["id"])


def _of(desk: Desk, instance: str, person: str, learner: str) -> Watcher:
    standing = desk.app.wishes.of(instance, person)
    if standing is None:  # somebody stopped it in this very moment
        return Watcher(learner, False, None, None)
    return _watcher(standing, learner)


def _watcher(standing: Standing, learner: str | None) -> Watcher:
    return Watcher(learner, True, moment(standing.asked_at), standing.notification)


PATH = "/api/v1/instances/{id}/watchers"
REFUSALS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)

OPERATIONS = (
    Operation(
        PATH,
        "List who waits for a free seat, in the order in which they asked.",
        listing,
        Page[Watcher],
        (ID, LIMIT, AFTER_NUMBER),
        refusals=REFUSALS,
    ),
    Operation(
        PATH,
        "Tell a learner once, by rules with `to: watchers`, when a seat is free.",
        ask,
        Watcher,
        (ID,),
        method="POST",
        body=Asking,
        refusals=REFUSALS,
    ),
    Operation(
        f"{PATH}/{{learner}}",
        "Do not tell a learner any more.",
        stop,
        Watcher,
        (ID, in_path("learner", "Their LMS id.", {"type": "string", "minLength": 1})),
        method="DELETE",
        refusals=REFUSALS,
    ),
)
