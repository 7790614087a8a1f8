"""What is odd about whole letters of Adobe's: unknown names, bodies that are none, keys."""

import json

import pytest

from service.incoming.sources.adobe import MEANS, Adobe
from service.incoming.sources.source import Ignored, SetAside, Whose, whose
from service.learners.facts import Fact
from tests.incoming.sources.adobe_payloads import DATA, DAY, NOON, event, fact, letter, read, reason
from tests.incoming.sources.dialects import same_reference


def test_the_rest_of_the_letter_goes_on() -> None:
    bad = [event(userId=["Ada"]), event("COURSE_COMPLETD"), 5, None, {"eventName": ["x"]}, {}]
    items = read(event(eventId="a"), *bad, event(eventId="b"))

    assert [type(item) for item in items] == [Fact, *[SetAside] * 6, Fact]
    assert items[0] == fact(event(eventId="a"))
    assert items[7] == fact(event(eventId="b"))


def test_an_unknown_name_is_set_aside_with_the_nearest_one() -> None:
    assert read(event("COURSE_COMPLETD")) == [
        SetAside(
            "COURSE_COMPLETD",
            "eventName: expected an event name we know, got another; "
            "did you mean COURSE_COMPLETED?",
        )
    ]
    (odd,) = read(event("QUIZ\x00" * 100))
    assert isinstance(odd, SetAside)
    assert odd.name == "QUIZ?" * 12
    assert odd.reason.endswith("update Coursebell, or leave it out at Adobe")


def test_answers_to_api_calls_are_ignored_whatever_their_shape() -> None:
    name = "RESPONSE:ASYNCAPI_USERGROUP_USER_ADDED"
    said = Ignored(name, "an answer to an API call says nothing about an enrollment")
    assert read(event(name)) == [said]
    assert read({"eventName": name, "data": [{"type": "user"}]}) == [said]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n\t",
        b"{}",
        b'{"events": []}',
        b'{"events": null}',
        b'{"accountId": 1}',
        b'{"challenge": "x"}',
    ],
)
def test_a_body_without_events_says_nothing(body: bytes) -> None:
    assert Adobe().read(body, NOON) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", "letter: expected object, got array"),
        (b"5", "letter: expected object, got int"),
        (b"null", "letter: expected object, got null"),
        (b'{"events": {}}', "events: expected array | null, got object"),
        (
            b'{"accountId": [1], "events": [{}]}',
            "accountId: expected bool | int | float | str | null, got array",
        ),
        (
            b'{"eventName": "CI_STATS", "data": {}}',
            "events: expected an event inside {accountId, events}, got it bare",
        ),
        (b"{'events': []}", "not JSON: line 1, column 2: object keys must be strings"),
        (b'{"a": 1,\n "b": NaN}', "not JSON: line 2, column 7: invalid character"),
        (
            b'{"events": [{"eventId": "\\ud800"}]}',
            "not JSON: line 1, column 36: input data was truncated or half of a surrogate pair",
        ),
        (b'{"accountId": "\xff"}', "not JSON: expected UTF-8, got other bytes"),
        (b'{"x":' + b"[" * 100_000, "not readable: expected a few levels of nesting, got too many"),
    ],
)
def test_a_body_that_is_no_letter_is_set_aside_whole(body: bytes, expected: str) -> None:
    assert Adobe().read(body, NOON) == [SetAside("", expected)]


def test_an_endless_number_sets_only_its_event_aside() -> None:
    good = json.dumps(event()).encode()
    bad = good.replace(b"30151701", b"9" * 5000)
    body = b'{"accountId": 77021, "events": [' + bad + b"," + good + b"]}"
    items = Adobe().read(body, NOON)
    assert items == [
        SetAside("COURSE_COMPLETED", "data.userId: integer value out of range"),
        fact(event()),
    ]


def test_of_two_equal_keys_the_last_one_counts() -> None:
    body = json.dumps({"events": [event(userId=1)]}).replace(
        '"userId": 1', '"userId": 1, "userId": 2'
    )
    (item,) = Adobe().read(body.encode(), NOON)
    assert isinstance(item, Fact) and item.person == "2"


def test_one_event_id_with_another_story_is_another_fact_with_the_same_reference() -> None:
    one, other = fact(event(hasPassed=True)), fact(event(hasPassed=False))
    assert one.key != other.key
    assert same_reference(one.key, other.key)


def test_the_batch_twin_of_an_event_is_another_fact() -> None:
    one, twin = fact(event()), fact(event("COURSE_COMPLETED_BATCH"))
    assert not same_reference(one.key, twin.key)


def test_events_without_an_id_are_told_apart_by_place_and_time() -> None:
    one = fact(event(eventId=...))
    later = fact(event(eventId=..., timestamp="2026-03-02T11:00:01.000Z"))
    elsewhere = fact(event(eventId=..., loInstanceId="course:5101204_9"))
    assert fact(event(eventId="")).key == one.key
    assert not same_reference(one.key, later.key)
    assert not same_reference(one.key, elsewhere.key)


def test_the_same_event_has_the_same_key_whatever_stands_around_it() -> None:
    body = json.dumps({"events": [event(eventInfo="x")], "accountId": "77021", "new": {}}, indent=3)
    (item,) = Adobe().read(body.encode(), NOON + 5)
    assert item == fact(event())


def test_reasons_never_repeat_what_the_letter_says() -> None:
    secret = "ada.lovelace@example.org"
    for field in (*DATA, "hasPassed", "progressPercent", "enrollmentCount", "seatLimit"):
        for name in ("COURSE_COMPLETED", "LEARNER_PROGRESS", "CI_STATS"):
            for value in (secret + "\x00", [secret], {secret: secret}):
                for item in read(event(name, **{field: value})):
                    assert not isinstance(item, SetAside) or secret not in item.reason


def test_an_event_more_than_a_day_ahead_of_its_letter_is_set_aside() -> None:
    assert fact(event(timestamp=NOON + DAY)).occurred_at == NOON + DAY
    assert "at most a day after" in reason(event(timestamp=NOON + DAY + 1))


def test_ids_as_numbers_and_as_text_are_one_fact() -> None:
    as_number = fact(event(userId=30151701, eventId=17))
    as_text = fact(event(userId=" 30151701 ", eventId="17"))
    assert as_number == as_text


def asked_whose(told: object) -> Whose | None:
    """By what a process that shares letters tells whether an event is its own."""
    asked: list[Whose | None] = []
    Adobe().read_own(letter(told), NOON + 5, lambda whose: bool(asked.append(whose)))
    (found,) = asked
    return found


@pytest.mark.parametrize("name", MEANS)
def test_a_glance_finds_whose_a_fact_is(name: str) -> None:
    told = event(name, userId=" 7 ", enrollmentCount=1)
    assert asked_whose(told) == whose(fact(told))


def test_a_glance_finds_whose_is_what_cannot_be_used() -> None:
    wrong = {"timestamp": "soon", "loInstanceId": "course:5_", "hasPassed": "perhaps"}
    for field, value in wrong.items():
        assert isinstance(read(event(**{field: value}))[0], SetAside)
        assert asked_whose(event(**{field: value})) == whose(fact(event()))
    for user in (None, " ", 1.5, "7" * 300):
        assert asked_whose(event(userId=user)) is None
    assert asked_whose(event("CI_STATS", loInstanceId=" ", loId=" ")) is None
