"""Hold what every answer is made from, and make pages of items from rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import Annotated, Any, Generic, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from service.api.framework.problems import ApiError
from service.app.app import App
from service.app.known_scopes import SOURCE_NAMES, unnamed_account
from service.running import Service

VIEWS_SECONDS = 2.0
RETRY_SECONDS = 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SourceName = Annotated[str, Meta(extra_json_schema={"enum": list(SOURCE_NAMES)})]

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items of a list; `next` is the `after` of the page that follows, null on the last."""

    items: list[T]
    next: str | None


class RequestContext:
    """Give handlers the running service; `clock` gives the time in ms."""

    def __init__(self, app: App, service: Service | None, clock: Callable[[], int]) -> None:
        self.app = app
        self.service = service
        self.clock = clock
        self.importing = Lock()

    @property
    def troubles(self) -> Mapping[str, str]:
        """Say what goes wrong now, by the part that has the trouble."""
        return dict(self.service.troubles) if self.service else {}

    @property
    def alive(self) -> bool:
        """Tell whether every loop runs that was started."""
        return self.service is None or self.service.alive

    def catch_up(self) -> None:
        """Wait until the views show what the log holds now; raise ApiError when they are late."""
        if behind := self.app.views.reach_end(VIEWS_SECONDS):
            raise ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the views are {behind} events behind the log; ask again in a moment",
                Retry_After=str(RETRY_SECONDS),
            )

    def unreadable(self) -> ApiError:
        """Say that a file could not be read, and have the views looked at: they are made anew."""
        self.app.views.doubt()
        return ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the data cannot be read just now; ask again in a moment, or run `coursebell fsck`",
            Retry_After=str(RETRY_SECONDS),
        )

    def check_account(self, source: str | None, account: str | None) -> None:
        """Raise ApiError for an account that nothing has named."""
        if account is not None and (unnamed := unnamed_account(self.app.ledger, source, account)):
            raise ApiError(HTTPStatus.NOT_FOUND, f"account: {unnamed}")

    def learners(self, persons: Iterable[str | None]) -> Mapping[str, str]:
        """Find the LMS ids of people; who is forgotten or was never known by one is missing."""
        return self.app.people.lms_ids({person for person in persons if person})


def page(found: Sequence[T], limit: int, cursor: Callable[[T], object]) -> Page[T]:
    """Make a page of `limit` out of at most one more, which only tells that a page follows."""
    items = list(found[:limit])
    return Page(items, str(cursor(items[-1])) if len(found) > limit else None)


def item(struct: type[S], row: Mapping[str, Any], /, **more: Any) -> S:
    """Make an item of the columns named like its fields, with times in ms, and of more values."""
    copied = {name: row[name] for name in struct.__struct_fields__ if name not in more}
    return struct(**with_moments(struct, copied), **more)


def with_moments(struct: type[msgspec.Struct], values: Mapping[str, Any]) -> dict[str, Any]:
    """Make times of the values in ms for fields that hold a time."""
    found = dict(values)
    for name in _moments(struct) & found.keys():
        found[name] = None if found[name] is None else moment(found[name])
    return found


@cache
def _moments(struct: type[msgspec.Struct]) -> frozenset[str]:
    """Find the fields that hold a time."""
    hints = get_type_hints(struct)
    return frozenset(n for n, hint in hints.items() if datetime in (hint, *get_args(hint)))


def moment(ms: int) -> datetime:
    """Make a time of ms since 1970 UTC."""
    return EPOCH + timedelta(milliseconds=ms)


def milliseconds(at: datetime) -> int:
    """Count the ms from 1970 UTC to a time."""
    return (at - EPOCH) // timedelta(milliseconds=1)
