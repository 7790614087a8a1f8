"""Show over HTTP how each LMS has been talking, and when it last did."""

from datetime import datetime

import msgspec

from service.api.framework.operations import Operation
from service.api.framework.request import NoParameters
from service.api.request_context import Page, RequestContext, item
from service.incoming.feeds import BOUNDS_MS
from service.incoming.feeds import FeedStatistics as Counted


class Late(msgspec.Struct, frozen=True):
    """How many events came at most so long after they happened; null is for all later ones."""

    within_seconds: int | None
    events: int


class Feed(msgspec.Struct, frozen=True):
    """What one LMS has sent since the beginning, imports left out.

    `skipped` messages of its queue were not kept, as they are not about learning. Of the events
    in its letters, `out_of_order` happened before one that was taken earlier.
    """

    source: str
    last_letter_at: datetime | None
    letters: int
    skipped: int
    recorded: int
    superseded: int
    duplicate: int
    ignored: int
    set_aside: int
    out_of_order: int
    lateness: list[Late]


def listing(context: RequestContext, _: NoParameters) -> Page[Feed]:
    """List every feed in order of its name, also those that never spoke; always one page."""
    app = context.app
    return Page([_feed(each) for each in app.letters.feeds.all(app.sources)], None)


def _feed(found: Counted) -> Feed:
    bounds = [*(bound // 1000 for bound in BOUNDS_MS), None]
    counts = found.lateness or (0,) * len(bounds)
    row = msgspec.structs.asdict(found) | {"last_letter_at": found.last_seen_at}
    lateness = [Late(*pair) for pair in zip(bounds, counts, strict=True)]
    return item(Feed, row, lateness=lateness)


OPERATIONS = (Operation("/api/v1/feeds", "Show how each LMS has been talking.", listing),)
