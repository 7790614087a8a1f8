"""List every shape that an event in the ledger has, by the wing it is from."""

from service.app import agreed_files
from service.learners import course, enrollment, instance, watchlist
from service.ledger.events import EventMapper, EventStore
from service.ledger.store import Store
from service.rules import digests, notification, plan, rule, scheduler, storm
from service.rules.readers import choices
from service.rules.triggers import channel_failing, letter_set_aside, seat_change, source_silent
from service.sending import known_channels

SHAPES = (
    enrollment.SHAPES,
    instance.SHAPES,
    course.SHAPES,
    watchlist.SHAPES,
    notification.SHAPES,
    seat_change.SHAPES,
    storm.SHAPES,
    plan.SHAPES,
    digests.SHAPES,
    rule.SHAPES,
    choices.SHAPES,
    scheduler.ACTIVATION_SHAPES,
    scheduler.CLOCK_SHAPES,
    source_silent.SHAPES,
    letter_set_aside.SHAPES,
    channel_failing.SHAPES,
    known_channels.SHAPES,
    agreed_files.SHAPES,
)


def event_store(ledger: Store) -> EventStore:
    """Make the event store of a ledger, which knows every shape."""
    return EventStore(ledger, EventMapper(SHAPES))
