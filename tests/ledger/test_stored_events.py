"""Every event ever stored is read for ever: golden samples, upcasters, unknown topics."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from service.app.event_types import SHAPES
from service.learners import enrollment
from service.learners.enrollment import Enrollment, EnrollmentRecorded
from service.learners.facts import FactRecorded
from service.ledger.events import EventBody, EventMapper, StreamEvent
from tests.learners.cast import TIMING, completed, day, enroll, enrolled, progress
from tests.ledger.samples import ADAS, SAMPLES

GOLDEN = Path(__file__).parent.parent / "golden"
MAPPER = EventMapper(SHAPES)
TOPICS = sorted(topic for wing in SHAPES for topic in wing)
BY_TOPIC = {sample.topic: sample for sample in reversed(SAMPLES)}
"""The first sample of each."""
LATER = {
    f"{topic}.{number}": sample
    for topic in BY_TOPIC
    for number, sample in enumerate((s for s in SAMPLES if s.topic == topic), start=1)
    if number > 1
}
"""Samples of fields that a shape was given later: the first one's bytes never change."""


def golden(topic: str) -> bytes:
    return (GOLDEN / f"{topic}.json").read_bytes().removesuffix(b"\n")


@pytest.mark.parametrize("name", [*TOPICS, *LATER])
def test_an_event_is_read_from_the_bytes_of_all_times_and_written_as_them(name: str) -> None:
    """A new topic needs a value in samples.py and its bytes in golden/; old bytes never change."""
    assert name in BY_TOPIC | LATER, f"{name}: add a sample to tests/ledger/samples.py"
    stored, sample = golden(name), (BY_TOPIC | LATER)[name]
    body = MAPPER.decode(sample.topic, stored)
    assert body == sample
    assert type(body) is type(sample)
    assert MAPPER.encode(body) == (sample.topic, stored)


def test_samples_golden_files_and_topics_are_the_same() -> None:
    """A retired topic keeps its file: what it is read as then stands in an upcaster's test."""
    assert sorted(BY_TOPIC) == TOPICS
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*TOPICS, *LATER}
    assert set(TOPICS) == MAPPER.topics
    assert len(SAMPLES) == len(BY_TOPIC) + len(LATER)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_field_is_filled_in_some_sample_of_its_class(topic: str) -> None:
    """A field no sample fills could be renamed and nobody would notice."""
    kind = type(BY_TOPIC[topic])
    family = FactRecorded if issubclass(kind, FactRecorded) else kind
    for field in msgspec.structs.fields(kind):
        filled = [s for s in SAMPLES if isinstance(s, family) and hasattr(s, field.name)]
        values = [getattr(sample, field.name) for sample in filled]
        assert any(value != field.default for value in values), field.name


def test_what_is_written_today_reads_like_what_was_written_then() -> None:
    """The aggregate writes its own class; the ledger gives back one for each kind of fact."""
    folded, events = enroll(enrolled(day(1)), progress(day(2), 5.0), completed(day(3), True))
    for event in events:
        stored = MAPPER.encode(event)
        assert MAPPER.encode(MAPPER.decode(*stored)) == stored
    bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
    assert Enrollment.load(folded.id, bodies, TIMING) == folded


def from_2025(raw: dict[str, Any]) -> dict[str, Any]:
    """A made-up old shape: times in seconds, the percent outside of what was said."""
    at = raw.pop("at_seconds") * 1000
    return {**raw, "said": {"percent": raw.pop("percent")}, "at": at, "recorded_at": at}


def test_an_upcaster_reads_a_retired_topic_as_one_of_today() -> None:
    retired = {"learner.progress@1": ("enrollment.progressed", from_2025)}
    mapper = EventMapper([enrollment.SHAPES], retired)
    old = b'{"at_seconds":1767312000,"percent":42.5,"key":"k","name":"LEARNER_PROGRESS"}'
    assert "learner.progress@1" in mapper.topics
    stored = StoredEvent(ADAS, 3, "learner.progress@1", old)
    event = mapper.to_domain_event(stored)
    assert (event.originator_id, event.originator_version) == (ADAS, 3)
    assert isinstance(event.body, EnrollmentRecorded)
    assert mapper.encode(event.body) == (
        "enrollment.progressed",
        b'{"said":{"percent":42.5},"at":1767312000000,"key":"k","name":"LEARNER_PROGRESS",'
        b'"recorded_at":1767312000000}',
    )


def test_an_unknown_topic_is_named_and_says_what_to_do() -> None:
    with pytest.raises(MapperDeserialisationError) as error:
        MAPPER.decode("enrollment.teleported", b"{}")
    assert "'enrollment.teleported'" in str(error.value)
    assert "run the Coursebell version that wrote it" in str(error.value)


@pytest.mark.parametrize(
    "state",
    [b"", b"{", b"{}", b'{"said":{},"at":"1","key":"k","name":"n","recorded_at":1}', b"\xff"],
)
def test_bytes_that_are_not_the_event_are_refused_with_its_topic(state: bytes) -> None:
    with pytest.raises(MapperDeserialisationError, match=r"enrollment\.enrolled"):
        MAPPER.decode("enrollment.enrolled", state)


def test_an_upcaster_that_misses_a_field_is_not_an_unknown_topic() -> None:
    mapper = EventMapper([enrollment.SHAPES], {"old": ("enrollment.progressed", from_2025)})
    with pytest.raises(MapperDeserialisationError) as error:
        mapper.decode("old", b'{"percent":1.0}')
    assert "known topics" not in str(error.value)


def test_a_field_added_later_is_no_obstacle_for_what_knows_it_not() -> None:
    """A newer program's extra field is left unread, as in a rolling upgrade."""
    extra = golden("notification.redriven")[:-1] + b',"by":"grace"}'
    assert MAPPER.decode("notification.redriven", extra) == BY_TOPIC["notification.redriven"]


def test_two_shapes_of_one_topic_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one shape"):
        EventMapper([enrollment.SHAPES, enrollment.SHAPES])


def test_the_librarys_way_in_and_out_keeps_ids_and_versions() -> None:
    body: EventBody = BY_TOPIC["enrollment.completed"]
    stored = MAPPER.to_stored_event(StreamEvent(ADAS, 7, body))
    assert stored == StoredEvent(ADAS, 7, "enrollment.completed", golden("enrollment.completed"))
    assert MAPPER.to_domain_event(stored) == StreamEvent(ADAS, 7, body)
