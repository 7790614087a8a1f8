"""Letters that arrive together share one commit, and nobody waits for ever."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.incoming.group_commit import GroupCommit, StoreBusy, StoreFailed
from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.ledger.sqlite.sqlite_store import SqliteStore


def arrival(n: int) -> Arrival:
    return Arrival("adobe", n, {}, b"%d" % n)


class Gated:
    """A store whose commits wait until the gate is opened, and which notes each batch."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []
        self.broken = False

    def keep(self, arrivals: Sequence[Arrival]) -> list[int]:
        self.entered.set()
        self.gate.wait()
        if self.broken:
            raise OSError("disk full: /secret/path")
        self.batches.append([a.received_at for a in arrivals])
        return [a.received_at * 10 for a in arrivals]


async def post_all(group_commit: GroupCommit, numbers: Sequence[int]) -> list[asyncio.Task[int]]:
    """Tasks that have all put their letter into the box."""
    tasks = [asyncio.create_task(group_commit.post(arrival(n))) for n in numbers]
    await asyncio.sleep(0)
    return tasks


def test_letters_in_flight_share_one_commit() -> None:
    async def scene() -> list[int]:
        first = await post_all(group_commit, [1])
        await asyncio.to_thread(store.entered.wait)
        rest = await post_all(group_commit, range(2, 302))
        store.gate.set()
        return await asyncio.gather(*first, *rest)

    store = Gated()
    group_commit = GroupCommit(store)
    assert asyncio.run(scene()) == [n * 10 for n in range(1, 302)]
    assert store.batches == [[1], list(range(2, 302))]
    group_commit.close()


def test_a_commit_takes_512_letters_at_most() -> None:
    async def scene() -> None:
        tasks = await post_all(group_commit, [0])
        await asyncio.to_thread(store.entered.wait)
        tasks += await post_all(group_commit, range(1, 1200))
        store.gate.set()
        await asyncio.gather(*tasks)

    store = Gated()
    group_commit = GroupCommit(store)
    asyncio.run(scene())
    assert [len(batch) for batch in store.batches] == [1, 512, 512, 175]
    group_commit.close()


def test_a_slow_commit_is_busy_and_what_was_told_so_is_not_committed_later() -> None:
    async def scene() -> None:
        tasks = await post_all(group_commit, [1])
        await asyncio.to_thread(store.entered.wait)
        tasks += await post_all(group_commit, [2, 3])
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreBusy] * 3
        store.gate.set()
        assert await group_commit.post(arrival(4)) == 40

    store = Gated()
    group_commit = GroupCommit(store, commit_seconds=0.05)
    asyncio.run(scene())
    assert store.batches == [[1], [4]]
    group_commit.close()


@pytest.mark.parametrize("limits", [{"capacity": 3}, {"capacity_bytes": 3}])
def test_a_full_box_is_busy_at_once(limits: dict[str, int]) -> None:
    async def scene() -> None:
        tasks = await post_all(group_commit, [1, 2, 3])
        with pytest.raises(StoreBusy, match="too many letters"):
            await group_commit.post(arrival(4))
        store.gate.set()
        assert await asyncio.gather(*tasks) == [10, 20, 30]
        assert await group_commit.post(arrival(5)) == 50

    store = Gated()
    group_commit = GroupCommit(store, **limits)
    asyncio.run(scene())
    group_commit.close()


def test_a_store_that_fails_is_told_and_the_next_letter_tries_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        store.broken = True
        for _ in range(3):
            with pytest.raises(StoreFailed) as told:
                await group_commit.post(arrival(1))
            assert "secret" not in str(told.value)
        store.broken = False
        assert await group_commit.post(arrival(2)) == 20

    store = Gated()
    store.gate.set()
    group_commit = GroupCommit(store)
    with caplog.at_level(logging.INFO):
        asyncio.run(scene())
        group_commit.close()
    assert caplog.text.count("letters are not on disk: OSError") == 1, "once, however often"
    assert "letters are on disk again" in caplog.text


def test_closing_commits_what_is_queued() -> None:
    async def scene() -> list[int]:
        tasks = await post_all(group_commit, [1, 2, 3])
        store.gate.set()
        await asyncio.to_thread(group_commit.close)
        with pytest.raises(StoreBusy, match="stopping"):
            await group_commit.post(arrival(4))
        return await asyncio.gather(*tasks)

    store = Gated()
    group_commit = GroupCommit(store)
    assert asyncio.run(scene()) == [10, 20, 30]
    group_commit.close()


def test_a_sender_that_left_is_no_trouble() -> None:
    async def scene() -> int:
        left, stays = await post_all(group_commit, [1, 2])
        left.cancel()
        await asyncio.sleep(0)
        store.gate.set()
        return await stays

    store = Gated()
    group_commit = GroupCommit(store)
    assert asyncio.run(scene()) == 20
    group_commit.close()


def test_one_hundred_letters_in_flight_are_two_commits_of_the_real_store(tmp_path: Path) -> None:
    async def scene() -> list[int]:
        with ledger.transaction():
            tasks = await post_all(group_commit, range(100))
        return await asyncio.gather(*tasks)

    class Counted(Letters):
        def keep(self, arrivals: Sequence[Arrival]) -> list[int]:
            commits.append(len(arrivals))
            return super().keep(arrivals)

    ledger = SqliteStore(tmp_path / "ledger.db")
    letters = Counted(ledger)
    commits: list[int] = []
    group_commit = GroupCommit(letters)
    receipts = asyncio.run(scene())
    group_commit.close()
    assert sorted(receipts) == list(range(1, 101))
    assert sum(commits) == 100
    assert len(commits) <= 2
    assert letters.counts()["waiting"] == 100
    ledger.close()
