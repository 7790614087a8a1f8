"""Stored: every shape that an event in the ledger has, by the wing it is from."""

from service.learners import course, enrollment, instance, learner, watching
from service.rules import (
    activation,
    clock,
    digests,
    edges,
    muting,
    notifications,
    setbacks,
    storm,
    throttle,
    vigil,
)

SHAPES = (
    enrollment.SHAPES,
    instance.SHAPES,
    course.SHAPES,
    learner.SHAPES,
    watching.SHAPES,
    notifications.SHAPES,
    edges.SHAPES,
    storm.SHAPES,
    throttle.SHAPES,
    digests.SHAPES,
    muting.SHAPES,
    activation.SHAPES,
    clock.SHAPES,
    vigil.SHAPES,
    setbacks.SHAPES,
)
