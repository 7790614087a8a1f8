"""A fact's key is the same for ever, and leads nowhere."""

import json
from typing import Any

import pytest

from service.incoming.sources.adobe import Adobe
from service.learners.facts import Fact, fact_key

NOON = 1_772_452_800_000
DATA = {"userId": 30151701, "loId": "course:51", "loInstanceId": "course:51_81", "loType": "course"}
SELF = {"enrollmentSource": "SELF_ENROLL"}
PATH = {"loId": "learningProgram:9", "loInstanceId": "learningProgram:9_2"}
SEATS = {"enrollmentCount": 9, "waitlistCount": 1, "seatLimit": 2**33}


def key(name: str, event_id: str | None = "e-1", **data: Any) -> str:
    event = {"eventName": name, "timestamp": "2026-03-02T11:00:00.000Z", "data": DATA | data}
    if event_id is not None:
        event["eventId"] = event_id
    (fact,) = Adobe().read(json.dumps({"accountId": 77021, "events": [event]}).encode(), NOON)
    assert isinstance(fact, Fact), fact
    return fact.key


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ("2b0acbe6736b8c4e6f83003e23821416", {"name": "COURSE_ENROLLMENT", **SELF}),
        ("ba1f0143c38dab17b935ec759df1a9d7", {"name": "COURSE_ENROLLMENT", "event_id": None}),
        ("892c7c2ea38cdbd34d420aaf0be0a289", {"name": "LEARNER_PROGRESS", "progressPercent": 42.5}),
        ("2cb33ebaeb8cabe171e00528851ae931", {"name": "COURSE_COMPLETED", "hasPassed": False}),
        ("4c4c47c3aeb1a9a17ba7c283f76eca9b", {"name": "LEARNING_PATH_COMPLETION_ROLLBACK", **PATH}),
        ("5f5afcf8b8d1d3fa7503dff377ba0d50", {"name": "COURSE_UNENROLLMENT"}),
        ("752aa3cd9f17ba1345f37eb5bc981e91", {"name": "CI_STATS", **SEATS}),
        ("b3984ff072a6e800dfdb4914127ea45a", {"name": "LEARNING_OBJECT_MODIFICATION"}),
    ],
)  # fmt: skip
def test_a_letter_of_then_has_the_key_of_then(expected: str, told: dict[str, Any]) -> None:
    """Never change these: every letter delivered again would become a conflict."""
    assert key(**told) == expected


def test_a_key_does_not_say_whose_fact_it_is() -> None:
    """The rest of it stands in the log, and LMS ids are few enough to try them all."""
    for event_id in ("e-1", None):
        assert key("COURSE_COMPLETED", event_id, userId=1) == key(
            "COURSE_COMPLETED", event_id, userId=2
        )


def test_the_end_of_a_long_reference_counts_in_both_halves() -> None:
    one, other = (fact_key(("adobe", "7" * 70, last), b"{}") for last in "ab")
    assert one[:16] != other[:16] and one[16:] != other[16:]
