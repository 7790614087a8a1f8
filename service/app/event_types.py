"""Stored: every shape that an event in the ledger has, by the wing it is from."""

from service.learners import course, enrollment, instance, watchlist
from service.rules import digests, muting, notification, scheduler, storm, throttle
from service.rules.triggers import letter_set_aside, seat_change, source_silent

SHAPES = (
    enrollment.SHAPES,
    instance.SHAPES,
    course.SHAPES,
    watchlist.SHAPES,
    notification.SHAPES,
    seat_change.SHAPES,
    storm.SHAPES,
    throttle.SHAPES,
    digests.SHAPES,
    muting.SHAPES,
    scheduler.ACTIVATION_SHAPES,
    scheduler.CLOCK_SHAPES,
    source_silent.SHAPES,
    letter_set_aside.SHAPES,
)
