"""The desk: what every answer is made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Generic, TypeVar

import msgspec

from service.api.framework.problems import Refused
from service.app.app import App
from service.running import Service

VIEWS_SECONDS = 2.0
RETRY_SECONDS = 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items of a list; `next` is the `after` of the page that follows, null on the last."""

    items: list[T]
    next: str | None


class Desk:
    """One service as those who answer for it see it; `clock` gives the time in ms."""

    def __init__(self, app: App, service: Service | None, clock: Callable[[], int]) -> None:
        self.app = app
        self.service = service
        self.clock = clock

    @property
    def troubles(self) -> Mapping[str, str]:
        """What goes wrong now, by the part that has the trouble."""
        return dict(self.service.troubles) if self.service else {}

    @property
    def alive(self) -> bool:
        """Whether every loop runs that was started."""
        return self.service is None or self.service.alive

    def catch_up(self) -> None:
        """Waits until the views show what the log holds now; raises Refused when they are late."""
        end = self.app.ledger.max_notification_id()
        if not self.app.views.wait_for(end, VIEWS_SECONDS):
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the views are {end - self.app.views.position} events behind the log; "
                "ask again in a moment",
                Retry_After=str(RETRY_SECONDS),
            )

    def learners(self, persons: Iterable[str | None]) -> Mapping[str, str]:
        """The LMS ids of people; who is forgotten or was never known by one is missing."""
        return self.app.people.lms_ids({person for person in persons if person})


def page(found: Sequence[T], limit: int, cursor: Callable[[T], object]) -> Page[T]:
    """A page of `limit` out of at most one more, which only tells that there is another page."""
    items = list(found[:limit])
    return Page(items, str(cursor(items[-1])) if len(found) > limit else None)


def moment(ms: int) -> datetime:
    """A moment given in ms since 1970 UTC."""
    return EPOCH + timedelta(milliseconds=ms)


def moment_or_none(ms: int | None) -> datetime | None:
    """A moment, if there is one."""
    return None if ms is None else moment(ms)
