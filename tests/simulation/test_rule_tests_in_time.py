"""Rule tests of what comes later: escalation, digests, windows, throttles, watchers, collapse."""

from pathlib import Path

from tests.installation import DONE, FREE, STILL
from tests.simulation.rule_test_files import COMPLETED, ENROLLED, complaints, scenario

SEATS = (
    "- {at: %s, event: instance.seats_changed, instance: safety_1, enrollment_count: %d, "
    "seat_limit: 20}"
)
ESCALATION = """
    escalation:
      - {after: 3d, to: learner, via: email, template: stalled}
      - {after: 7d, to: manager, via: email, template: stalled}
"""
DIGEST = """
  - id: many
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: several, digest: {every: week, on: mon, at: "08:30"}}
"""


def test_an_escalation_goes_on_to_the_minute_while_it_holds(tmp_path: Path) -> None:
    expect = (
        "[{rule: still, to: ada, at: 7d}, {rule: still, to: ada, at: 10d}, "
        "{rule: still, to: grace, at: 14d}]"
    )
    assert complaints(tmp_path, STILL + ESCALATION, scenario(ENROLLED, expect=expect)) == []
    back = "- {at: 11d, event: enrollment.unenrolled, learner: ada, course: safety}"
    expect = "[{rule: still, to: ada, at: 7d}, {rule: still, to: ada, at: 10d}]"
    assert complaints(tmp_path, STILL + ESCALATION, scenario(ENROLLED, back, expect=expect)) == []


def test_a_digest_leaves_with_its_closing_and_its_items_are_dropped(tmp_path: Path) -> None:
    """The test begins on a Monday at nine; the next Monday at half past eight comes 7 days on."""
    again = COMPLETED.replace("1d", "2d").replace("safety", "other")
    test = scenario(
        COMPLETED, again, courses="{other: {title: First aid}}",
        expect="[{rule: many, to: grace, at: 6d23h30m, text: First aid}]",
        expect_skipped="[{rule: many, to: grace, state: dropped, reason: digest},"
        " {rule: many, to: grace, state: dropped}]",
    )  # fmt: skip
    assert complaints(tmp_path, DIGEST, test) == []


def test_a_send_window_defers_to_where_the_reader_is(tmp_path: Path) -> None:
    rules = DONE.replace("completed}\n", "completed, send_window: office}\n", 2).replace(
        "enrollment.completed, send_window: office}", "enrollment.completed}"
    )
    late = COMPLETED.replace("at: 1d", "at: 12h")
    berlin = scenario(late, expect="[{rule: done, at: 23h}]")
    tokyo = scenario(
        late, name="two", people="{ada: {timezone: Asia/Tokyo}}", expect="[{rule: done, at: 15h}]"
    )
    assert complaints(tmp_path, rules, berlin, tokyo) == []


def test_what_the_window_shuts_in_at_the_end_says_when_it_may_leave(tmp_path: Path) -> None:
    rules = DONE + "    send_window: office\n"
    late = COMPLETED.replace("at: 1d", "at: 12h")
    found = complaints(tmp_path, rules, scenario(late, until="13h", expect="[{rule: done}]"))
    assert found[1:3] == [
        "it is not sent: scheduled, send_window office",
        "it may leave at 23h, after 'until'",
    ]


def test_a_throttle_drops_what_is_too_much(tmp_path: Path) -> None:
    rules = FREE.replace("seat_free}", "seat_free, throttle: {max: 1, per: 12h}}")
    given = [SEATS % (f"{hour}h", 20 - hour % 2) for hour in (0, 1, 2, 3, 14, 15)]
    test = scenario(
        *given,
        expect="[{rule: free, at: 1h}, {rule: free, at: 15h}]",
        expect_skipped="[{rule: free, state: dropped, reason: throttle}]",
    )
    assert complaints(tmp_path, rules, test) == []


def test_a_person_who_asked_is_told_of_a_free_seat_once(tmp_path: Path) -> None:
    rules = FREE.replace("post: room", "to: watchers, via: email")
    given = [
        SEATS % ("0h", 20),
        "- {at: 1h, event: watch.asked, learner: ada, instance: safety_1}",
        "- {at: 1h, event: watch.asked, learner: grace, instance: safety_1}",
        "- {at: 2h, event: watch.stopped, learner: grace, instance: safety_1}",
        *(SEATS % (f"{hour}h", 20 - hour % 2) for hour in (3, 4, 5)),
    ]
    assert (
        complaints(tmp_path, rules, scenario(*given, expect="[{rule: free, to: ada, at: 3h}]"))
        == []
    )
    found = complaints(
        tmp_path, rules, scenario(given[0], given[4], expect="[{rule: free, to: ada}]")
    )
    assert found[1] == "triggered at 3h, and nobody is there to be told"
