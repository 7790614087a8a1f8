"""Open the views of an installation; as `python -m`, follow the log into them for the service.

The service starts that process with a wire as its stdin. It loads no more than the views need:
all shapes of events would take three times as long, and twice the memory.
"""

import gc
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from service.learners import enrollment, instance
from service.learners.enrollment_views import EnrollmentViews
from service.ledger.events import EventMapper, EventStore
from service.ledger.follower import answer_pages
from service.ledger.views import Projection, Views
from service.rules import notification
from service.rules.readers import choices
from service.sending.queue import SendQueue

PROJECTIONS: tuple[Projection, ...] = (EnrollmentViews(), SendQueue())
SHAPES = (enrollment.SHAPES, instance.SHAPES, notification.SHAPES, choices.SHAPES)
"""Of the events that they show."""


def open_views(folder: Path, store: EventStore, *, owner: bool = True) -> Views:
    """Open the views in the data folder; raises LedgerError for who is not their owner."""
    return Views(folder / "views.db", store, PROJECTIONS, owner=owner)


def main() -> None:
    """Take pages until the service ends."""
    gc.freeze()
    gc.disable()  # nothing that a page is made of is in a cycle
    wire = Connection(sys.stdin.fileno())
    answer_pages(wire, EventMapper(SHAPES), PROJECTIONS)


if __name__ == "__main__":
    main()
