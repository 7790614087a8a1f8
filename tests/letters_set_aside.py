"""Letters that cannot be used, and what came of the rule that tells of them."""

from typing import Any

from service.incoming.letter import Arrival
from tests.installation import START, Installation, event

ASIDE = """
  - id: aside
    trigger: {event: letter.set_aside}
    notify:
      - {post: room, template: letter_set_aside}
"""
UNKNOWN = event("COURSE_STARTED", START)


def told(room: Installation) -> list[tuple[str, str]]:
    """Rule and number of the letter of every decision, in order."""
    ids = [row["id"] for row in room.notifications()]
    owed = [found.owed for found in room.app.notification_streams.notifications(ids)]
    return sorted((each.rule, each.occurrence) for each in owed)


def ends(room: Installation) -> list[tuple[str, str | None]]:
    return [(row["state"], row["reason"]) for row in room.notifications()]


def unread(room: Installation, source: str = "adobe", at: int = START, **more: Any) -> int:
    """A letter of which nothing can be used."""
    return room.app.letters.keep([Arrival(source, at, {}, b"{")], **more)[0]
