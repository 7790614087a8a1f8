"""Service Bus: what is wrong is said in one line, without a secret, and it goes on by itself."""

import logging
import threading
import time
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.incoming.queues.consumer import QueueError
from service.incoming.queues.service_bus import ServiceBusConsumer
from tests.incoming.queues.service_bus_peer import KEY, NAME, TOPIC, data
from tests.incoming.queues.service_bus_stage import SOURCE, Stage, hurry, now
from tests.waiting import until

SECRET = "bm90IHRoZSByaWdodCBrZXk="


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    hurry(monkeypatch)


def trouble(stage: Stage, bus: ServiceBusConsumer) -> str:
    """What one round raises, checked for what every such line must be."""
    with pytest.raises(QueueError) as raised:
        bus.carry(stage.stopping)
    said = str(raised.value)
    everything = "".join(traceback.format_exception(raised.value))
    assert SECRET not in everything and KEY not in everything and "sig=" not in everything
    assert "\n" not in said
    assert not bus.is_current()
    return said


def test_a_wrong_key_is_said_and_not_shown(tmp_path, caplog):
    with Stage(tmp_path) as stage, caplog.at_level(logging.DEBUG):
        wrong = stage.peer.connection_string.replace(KEY, SECRET)
        said = trouble(stage, stage.bus(connection_string=wrong))
        assert said.startswith(f"topic {TOPIC}, subscription {NAME} at 127.0.0.1:")
        assert "the key is refused" in said
        assert "COURSEBELL_SERVICEBUS_CONNECTION_STRING" in said
        assert SECRET not in caplog.text


def test_an_unknown_topic_or_subscription_is_named(tmp_path):
    with Stage(tmp_path) as stage:
        for wrong in ({"topic": "MCTEvent"}, {"subscription": "nobody"}):
            said = trouble(stage, stage.bus(**wrong))
            assert "there is no such topic or subscription" in said
            assert next(iter(wrong.values())) in said


def test_a_policy_that_may_not_listen_is_told_what_is_enough(tmp_path):
    with Stage(tmp_path) as stage:
        stage.peer.house.may_listen = False
        assert "expected one with the right Listen, which is enough" in trouble(stage, stage.bus())


def test_a_host_that_does_not_exist_is_named(tmp_path):
    with Stage(tmp_path) as stage:
        string = f"Endpoint=sb://nowhere.invalid/;SharedAccessKeyName=a;SharedAccessKey={SECRET}"
        said = trouble(stage, stage.bus(connection_string=string))
        assert "at nowhere.invalid: there is no such host" in said


def test_a_malformed_connection_string_is_refused_at_once_and_not_quoted():
    for string in (
        "", SECRET, f"SharedAccessKey={SECRET}", f"Endpoint={SECRET}",
        f"Endpoint=sb://a;SharedAccessKey={SECRET}",
    ):  # fmt: skip
        with pytest.raises(QueueError, match="the connection string cannot be read") as raised:
            ServiceBusConsumer(SOURCE, string, TOPIC, NAME, bool, print, now)
        assert SECRET not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("path", [TOPIC, TOPIC.lower(), f"{TOPIC}/", f"{TOPIC}/subscriptions/x"])
def test_the_string_of_the_topics_own_policy_is_as_good(path):
    string = f"Endpoint=sb://a;SharedAccessKeyName=a;SharedAccessKey={SECRET}; EntityPath={path}"
    ServiceBusConsumer(SOURCE, string, TOPIC, NAME, bool, print, now)


def test_the_string_of_another_topics_policy_is_told_so():
    string = f"Endpoint=sb://a;SharedAccessKeyName=a;SharedAccessKey={SECRET};EntityPath=other"
    with pytest.raises(QueueError, match="of a policy of another topic"):
        ServiceBusConsumer(SOURCE, string, TOPIC, NAME, bool, print, now)


@given(st.text() | st.from_regex(r"(Endpoint|SharedAccess\w+|EntityPath)=sb://\[?.*;.*=.*"))
def test_no_connection_string_raises_anything_else(string):
    try:
        ServiceBusConsumer(SOURCE, string, TOPIC, NAME, bool, print, now)
    except QueueError as error:
        assert "the connection string " in str(error)


def test_it_comes_back_by_itself_after_an_outage_with_nothing_lost(tmp_path, caplog):
    with Stage(tmp_path) as stage, caplog.at_level(logging.DEBUG):
        bus = stage.bus()
        stage.peer.put(data(b"before"))
        stage.carry(bus, 1)
        stage.peer.kill()
        for _ in range(3):
            assert "does not answer" in trouble(stage, bus)
        stage.peer.start()
        stage.peer.put(data(b"after"))
        stage.carry(bus, 1)
        assert bus.is_current()
        assert stage.bodies() == [b"before", b"after"]
        assert not [record for record in caplog.records if record.name.startswith("azure")]


def test_a_connection_cut_between_keeping_and_completing_brings_them_again(tmp_path):
    with Stage(tmp_path) as stage:
        bus, stage.after = stage.bus(), stage.peer.kill
        stage.peer.put(*[data(b"%d" % n) for n in range(50)])
        assert "does not answer" in trouble(stage, bus)
        assert len(stage.bodies()) == 50
        stage.after = lambda: None
        stage.peer.start()
        stage.peer.lose_locks()
        stage.carry(bus, 50)
        assert len(stage.bodies()) == 100
        assert stage.peer.left() == (0, 0, 0)


def test_a_namespace_that_says_nothing_any_more_is_noticed(tmp_path, monkeypatch):
    hurry(monkeypatch, SILENT_SECONDS=0.5, ANSWER_SECONDS=1.5, OPEN_SECONDS=1.0)
    with Stage(tmp_path) as stage:
        bus = stage.bus()
        for _ in range(3):
            assert bus.carry(stage.stopping) == 0
        assert bus.is_current(), "a quiet subscription is none that is dead"
        stage.peer.house.mute = True
        said = until(lambda: silence(stage, bus), "the silence is noticed")
        assert "does not answer" in said
        assert not bus.is_current()
        stage.peer.house.mute = False
        stage.peer.put(data(b"after"))
        stage.carry(bus, 1)


def silence(stage: Stage, bus: ServiceBusConsumer) -> str | None:
    try:
        assert bus.carry(stage.stopping) == 0
    except QueueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("what", ["receives", "connects", "waits"])
def test_it_stops_quickly_whatever_it_does(tmp_path, monkeypatch, what):
    hurry(monkeypatch, PAUSE_SECONDS=(30.0, 30.0))
    with Stage(tmp_path) as stage:
        bus = stage.bus()
        if what == "receives":
            bus.carry(stage.stopping)
        elif what == "connects":
            stage.peer.house.mute = True
        else:
            stage.peer.kill()
            trouble(stage, bus)
        begun = time.monotonic()
        threading.Timer(0.2, stage.stopping.set).start()
        assert bus.carry(stage.stopping) == 0
        assert time.monotonic() - begun < 1.0
        bus.close()
        assert time.monotonic() - begun < 3.0


def test_closing_twice_is_harmless_and_so_is_closing_what_never_opened(tmp_path):
    with Stage(tmp_path) as stage:
        stage.bus().close()
        bus = stage.bus()
        bus.carry(stage.stopping)
        begun = time.monotonic()
        bus.close()
        bus.close()
        assert time.monotonic() - begun < 2.0
        assert stage.peer.ask(lambda: len(stage.peer.house.conversations)) == 0
