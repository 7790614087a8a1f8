"""Letters over HTTP: what became of a delivery and of each event in it."""

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.api.context import Desk, Page, moment, moment_or_none, page
from service.api.framework.operations import Given, Operation
from service.api.framework.problems import Refused
from service.api.framework.request import AFTER_NUMBER, LIMIT, NUMBER, choice, in_path

STREAMS = {"e": "enrollment", "i": "instance", "c": "course", "l": "learner"}
"""What a stream is, by the first letter of its id."""


class LetterEvent(msgspec.Struct, frozen=True):
    """An event of a letter and what became of it; set aside or ignored it has a `reason`.

    `enrollment`, `instance`, `course` or `learner` is the id of what it was recorded on.
    """

    name: str
    state: Literal["recorded", "duplicate", "superseded", "ignored", "set_aside"]
    reason: str | UnsetType = UNSET
    enrollment: str | UnsetType = UNSET
    instance: str | UnsetType = UNSET
    course: str | UnsetType = UNSET
    learner: str | UnsetType = UNSET


class Letter(msgspec.Struct, frozen=True):
    """A delivery of an LMS; `events` are known once it was taken or set aside.

    Of an `imported` one nobody is told.
    """

    n: int
    source: str
    received_at: datetime
    state: Literal["waiting", "taken", "set_aside"]
    taken_at: datetime | None
    imported: bool
    events: list[LetterEvent]


def show(desk: Desk, given: Given) -> Letter:
    """One letter by its receipt."""
    n: str = given["n"]
    found = desk.app.letters.show(int(n)) if re.fullmatch(NUMBER, n) else None
    if found is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "no such letter; expected the receipt that the webhook's 202 gave",
        )
    return _letter(found)


def listing(desk: Desk, given: Given) -> Page[Letter]:
    """Letters, newest first."""
    limit: int = given["limit"]
    found = desk.app.letters.listing(given["state"], limit + 1, given["after"])
    return page([_letter(each) for each in found], limit, lambda letter: letter.n)


def _letter(found: Mapping[str, Any]) -> Letter:
    return Letter(
        found["n"],
        found["source"],
        moment(found["received_at"]),
        found["state"],
        moment_or_none(found["taken_at"]),
        found["imported"],
        [_event(each) for each in found["events"]],
    )


def _event(found: Mapping[str, str]) -> LetterEvent:
    stream = found["stream"]
    where = {STREAMS[stream[0]]: stream} if stream else {}
    return msgspec.convert(
        {"name": found["name"], "state": found["state"]}
        | ({"reason": found["reason"]} if found["reason"] else {})
        | where,
        LetterEvent,
    )


OPERATIONS = (
    Operation(
        "/api/v1/letters",
        "List letters, newest first.",
        listing,
        Page[Letter],
        (
            choice("state", "Only letters in this state.", ["waiting", "taken", "set_aside"]),
            LIMIT,
            AFTER_NUMBER,
        ),
    ),
    Operation(
        "/api/v1/letters/{n}",
        "Show one letter and what became of each event in it.",
        show,
        Letter,
        (in_path("n", "The receipt.", {"type": "integer", "minimum": 1}),),
        refusals=(HTTPStatus.NOT_FOUND,),
    ),
)
