"""A member of a group: what was taken from it meanwhile is somebody else's to commit."""

from collections.abc import Iterator

import pytest

from tests.incoming.queues.kafka_client import Consumer, KafkaError, TopicPartition, kafka_group

Member = kafka_group.GroupMember

NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "log_level": 0}
OURS, THEIRS = ("audit", 0), ("audit", 1)


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Consumer]:
    monkeypatch.setattr(kafka_group, "ASK_SECONDS", 0.01)
    unconnected = Consumer(NOWHERE)
    yield unconnected
    unconnected.close()


@pytest.fixture
def member(consumer: Consumer) -> Member:
    joined = Member("127.0.0.1:1", "g")
    joined.assigned(consumer, [TopicPartition(*OURS), TopicPartition(*THEIRS)])
    return joined


def test_what_is_kept_is_due(member: Member) -> None:
    member.kept({OURS: 5, THEIRS: 7})
    assert member.due == {OURS: 5, THEIRS: 7}


def test_what_was_taken_away_is_not_due_any_more(consumer: Consumer, member: Member) -> None:
    member.kept({OURS: 5, THEIRS: 7})
    member.revoked(consumer, [TopicPartition(*THEIRS)])
    assert member.due == {OURS: 5}
    assert list(member.shares) == [OURS]


def test_what_was_read_just_before_it_was_taken_away_is_not_due(
    consumer: Consumer, member: Member
) -> None:
    member.revoked(consumer, [TopicPartition(*THEIRS)])
    member.kept({OURS: 5, THEIRS: 7})
    assert member.due == {OURS: 5}


def test_an_answer_to_an_earlier_commit_leaves_the_later_one_due(member: Member) -> None:
    member.kept({OURS: 5})
    member.kept({OURS: 9})
    member.answered(None, [TopicPartition(*OURS, 5)])
    assert member.due == {OURS: 9}
    member.answered(None, [TopicPartition(*OURS, 9)])
    assert member.due == {}


@pytest.mark.parametrize("order", [1, -1])
def test_a_trouble_is_told_by_its_cause_whatever_was_heard_first(
    member: Member, order: int
) -> None:
    for code in (KafkaError._TRANSPORT, KafkaError._AUTHENTICATION)[::order]:
        member.complained(KafkaError(code))
        member.judge()
    (said,) = member.troubles.values()
    assert "the login is refused" in said
