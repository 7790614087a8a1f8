"""A learner as seen by their LMS: the newest sign-in counts, in any order, and is told once."""

from itertools import permutations

from service.learners.course import SHAPES, LearnerSignIns
from service.learners.world import AGGREGATES, load
from service.ledger.events import EventMapper
from service.ledger.sqlite.sqlite_store import SqliteStore
from tests.learners.cast import ADA, MEMBER, day, enrolled, learner, see, seen
from tests.learners.writer_with_rules import Desk, by

MAPPER = EventMapper([SHAPES])


def test_each_newer_sign_in_is_a_transition_and_an_older_one_is_not() -> None:
    folded, events = see(seen(day(2)), seen(day(5)), seen(day(3)), seen(day(5), "again"))

    assert [event.transitions for event in events] == [("learner.seen",)] * 2 + [()] * 2
    assert [event.superseded for event in events] == [False, False, True, True]
    assert (folded.marked_at, folded.version) == (day(5), 4)


def test_the_same_sign_in_again_is_a_duplicate() -> None:
    folded, events = see(seen(day(2)), seen(day(3)), seen(day(2)))

    assert (len(events), folded.version) == (2, 2)


def test_every_order_ends_with_the_newest_and_loads_as_it_was_recorded() -> None:
    for order in permutations([seen(day(1)), seen(day(2)), seen(day(2), "b"), seen(day(9))]):
        folded, events = see(*order, order[0])
        assert folded.marked_at == day(9)
        bodies = [MAPPER.decode(*MAPPER.encode(event)) for event in events]
        assert load(folded.id, bodies, {}) == folded
        assert [event.about for event in events] == [MEMBER, None, None, None]


def test_a_sign_in_is_about_the_person_and_no_enrolment(tmp_path) -> None:
    desk = Desk(SqliteStore(tmp_path / "ledger.db"))
    outcomes = desk.write(
        enrolled(day(1)), seen(day(2)), seen(day(2)), by(seen(day(2)), person="78")
    )

    assert outcomes == ["recorded", "recorded", "duplicate", "recorded"]
    ada = desk.enrollment()
    assert ada is not None
    assert (ada.version, ada.state.silence("enrolled")) == (1, (day(1), str(day(1))))
    desk.writer.forget()
    assert desk.write(seen(day(1)), seen(day(2)), seen(day(3))) == [
        "superseded", "duplicate", "recorded",
    ]  # fmt: skip
    streams = [stream for topic, stream, _ in desk.log() if topic == "learner.seen"]
    assert streams[0] == LearnerSignIns.stream(ada.about.person)
    assert streams == [streams[0], streams[1], streams[0], streams[0]]
    assert len(set(streams)) == 2
    desk.ledger.close()


def test_a_fact_about_a_learner_alone_has_the_persons_stream() -> None:
    fact = seen(day(2))

    assert LearnerSignIns.begin(fact, ADA).id == f"l{ADA}"
    assert AGGREGATES[fact.said.TOPIC].begin(fact, ADA) == learner()
