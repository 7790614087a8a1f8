"""Service Bus: whatever a message holds, it becomes a letter; nothing is a dead letter for it."""

import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.incoming.letters import Letters
from service.incoming.queues.service_bus_messages import as_json
from tests.incoming.queues.service_bus_peer import data, value
from tests.incoming.queues.service_bus_stage import Stage, hurry

proton = pytest.importorskip("proton")
ID = uuid.UUID(int=7)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    hurry(monkeypatch)


def test_bytes_are_kept_as_they_are(tmp_path):
    poison = [b"\xff\xfe\x00", b"{not json", b"", b"x" * 200_000, "Ünïcode".encode()]
    with Stage(tmp_path, max_deliveries=1) as stage:
        stage.peer.put(*map(data, poison))
        stage.carry(stage.bus(), len(poison))
        assert stage.bodies() == poison
        assert stage.peer.left() == (0, 0, 0)


def test_a_body_in_several_sections_is_joined(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.put(data(b'{"EventType":', b'"LOGIN"}'))
        stage.carry(stage.bus(), 1)
        assert stage.bodies() == [b'{"EventType":"LOGIN"}']


def test_a_value_becomes_the_bytes_or_the_json_that_it_stands_for(tmp_path):
    values = {
        "text €": "text €".encode(),
        b"\xff": b"\xff",
        5: b"5",
        True: b"true",
        2.5: b"2.5",
        None: b"",
    }
    things = {
        "at": proton.timestamp(5),
        "id": ID,
        "of": [proton.symbol("a"), proton.ulong(2**64 - 1), None, b"\xff"],
    }
    with Stage(tmp_path, max_deliveries=1) as stage:
        stage.peer.put(*map(value, values), value(things), b"")
        stage.peer.put(value([1, ["a"]], sequence=True), value({1: float("nan")}))
        stage.carry(stage.bus(), len(values) + 4)
        *plain, mapped, nothing, sequence, number = stage.bodies()
        assert plain == list(values.values())
        assert json.loads(mapped) == {
            "at": 5,
            "id": str(ID),
            "of": ["a", 2**64 - 1, None, "\ufffd"],
        }
        assert (nothing, sequence, number) == (b"", b'[1,["a"]]', b'{"1":null}')
        assert stage.peer.left() == (0, 0, 0)


def test_the_headers_say_which_message_it_was(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.put(data(b"a"), id="m" * 300)
        stage.peer.put(data(b"b"), id=ID)
        stage.peer.put(data(b"c"), id=b"\xff")
        stage.peer.put(data(b"d"))
        stage.carry(stage.bus(), 4)
        named, numbered, odd, bare = [headers(stage.letters, n) for n in (1, 2, 3, 4)]
        assert named["message-id"] == "m" * 200
        assert (numbered["message-id"], numbered["sequence-number"]) == (str(ID), "2")
        assert odd["message-id"] == r"b'\xff'"
        assert set(bare) == {"sequence-number", "enqueued-at"}
        assert bare["enqueued-at"].endswith("+00:00")


def headers(letters: Letters, n: int) -> dict[str, str]:
    shown = letters.show(n)
    assert shown is not None
    return shown["headers"]


def test_messages_that_cannot_be_decoded_end_alone(tmp_path):
    """Nobody can settle them: the service puts them away, but nothing else with them."""
    deep: list[object] = []
    for _ in range(70):
        deep = [deep]
    bad = [value(deep), value(proton.char("x"))]
    good = [b"%d" % n for n in range(6)]
    with Stage(tmp_path, lock_seconds=0.6, max_deliveries=2) as stage:
        stage.peer.put(*bad, *map(data, good))
        bus = stage.bus()
        errors = [error for _ in range(40) if (error := ended(stage, bus)) is not None]
        assert errors and all("cannot be decoded" in error for error in errors)
        assert sorted(set(stage.bodies())) == good
        assert [entry.body for entry in stage.peer.subscription.dead] == bad


def ended(stage: Stage, bus) -> str | None:
    """One round; what was wrong. Nothing is waited for once all is settled."""
    if stage.peer.left()[:2] == (0, 0):
        return None
    try:
        bus.carry(stage.stopping)
    except Exception as error:
        return str(error)
    return None


AMQP = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.binary()
    | st.uuids() | st.datetimes() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.binary() | st.integers(), inner),
)  # fmt: skip


@settings(max_examples=50)
@given(AMQP)
def test_any_value_has_json(thing):
    json.loads(as_json(thing))
