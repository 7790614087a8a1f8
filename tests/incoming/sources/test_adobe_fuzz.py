"""Adobe's source never raises, whatever comes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.incoming.sources.adobe import MEANS, Adobe, AdobeData
from service.incoming.sources.source import Ignored, SetAside
from service.learners.facts import Fact
from tests.campaigns import fuzz

NOON = 1_772_452_800_000
FIELDS = [*AdobeData.__struct_fields__, "dateEnrolled"]

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ids = st.sampled_from(
    [
        "course:1_2",
        "course:1",
        "learning_program:1_2",
        "_",
        ":",
        "course:_",
        "course:1_",
        1,
        1.0,
        "",
    ]
)
times = st.sampled_from(
    ["2026-03-02T11:00:00Z", "2026-03-02", "2026-W10", "24:00", "٣", 1e400, -0.0, 1772449200, "²"]
)
data = st.dictionaries(st.sampled_from(FIELDS), anything | ids, max_size=12)
names = st.sampled_from([*MEANS, "RESPONSE:ASYNCAPI_X", "COURSE", "\ud800", ""]) | anything
events = st.fixed_dictionaries(
    {},
    optional={
        "eventName": names,
        "eventId": anything | ids,
        "timestamp": times | anything,
        "data": data | anything,
    },
)
letters = st.fixed_dictionaries(
    {}, optional={"accountId": anything, "events": st.lists(events | anything) | anything}
)


def check(body: bytes) -> None:
    for item in Adobe().read(body, NOON):
        assert isinstance(item, Fact | Ignored | SetAside)
        if isinstance(item, Fact):
            assert len(item.key) == 32
            assert item.course and item.kind
            assert 0 < item.occurred_at <= NOON + 86_400_000
        else:
            assert len(item.name) <= 60
            assert len(item.reason) < 300
            (item.name + item.reason).encode()


@fuzz(300)
@given(letters)
def test_letters_of_odd_values(letter: dict[str, Any]) -> None:
    check(json.dumps(letter).encode())
    check(json.dumps(letter, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@fuzz(200)
@given(letters, st.data())
def test_letters_with_damaged_bytes(letter: dict[str, Any], drawn: st.DataObject) -> None:
    body = bytearray(json.dumps(letter).encode())
    for _ in range(drawn.draw(st.integers(1, 4))):
        place = drawn.draw(st.integers(0, len(body) - 1))
        body[place] = drawn.draw(st.integers(0, 255))
    check(bytes(body))
    check(bytes(body[: len(body) // 2]))


@fuzz(200)
@given(st.binary())
def test_bytes_of_any_kind(body: bytes) -> None:
    check(body)
