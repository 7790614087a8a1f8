"""No source ever raises, says a name in a reason, or refuses what is a fact, whatever comes."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.incoming.sources.source import Ignored, SetAside
from service.learners.facts import Fact
from tests.campaigns import fuzz
from tests.incoming.sources.dialects import RECEIVED_AT, Dialect, every_dialect
from tests.incoming.sources.spoilt_letters import MARK, change, json_texts, parted, written

PERSONAL = {
    *("userId", "UserId", "FirstName", "LastName", "ContactType", "CourseName", "CourseId"),
    *("CourseItemId", "eventId", "enrollmentSource", "mid", "id", "l1"),
}


def marked(node: Any, key: str = "") -> Any:
    """The same event with something to be recognized by wherever a person or a place is named."""
    if isinstance(node, dict):
        return {name: marked(value, name) for name, value in node.items()}
    if isinstance(node, list):
        return [marked(each) for each in node]
    if key == "Contact":
        return f"{MARK}@example.org"
    if key in ("loId", "loInstanceId"):
        return re.sub(r"\d+", MARK, node, count=1)
    return MARK if key in PERSONAL else node


def check(dialect: Dialect, body: bytes) -> None:
    items = dialect.source.read(body, RECEIVED_AT)
    assert items == dialect.source.read(body, RECEIVED_AT)
    for item in items:
        assert isinstance(item, Fact | Ignored | SetAside)
        if isinstance(item, Fact):
            assert len(item.key) == 32 and bool(item.course) == bool(item.kind)
            assert 0 < item.occurred_at <= RECEIVED_AT + 86_400_000
        else:
            assert item.reason and len(item.reason) < 300 and len(item.name) <= 60
            assert MARK not in item.reason
            (item.name + item.reason).encode()
    wanted = dialect.source.wants(body)
    assert wanted or all(isinstance(item, Ignored) for item in items)


@every_dialect
def test_marked_events_are_facts(dialect: Dialect) -> None:
    """Otherwise the tests below would look for the mark where it cannot be."""
    for event in dialect.events:
        assert MARK in repr(dialect.fact(marked(event)))


@every_dialect
@fuzz(400)
@given(drawn=st.data())
def test_values_of_any_type_in_any_place(dialect: Dialect, drawn: st.DataObject) -> None:
    events = st.lists(st.sampled_from(dialect.events), min_size=1, max_size=3)
    told = [marked(event) for event in drawn.draw(events)]
    whole = parted(json.loads(dialect.letter(*told)))
    for _ in range(drawn.draw(st.integers(1, 3))):
        change(whole, drawn)
    check(dialect, written(whole).encode("utf-8", "surrogatepass"))
    alone = parted(told[0])
    change(alone, drawn)
    check(dialect, written(alone).encode("utf-8", "surrogatepass"))


@every_dialect
@fuzz(150)
@given(drawn=st.data())
def test_damaged_bytes(dialect: Dialect, drawn: st.DataObject) -> None:
    body = bytearray(dialect.letter(*map(marked, dialect.events[:3])))
    for _ in range(drawn.draw(st.integers(1, 4))):
        body[drawn.draw(st.integers(0, len(body) - 1))] = drawn.draw(st.integers(0, 255))
    check(dialect, bytes(body))
    check(dialect, bytes(body[: drawn.draw(st.integers(0, len(body)))]))


@every_dialect
@fuzz(150)
@given(body=st.binary() | st.builds(str.encode, json_texts))
def test_bytes_of_any_kind(dialect: Dialect, body: bytes) -> None:
    check(dialect, body)
