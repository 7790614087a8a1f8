"""On PostgreSQL: those who work share the shards, and whoever lost one commits nothing."""

import pytest

from service.ledger.postgresql import lanes
from service.ledger.postgresql.lanes import WORKING
from service.ledger.store import Append, LeaseLost, Reached
from tests.ledger.stores import Opened, OpenPostgres, kept, row
from tests.waiting import until

EXPIRED = f"""
SELECT count(*) FROM shards
WHERE shard >= {WORKING[0]} AND owner <> '' AND until < clock_timestamp()
"""


def test_two_share_and_a_third_has_its_part(another: OpenPostgres) -> None:
    one, two, three = (another(shards=16) for _ in range(3))
    assert one.lease.acquire() and len(one.lease.held) == one.lease.shards == 16
    assert not two.lease.acquire()
    assert one.lease.acquire() and two.lease.acquire()
    assert [len(each.lease.held) for each in (one, two)] == [8, 8]
    assert 0 in one.lease.held and not three.lease.acquire()
    assert all(each.lease.acquire() for each in (one, two, three))
    assert [len(each.lease.held) for each in (one, two, three)] == [6, 6, 4]
    held = [shard for each in (one, two, three) for shard in each.lease.held]
    assert sorted(held) == [*range(16)]
    one.close()
    until(
        lambda: two.lease.acquire() and three.lease.acquire() and len(two.lease.held) == 8,
        "one is gone",
    )
    held = [shard for each in (two, three) for shard in each.lease.held]
    assert sorted(held) == [*range(16)]


def test_who_waits_longer_than_a_lease_for_its_part_still_has_it(another: OpenPostgres) -> None:
    """Others may be too busy to give it back at once; nor does it matter that another came."""
    one, two, three = (another(shards=16, lease_seconds=each) for each in (5.0, 1.0, 5.0))
    assert one.lease.acquire() and not two.lease.acquire()
    until(lambda: lanes_expired(one), "its time is up")
    assert not two.lease.acquire() and one.lease.acquire() and len(one.lease.held) == 8
    assert two.lease.acquire() and len(two.lease.held) == 8
    two.lease.append(Append(rows=[row("ada")]))
    two.lease.release()
    assert one.lease.acquire() and len(one.lease.held) == 16 and not two.lease.acquire()
    until(lambda: lanes_expired(one), "its time is up again")
    assert not three.lease.acquire() and not two.lease.acquire()
    assert one.lease.acquire() and len(one.lease.held) == 6
    assert two.lease.acquire() and three.lease.acquire()
    assert sorted(len(each.lease.held) for each in (two, three)) == [4, 6]
    two.lease.append(Append(rows=[row("grace")]))
    three.lease.append(Append(rows=[row("edith")]))


def lanes_expired(store: Opened) -> bool:
    """Whether the time of somebody who works is up."""
    found = store.reader().execute(EXPIRED).fetchone()
    return bool(found[0])


def test_how_far_a_shard_has_come_goes_with_it(another: OpenPostgres) -> None:
    one, two = another(shards=2), another(shards=2)
    assert one.lease.acquire() and not two.lease.acquire()
    one.lease.append(Append(rows=[row("ada")], passed=Reached(7, 3)))
    assert one.lease.acquire() and two.lease.acquire()
    assert (one.lease.held, two.lease.held) == ({0: Reached(7, 3)}, {1: Reached(7, 3)})
    two.lease.append(Append(rows=[row("grace")], passed=Reached(9, 0)))
    one.lease.append(Append(rows=[row("edith")], passed=Reached(5, 4)))
    assert (one.lease.held, two.lease.held) == ({0: Reached(7, 4)}, {1: Reached(9, 3)})
    assert one.lease.lowest() == Reached(7, 3)
    two.close()
    until(lambda: one.lease.acquire() and len(one.lease.held) == 2, "the other one is gone")
    assert one.lease.held == {0: Reached(7, 4), 1: Reached(9, 3)}


def test_who_lost_one_shard_commits_nothing_for_any(
    another: OpenPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "END", "SELECT %s, %s")
    asleep, awake = another(shards=4, lease_seconds=0.05), another(shards=4)
    assert asleep.lease.acquire()
    asleep.lease.append(Append(rows=[row("ada")]))
    until(awake.lease.acquire, "some are free")
    with pytest.raises(LeaseLost):
        asleep.lease.append(Append(rows=[row("grace")], passed=Reached(9, 9)))
    assert (kept(awake), awake.lease.lowest()) == ([("ada", 1)], Reached())
