"""Where a backtest once told something else than the service did, one history each."""

import json
from typing import Any

from msgspec.structs import replace

from tests.installation import HOUR, START, enrolled, seats, unenrolled
from tests.simulation.conformance import STEP, Fate, Past, backtested, live, lived

NIGHTS = 'time_intervals: {nights: [{from: "21:00", until: "24:00"}]}'


def past(*rules: dict[str, Any], until: int, head: str = NIGHTS, **letters: Any) -> Past:
    """What happened: letters by the hour at which they came, as `h3=event`."""
    return Past(
        rules="\n".join(f"  - {json.dumps(rule)}" for rule in rules),
        letters={int(at[1:]) * HOUR // STEP: (said,) for at, said in letters.items()},
        steps=until * HOUR // STEP, head=head,
    )  # fmt: skip


def both(of: Past) -> list[Fate]:
    """What became of everything, in the order of time; the backtest says the same."""
    with lived(of) as here:
        real = live(here)
        assert backtested(here, of) == real
    return sorted(real, key=lambda fate: fate.at)


def test_a_step_keeps_its_distance_from_what_its_reader_was_told_late() -> None:
    """The first waited for its window until the evening, and so the step waits again."""
    rule = {
        "id": "still",
        "trigger": {"stalled_for": "1h"},
        "notify": [{"to": "learner", "via": "email", "template": "stalled",
                    "send_window": "nights"}],
        "escalation": [{"after": "6h", "to": "learner", "via": "email", "template": "completed"}],
    }  # fmt: skip
    first, step = both(past(rule, until=36, h0=enrolled(START, 78)))
    assert (first.state, step.state) == ("sent", "sent")
    assert (first.at, step.at) == (12, 18)


def test_an_escalation_goes_on_from_a_first_that_was_not_cancelled() -> None:
    """The manager's was cancelled, as there was no seat that night; the learner was told."""
    rule = {
        "id": "still",
        "trigger": {"stalled_for": "2h"},
        "conditions": [{"instance.seats_available": {"gt": 0}}],
        "notify": [
            {"to": "learner", "via": "email", "template": "stalled"},
            {"to": "manager", "via": "email", "template": "team_completion",
             "send_window": "nights"},
        ],
        "escalation": [{"after": "20h", "post": "room", "template": "almost_full"}],
    }  # fmt: skip
    went = both(past(
        rule, until=36, h0=seats(START, 4), h1=enrolled(START + HOUR, 78),
        h6=seats(START + 6 * HOUR, 10), h14=seats(START + 14 * HOUR, 4),
    ))  # fmt: skip
    assert [fate.state for fate in went] == ["sent", "cancelled", "sent"]


ENROLLED = {
    "id": "on",
    "trigger": {"event": "enrollment.enrolled"},
    "notify": [{"to": "learner", "via": "email", "template": "enrolled"}],
}


def test_what_waits_for_an_address_ends_when_it_is_not_true_any_more() -> None:
    off = unenrolled(START + 5 * HOUR, 79)
    (waited,) = both(past(ENROLLED, until=12, h0=enrolled(START, 79), h5=off))
    assert (waited.state, waited.reason, waited.at) == ("cancelled", "no_longer_true", 5)


def test_what_was_due_when_the_service_went_to_sleep_had_left() -> None:
    of = past(ENROLLED, until=12, h0=enrolled(START, 77))
    (sent,) = both(replace(of, down=frozenset(range(1, 30))))
    assert (sent.state, sent.at) == ("sent", 0)


def test_a_second_message_of_its_kind_leaves_after_those_of_others() -> None:
    """Three are due as the night begins, and the throttle lets two through."""
    rule = ENROLLED | {
        "collapse": "10m",
        "notify": [{"to": "manager", "via": "email", "template": "stalled",
                    "send_window": "nights", "throttle": {"max": 2, "per": "1h"}}],
    }  # fmt: skip
    other = {"course": "course:8", "session": "course:8_1"}
    went = both(past(
        rule, until=16, h0=enrolled(START, 77), h2=enrolled(START + 2 * HOUR, 77, **other),
        h4=enrolled(START + 4 * HOUR, 78),
    ))  # fmt: skip
    events = {json.loads(fate.owed)["decided_at"]: fate.state for fate in went}
    assert [events[at] for at in sorted(events)] == ["sent", "dropped", "sent"]


def test_what_joins_while_the_first_waits_leaves_with_it() -> None:
    other = {"course": "course:8", "session": "course:8_1"}
    joins = enrolled(START + 2 * HOUR, 77, **other)
    went = both(past(ENROLLED | {"collapse": "4h"}, until=12, h0=enrolled(START, 77), h2=joins))
    assert sorted((fate.state, fate.at) for fate in went) == [("dropped", 4), ("sent", 4)]


def test_of_silences_of_one_moment_the_storm_guard_holds_the_same() -> None:
    rule = ENROLLED | {"id": "still", "trigger": {"stalled_for": "1h"}}
    one_after_another = {at: (enrolled(START, user),) for at, user in enumerate((77, 78, 80))}
    at_once_and_late = {8: tuple(enrolled(START, user) for user in (77, 78, 80))}
    for letters in (one_after_another, at_once_and_late):
        of = replace(past(rule, until=6), letters=letters, storm_limit=1)
        assert sorted(fate.state for fate in both(of)) == ["held", "held", "sent"]
