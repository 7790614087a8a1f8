"""Read off a trigger as written which fields its rule may read."""

from typing import Any

from service.rules.fields import EVENTS
from service.rules.scope import INSTANCE, OF_EVENTS, SILENCE, SILENT_SOURCE, Scope


def scope_of(trigger: Any) -> Scope | None:
    """Read the scope off a trigger as written; None when it cannot be told."""
    if not isinstance(trigger, dict):
        return None
    if "change" in trigger:
        return INSTANCE
    if "stalled_for" in trigger:
        return SILENCE
    if "source_silent_for" in trigger:
        return SILENT_SOURCE
    event = trigger.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        return None
    return OF_EVENTS.get(event.partition(".")[0])
