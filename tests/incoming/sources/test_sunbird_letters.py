"""What is odd about whole letters of Sunbird's: wrappers, other telemetry, keys, what is wanted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.incoming.sources.source import Ignored, Item, SetAside
from service.incoming.sources.sunbird import Sunbird
from service.learners.facts import Fact, Timing
from tests.campaigns import fuzz
from tests.incoming.sources.dialects import same_reference
from tests.incoming.sources.sunbird_payloads import NOON, by, event, fact, letter, of_unit, read

PAGE_SEEN = event("view", eid="IMPRESSION", cdata=[])
SEEN = Ignored("IMPRESSION", "telemetry other than AUDIT says nothing about an enrollment")


def items(body: bytes) -> list[Item]:
    return Sunbird().read(body, NOON)


def test_an_event_an_array_and_a_wrapper_are_the_same_facts() -> None:
    told = [event("enrol", "Create"), of_unit("start"), event()]
    facts = [fact(each) for each in told]
    assert read(*told) == items(letter(*told)) == facts
    assert items(json.dumps({"events": told, "id": "ekstep.telemetry"}).encode()) == facts


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"events": []}', b'{"events": null}', b'{"id": "api.telemetry"}']
)
def test_a_wrapper_without_events_says_nothing(body: bytes) -> None:
    assert items(body) == []


@pytest.mark.parametrize("eid", [None, ...])
def test_an_event_that_lost_its_eid_is_no_wrapper(eid: Any) -> None:
    assert read(event(eid=eid)) == [SetAside("", "eid: expected text, got nothing")]


@pytest.mark.parametrize("eid", ["IMPRESSION", "LOG", "audit", "", "INTERACT\x00" * 20])
def test_other_telemetry_is_ignored_whatever_its_shape(eid: str) -> None:
    for told in ({"eid": eid}, event(eid=eid), {"eid": eid, "edata": [], "context": 5, "ets": {}}):
        (item,) = read(told)
        assert isinstance(item, Ignored)
        assert item.name == eid.replace("\x00", "?")[:60]


def test_the_rest_of_the_letter_goes_on() -> None:
    bad = [event(edata=[]), event(eid=7), 5, None, event(object={"rollup": []}), PAGE_SEEN]
    good = event("enrol", "Create")
    found = items(letter(good, *bad, event()))
    assert [type(item) for item in found] == [Fact, *[SetAside] * 5, Ignored, Fact]
    assert [found[0], found[-1]] == [fact(good), fact(event())]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"5", "letter: expected object | array, got int"),
        (b"null", "letter: expected object | array, got null"),
        (b'{"events": {}}', "events: expected array | null, got object"),
        (b'{"eid": "AUDIT",}', "not JSON: line 1, column 17: trailing comma in object"),
        (b'{"eid": , "AUDIT"}', "not JSON: line 1, column 9: invalid character"),
        (b'{"eid": "AUDIT" // Required', "not JSON: line 1, column 17: expected ',' or '}'"),
        (b'{"x":' + b"[" * 100_000, "not readable: expected a few levels of nesting, got too many"),
    ],
)
def test_a_body_that_is_no_letter_is_set_aside_whole(body: bytes, expected: str) -> None:
    assert items(body) == [SetAside("", expected)]


@pytest.mark.parametrize("mid", ["req-1", "", None, ..., " ", 7])
def test_events_of_one_request_are_told_apart_and_repeats_are_not(mid: Any) -> None:
    """All of them carry the request's id as their own, or none at all."""
    told = [
        event("enrol", "Create", mid=mid), event("enrol", "Update", mid=mid),
        event("enrol-complete", mid=mid), of_unit("start", mid=mid), of_unit("complete", mid=mid),
        of_unit("complete", id="do_9", mid=mid), of_unit("complete", "CourseUnit", mid=mid),
        event("enrol", "Create", mid=mid, ets=1772449200001),
        event("enrol", "Create", mid=mid, cdata=[]),
    ]  # fmt: skip
    facts = read(*told)
    assert all(isinstance(each, Fact) for each in facts)
    assert len({each.key[:16] for each in facts if isinstance(each, Fact)}) == len(told)
    assert read(*told[::-1]) == facts[::-1]


def test_a_missing_mid_is_an_empty_one() -> None:
    assert len({fact(event(mid=mid)).key for mid in ("", None, ..., " ")}) == 1


def test_a_moment_in_seconds_and_in_milliseconds_is_one_event() -> None:
    assert fact(event(ets=1772449200)).key == fact(event(ets=1772449200000)).key


@pytest.mark.parametrize("sort", ["User", "user", "Learner", None])
def test_a_user_as_object_is_in_no_key(sort: str | None) -> None:
    told = event("course-enroll")
    told["object"]["type"] = sort
    one, other = fact(by(told, 1)), fact(by(told, 2))
    assert one.person != other.person and one.key == other.key


def test_one_mid_with_another_story_is_a_conflict() -> None:
    one, other = event("progress-update"), event("progress-update")
    one["edata"]["progress"], other["edata"]["progress"] = 40, 60
    assert same_reference(fact(one).key, fact(other).key)
    assert fact(one).key != fact(other).key


def test_what_is_said_may_come_75_seconds_late() -> None:
    assert Sunbird().timing == Timing(lateness=75_000, again_after=None)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(PAGE_SEEN).encode(),
        letter(PAGE_SEEN, {"eid": ""}, {"eid": "audit"}),
        json.dumps([PAGE_SEEN, PAGE_SEEN]).encode(),
        b'{"eid":"AUDIT","eid":"LOG"}',
        b'{"events":[]}',
    ],
)
def test_telemetry_without_an_audit_is_not_wanted(body: bytes) -> None:
    assert not Sunbird().wants(body)
    assert all(isinstance(item, Ignored) for item in items(body))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(event()).encode(),
        letter(PAGE_SEEN, event()),
        json.dumps([PAGE_SEEN, event()]).encode(),
        b'{"eid":"LOG","eid":"AUDIT"}',
        b'{"eid":"\\u0041UDIT"}',
        b'{"eid":7}',
        b'{"eid":null}',
        b"{}",
        b'{"events":null}',
        b'{"events":[{}]}',
        b'{"events":[null]}',
        b"[5]",
        b'{"eid":"LOG"',
        b'{"eid":"\xff"}',
        b"\xff\xfe",
        b'{"eid":"LOG"} {"eid":"AUDIT"}',
        b'{"x":' + b"[" * 100_000,
    ],
)
def test_an_audit_and_what_cannot_be_read_is_wanted(body: bytes) -> None:
    assert Sunbird().wants(body)


eids = st.sampled_from(["AUDIT", "LOG", "IMPRESSION", "audit", "", None, 7, ...])


@fuzz(200)
@given(
    st.lists(eids, max_size=4), st.sampled_from([letter, lambda *told: json.dumps(told).encode()])
)
def test_a_letter_is_wanted_if_any_of_its_events_may_be_an_audit(told: Any, packed: Any) -> None:
    events = [event("enrol", "Create", eid=eid) for eid in told]
    other = all(isinstance(eid, str) and eid != "AUDIT" for eid in told)
    body = packed(*events)
    assert Sunbird().wants(body) is not other
    assert other == all(isinstance(item, Ignored) for item in items(body))


MERGE = "merge-user-courses-and-cert"


@pytest.mark.parametrize(
    "action", ["delete-user", "DELETE_USER", MERGE, MERGE.upper(), "batch-enrolment-sync", 7, None]
)
def test_of_jobs_only_those_on_accounts_are_wanted(action: str | int | None) -> None:
    who = {"userId": "u-1", "fromAccountId": "u-1", "toAccountId": "u-2"}
    job = {"eid": "BE_JOB_REQUEST", "ets": NOON, "edata": {"action": action, **who}}
    ours = str(action).lower()[:5] in ("delet", "merge")
    for body in (job, [job], {"events": [job]}):
        assert Sunbird().wants(json.dumps(body).encode()) is ours
        (item,) = Sunbird().read(json.dumps(body).encode(), NOON)
        assert isinstance(item, Fact if ours else Ignored)


def test_who_is_managed_by_a_deleted_user_is_deleted_too() -> None:
    edata = {"action": "delete-user", "userId": "u-1", "managed_users": ["u-2", None, "u-1"]}
    job = json.dumps({"eid": "BE_JOB_REQUEST", "ets": NOON, "edata": edata}).encode()
    facts = [each for each in Sunbird().read(job, NOON) if isinstance(each, Fact)]
    assert [(each.person, each.said.TOPIC) for each in facts] == [
        ("u-1", "learner.left"), ("u-2", "learner.left"),
    ]  # fmt: skip
