"""What comes again and again: told at once, then ever more seldom, and never more than a few."""

from service.incoming.repeats import LINES_A_MINUTE, MINUTE_MS, QUIET_MS, REMEMBERED, Repeats
from tests.installation import START


def test_it_is_told_the_first_time_and_then_at_growing_distance() -> None:
    repeats = Repeats()

    told = [count for n in range(2_000) if (count := repeats.count("a", START + n))]

    assert told == [1, 10, 100, 1_000]


def test_many_at_a_time_are_told_with_their_sum() -> None:
    repeats = Repeats()

    assert [repeats.count("a", START, by) for by in (3, 5, 2, 500, 400, 100)] == [
        3, 0, 10, 510, 0, 1_010,
    ]  # fmt: skip


def test_it_begins_anew_after_an_hour_of_quiet() -> None:
    repeats = Repeats()
    repeats.count("a", START)

    assert repeats.count("a", START + QUIET_MS) == 0
    assert repeats.count("a", START + 2 * QUIET_MS + 1) == 1


def test_strangers_from_everywhere_get_a_few_lines_a_minute_and_no_memory() -> None:
    repeats = Repeats()

    told = [n for n in range(10_000) if repeats.count(n, START)]

    assert len(told) == LINES_A_MINUTE
    assert len(repeats._series) == REMEMBERED
    assert repeats.count(9_999, START + MINUTE_MS) == 2, "what was not told is told later"
