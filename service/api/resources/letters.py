"""Show letters over HTTP: what became of a delivery and of each event in it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.api.framework.operations import Operation
from service.api.framework.problems import NotFound
from service.api.framework.request import LIMIT_DEFAULT, AfterNumber, Limit
from service.api.request_context import Page, RequestContext, item, page

STREAMS = {"e": "enrollment", "i": "instance", "c": "course", "l": "learner"}
"""What a stream is, by the first letter of its id."""

LetterState = Literal["waiting", "taken", "set_aside"]


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
    state: LetterState
    taken_at: datetime | None
    imported: bool
    events: list[LetterEvent]


class LetterQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Choose which letters are listed."""

    state: Annotated[LetterState | None, Meta(description="Only letters in this state.")] = None
    limit: Limit = LIMIT_DEFAULT
    after: AfterNumber | None = None


class LetterPath(msgspec.Struct, frozen=True):
    """Name one letter."""

    n: Annotated[int, Meta(ge=1, description="The receipt.")]


def listing(context: RequestContext, query: LetterQuery) -> Page[Letter]:
    """List letters, newest first."""
    after = None if query.after is None else int(query.after)
    found = context.app.letters.listing(query.state, query.limit + 1, after)
    return page([_letter(each) for each in found], query.limit, lambda letter: letter.n)


def show(context: RequestContext, path: LetterPath) -> Letter:
    """Show one letter by its receipt."""
    found = context.app.letters.show(path.n)
    if found is None:
        raise NotFound
    return _letter(found)


def _letter(found: Mapping[str, Any]) -> Letter:
    return item(Letter, found, events=[_event(each) for each in found["events"]])


def _event(found: Mapping[str, str]) -> LetterEvent:
    stream = found["stream"]
    where = {STREAMS[stream[0]]: stream} if stream else {}
    reason = {"reason": found["reason"]} if found["reason"] else {}
    told = {"name": found["name"], "state": found["state"], **reason, **where}
    return msgspec.convert(told, LetterEvent)


OPERATIONS = (
    Operation("/api/v1/letters", "List letters, newest first.", listing),
    Operation(
        "/api/v1/letters/{n}",
        "Show one letter and what became of each event in it.",
        show,
        missing="no such letter; expected the receipt that the webhook's 202 gave",
    ),
)
