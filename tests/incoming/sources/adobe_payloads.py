"""What Adobe might say, changed in one place, and how it is read."""

import json
from typing import Any

from service.incoming.sources.adobe import Adobe
from service.incoming.sources.source import Item, SetAside
from service.learners.facts import Fact

NOON = 1_772_452_800_000
DAY = 86_400_000
OTHER_ID = (
    "data.loInstanceId: expected an id like course:123, learningProgram:123 or "
    "certification:123, or a number and a loType of these, got another id"
)
DATA: dict[str, Any] = {
    "userId": 30151701,
    "loId": "course:5101204",
    "loInstanceId": "course:5101204_8120331",
    "loType": "course",
}


def event(name: str = "COURSE_COMPLETED", **changes: Any) -> dict[str, Any]:
    """An event with changed fields; those of `data` by their own names, `...` leaves one out."""
    whole: dict[str, Any] = {
        "eventId": "e-1",
        "eventName": name,
        "timestamp": "2026-03-02T11:00:00.000Z",
    }
    own = {key: changes.pop(key) for key in ("eventId", "timestamp", "data") if key in changes}
    data: dict[str, Any] = {**DATA, **changes}
    data = {key: value for key, value in data.items() if value is not ...}
    whole |= {"data": data} | own
    return {key: value for key, value in whole.items() if value is not ...}


def by(told: dict[str, Any], learner: int) -> dict[str, Any]:
    """The same event about somebody else, if it is about anybody."""
    data = told["data"]
    return {**told, "data": {**data, "userId": learner}} if "userId" in data else told


def letter(*events: object, account: object = 77021) -> bytes:
    """Many events in one letter."""
    return json.dumps({"accountId": account, "events": events}).encode()


def read(*events: object, account: object = 77021) -> list[Item]:
    return Adobe().read(letter(*events, account=account), NOON)


def fact(*events: object) -> Fact:
    (item,) = read(*events)
    assert isinstance(item, Fact), item
    return item


def reason(*events: object) -> str:
    (item,) = read(*events)
    assert isinstance(item, SetAside), item
    return item.reason
