"""A letter waits, then it is taken or set aside, and it may wait again."""

from pathlib import Path

import pytest

from service.incoming.letter import Arrival, EventOutcome, Letter
from service.incoming.letters import Letters
from service.incoming.set_aside import SetAsideQuery
from service.ledger.sqlite.sqlite_store import SqliteStore

RECORDED = EventOutcome("recorded", "COURSE_COMPLETED", "", "enrollment-1")
BAD = EventOutcome("set_aside", "QUIZ", "unknown name")
WORSE = EventOutcome("set_aside", "CI_STATS", "no seats")


@pytest.fixture
def letters(ledger: SqliteStore) -> Letters:
    return Letters(ledger)


def arrival(n: int) -> Arrival:
    return Arrival("adobe", 1000 + n, {"user-agent": "ALM"}, b"body %d" % n)


def take(
    ledger: SqliteStore, letters: Letters, *outcomes: list[EventOutcome], now: int = 5000
) -> None:
    """Takes the oldest waiting letters, one for each list of outcomes."""
    waiting = letters.waiting(len(outcomes))
    with ledger.transaction() as cursor:
        for each in letters.marks([(w.n, o) for w, o in zip(waiting, outcomes, strict=True)], now):
            cursor.executemany(*each)


def test_receipts_count_up_and_come_in_order(letters: Letters) -> None:
    assert letters.keep([arrival(1), arrival(2)]) == [1, 2]
    assert letters.keep([arrival(3)]) == [3]
    assert letters.keep([]) == []


def test_letters_wait_oldest_first(letters: Letters) -> None:
    assert (letters.waiting(9), letters.oldest_waiting()) == ([], None)
    letters.keep([arrival(1), arrival(2), arrival(3)])
    assert letters.waiting(2) == [
        Letter(1, "adobe", 1001, b"body 1", None),
        Letter(2, "adobe", 1002, b"body 2", None),
    ]
    assert letters.oldest_waiting() == 1001
    assert letters.waiting_more_than(2) and not letters.waiting_more_than(3)


def test_a_letter_that_is_tried_again_stays_imported(ledger: SqliteStore, letters: Letters) -> None:
    letters.keep([arrival(1)])
    letters.keep([arrival(2), arrival(3)], imported=True)

    assert [(each.n, each.imported) for each in letters.waiting(9)] == [
        (1, False), (2, True), (3, True),
    ]  # fmt: skip
    assert letters.imported_waiting() == 2
    take(ledger, letters, [RECORDED], [BAD], [])
    letters.retry([2])
    assert [each.imported for each in letters.waiting(9)] == [True]


def test_a_letter_is_set_aside_if_any_of_its_events_was(
    ledger: SqliteStore, letters: Letters
) -> None:
    letters.keep([arrival(1), arrival(2), arrival(3), arrival(4)])
    take(ledger, letters, [RECORDED], [RECORDED, BAD], [])

    assert [letters.show(n)["state"] for n in (1, 2, 3, 4)] == [  # type: ignore[index]
        "taken",
        "set_aside",
        "taken",
        "waiting",
    ]
    assert letters.counts() == {"accepted": 4, "taken": 2, "set_aside": 1, "waiting": 1}
    assert [letter.n for letter in letters.waiting(9)] == [4]


def test_a_letter_tells_what_became_of_each_event(ledger: SqliteStore, letters: Letters) -> None:
    letters.keep([arrival(1)])
    take(ledger, letters, [RECORDED, BAD])
    assert letters.show(1) == {
        "n": 1,
        "source": "adobe",
        "received_at": 1001,
        "headers": {"user-agent": "ALM"},
        "erased": False,
        "imported": False,
        "state": "set_aside",
        "taken_at": 5000,
        "events": [
            {
                "state": "recorded",
                "name": "COURSE_COMPLETED",
                "reason": "",
                "stream": "enrollment-1",
            },
            {"state": "set_aside", "name": "QUIZ", "reason": "unknown name", "stream": ""},
        ],
    }
    assert letters.show(2) is None
    assert (letters.body(1), letters.body(2)) == (b"body 1", None)


def test_nothing_is_taken_when_the_transaction_fails(ledger: SqliteStore, letters: Letters) -> None:
    letters.keep([arrival(1)])
    with pytest.raises(RuntimeError), ledger.transaction() as cursor:
        for each in letters.marks([(1, [BAD])], 5000):
            cursor.executemany(*each)
        raise RuntimeError
    assert letters.counts() == {"accepted": 1, "taken": 0, "set_aside": 0, "waiting": 1}
    assert SetAsideQuery(ledger).reasons(9) == []


def test_lists_are_newest_first_and_can_be_paged(ledger: SqliteStore, letters: Letters) -> None:
    letters.keep([arrival(n) for n in range(1, 8)])
    take(ledger, letters, [BAD], [RECORDED], [BAD], [RECORDED], [BAD])

    def numbers(state: str | None, limit: int = 9, after: int | None = None) -> list[int]:
        return [letter["n"] for letter in letters.listing(state, limit, after)]

    assert numbers(None) == [7, 6, 5, 4, 3, 2, 1]
    assert numbers(None, 2, 6) == [5, 4]
    assert numbers("waiting") == [7, 6]
    assert numbers("taken") == [4, 2]
    assert numbers("set_aside", 2) == [5, 3]
    assert numbers("set_aside", 2, 3) == [1]
    assert numbers("nonsense") == []


def test_reasons_are_counted(ledger: SqliteStore, letters: Letters) -> None:
    letters.keep([arrival(1), arrival(2), arrival(3)])
    take(ledger, letters, [BAD, WORSE], [RECORDED], [BAD, BAD])
    assert SetAsideQuery(ledger).reasons(9) == [
        {"name": "QUIZ", "reason": "unknown name", "events": 3, "first": 1, "last": 3},
        {"name": "CI_STATS", "reason": "no seats", "events": 1, "first": 1, "last": 1},
    ]


def test_a_set_aside_letter_waits_again_with_its_outcomes(
    ledger: SqliteStore, letters: Letters
) -> None:
    letters.keep([arrival(1), arrival(2), arrival(3)])
    take(ledger, letters, [RECORDED, BAD], [RECORDED])

    assert letters.retry([1, 1, 2, 3, 99]) == 1
    assert letters.retry([1]) == 0

    assert letters.waiting(1) == [Letter(1, "adobe", 1001, b"body 1", [RECORDED, BAD], turn=1)]
    shown = letters.show(1)
    assert shown and (shown["state"], len(shown["events"])) == ("waiting", 2)
    assert letters.counts() == {"accepted": 3, "taken": 1, "set_aside": 0, "waiting": 2}
    assert SetAsideQuery(ledger).reasons(9) == []
    take(ledger, letters, [RECORDED, RECORDED], now=6000)
    assert letters.show(1)["state"] == "taken"  # type: ignore[index]


def test_many_letters_can_be_tried_again_at_once(ledger: SqliteStore, letters: Letters) -> None:
    letters.keep([arrival(n) for n in range(1300)])
    take(ledger, letters, *[[BAD]] * 1300)
    assert letters.retry(range(1, 1301)) == 1300
    assert letters.retry([]) == 0
    assert letters.counts()["waiting"] == 1300


def test_a_letter_whose_body_is_gone_cannot_be_tried_again(
    ledger: SqliteStore, letters: Letters
) -> None:
    letters.keep([arrival(1)])
    take(ledger, letters, [BAD])
    with ledger.transaction() as cursor:
        cursor.execute("UPDATE letters SET body = NULL")
    assert letters.retry([1]) == 0
    assert letters.show(1)["erased"] is True  # type: ignore[index]


def test_a_letter_that_began_to_wait_in_between_still_waits(
    ledger: SqliteStore, letters: Letters
) -> None:
    letters.keep([arrival(1), arrival(2), arrival(3)])
    take(ledger, letters, [RECORDED], [BAD])
    letters.keep([arrival(4)])
    letters.retry([2])
    with ledger.transaction() as cursor:
        cursor.execute("INSERT INTO waiting (n, source) VALUES (1, 'adobe')")
        cursor.execute("DELETE FROM taken WHERE n = 1")
        for each in letters.marks([(1, []), (3, []), (4, [])], 5000):
            cursor.executemany(*each)
    assert [letter.n for letter in letters.waiting(9)] == [2]


def test_letters_are_still_there_in_a_new_process(tmp_path: Path) -> None:
    ledger = SqliteStore(tmp_path / "ledger.db")
    Letters(ledger).keep([arrival(1)])
    ledger.close()
    again = SqliteStore(tmp_path / "ledger.db")
    assert Letters(again).keep([arrival(2)]) == [2]
    assert [letter.body for letter in Letters(again).waiting(9)] == [b"body 1", b"body 2"]
    again.close()


def test_whoever_waits_for_letters_is_woken_by_new_ones_and_by_those_tried_again(
    ledger: SqliteStore, letters: Letters
) -> None:
    assert not letters.came.is_set()
    letters.keep([arrival(1)])
    assert letters.came.is_set()
    take(ledger, letters, [BAD])
    letters.came.clear()
    letters.retry([1])
    assert letters.came.is_set()


def test_what_was_set_aside_is_read_up_to_the_first_letter_that_waits(
    ledger: SqliteStore, letters: Letters
) -> None:
    letters.keep([arrival(n) for n in range(1, 6)])
    take(ledger, letters, [BAD, WORSE], [RECORDED], [WORSE], [WORSE])
    letters.retry([4])

    asides = SetAsideQuery(ledger)
    aside = asides.after(0, limit=9)
    assert [(each.letter, each.name, each.used) for each in aside] == [
        (1, "QUIZ", False), (3, "CI_STATS", False),
    ]  # fmt: skip
    assert [each.letter for each in asides.after(0, limit=1)] == [1]
    assert [(e.letter, e.used) for e in asides.of([2, 3])] == [(2, True), (3, False)]
    assert asides.newest() == 5


def test_times_and_outcomes_of_what_was_taken_are_read(
    ledger: SqliteStore, letters: Letters
) -> None:
    assert letters.newest_taken_at() is None
    letters.keep([arrival(1), arrival(2)])
    take(ledger, letters, [RECORDED], [BAD])
    assert letters.newest_taken_at() == 5000
    assert list(letters.outcomes(1, 2)) == [[RECORDED], [BAD]]


def test_a_letter_from_the_future_waits_again_at_its_time(
    ledger: SqliteStore, letters: Letters
) -> None:
    letters.keep([arrival(1), arrival(2)])
    take(ledger, letters, [BAD], [BAD])
    with ledger.transaction() as cursor:
        cursor.executemany(*letters.try_again([(1, 7000), (2, 9000)]))
    letters.retry_due(8000, limit=9)
    assert [each.n for each in letters.waiting(9)] == [1]
