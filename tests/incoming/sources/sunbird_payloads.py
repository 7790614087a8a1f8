"""What Sunbird might say, in both of its dialects, and how it is read."""

import json
from typing import Any

from service.incoming.sources.source import Item, SetAside
from service.incoming.sources.sunbird import Sunbird
from service.learners.facts import Fact

NOON = 1_772_452_800_000
"""Monday 2 March 2026, 12:00 UTC, in ms."""

ADA = "5f1c7c2e-0b7a-4a55-9f0e-2f6d3c9b1a10"
LOGIC, BATCH, UNIT, VIDEO = "do_314201", "013501", "do_314202", "do_314203"
ELEVEN = 1_772_449_200_000
SHIPPED_PROPS = ["status", "completedon"]


def event(
    type: Any = "enrol-complete",
    state: Any = ...,
    *,
    ets: Any = ELEVEN,
    mid: Any = "LP.AUDIT.1",
    learner: str = ADA,
    object: Any = None,
    cdata: Any = None,
    channel: Any = "in.example",
    **more: Any,
) -> dict[str, Any]:
    """An event of the services as shipped, the user as its object; `...` leaves one out."""
    told: dict[str, Any] = {
        "eid": "AUDIT",
        "ets": ets,
        "ver": "3.0",
        "mid": mid,
        "actor": {"id": learner, "type": "User"},
        "context": {
            "channel": channel,
            "env": "Course",
            "pdata": {"id": "org.sunbird.learning.platform", "pid": "lms-service", "ver": "3.0"},
            "cdata": related() if cdata is None else cdata,
        },
        "object": whose(learner) if object is None else object,
        "edata": without({"props": SHIPPED_PROPS, "type": type, "state": state}),
        "tags": [],
        "syncts": ELEVEN + 1,
    }
    return without({**told, **more})


def of_unit(type: str, sort: str = "Content", id: Any = VIDEO, **more: Any) -> dict[str, Any]:
    """An event about a part of the course, the learner as actor only."""
    thing = {"id": id, "type": sort, "rollup": {"l1": LOGIC}}
    return event(type, **{"object": thing, "cdata": related(BATCH, None), **more})


def related(batch: str | None = BATCH, course: str | None = LOGIC) -> list[dict[str, Any]]:
    """What an event is related to."""
    return [
        {"type": type, "id": id}
        for type, id in (("Course", course), ("CourseBatch", batch), ("Request", "req-1"))
        if id is not None
    ]


def whose(learner: str, course: str | None = LOGIC) -> dict[str, Any]:
    """The user as an event's object."""
    return without({"id": learner, "type": "User", "rollup": {"l1": course} if course else ...})


def without(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value is not ...}


def by(told: dict[str, Any], learner: int) -> dict[str, Any]:
    """The same event about somebody else."""
    text = json.dumps(told)
    changed: dict[str, Any] = json.loads(text.replace(ADA, f"{learner:08d}{ADA[8:]}"))
    return changed


def letter(*events: object) -> bytes:
    """Many events in one letter, as the telemetry service forwards them."""
    return json.dumps({"id": "api.telemetry", "ver": "3.0", "events": events}).encode()


def read(*events: object) -> list[Item]:
    """What becomes of one event alone, or of many together."""
    told = events[0] if len(events) == 1 else events
    return Sunbird().read(json.dumps(told).encode(), NOON)


def fact(told: object) -> Fact:
    (item,) = read(told)
    assert isinstance(item, Fact), item
    return item


def reason(told: object) -> str:
    (item,) = read(told)
    assert isinstance(item, SetAside), item
    return item.reason
