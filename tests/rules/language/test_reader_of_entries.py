"""The reader: what entries say of when they leave, as values of the language."""

from service.rules.calendar import Digest, Stretch, Window
from service.rules.language.reader import intervals_named, read_rules
from service.rules.rule import Entry, RuleSet, Throttle

HOUR, DAY = 3_600_000, 86_400_000
FILE = """\
version: 1
channels: {email: 'drawer://', room: 'drawer://'}
defaults: {send_window: office_hours}
time_intervals:
  office_hours:
    - {weekdays: [mon, fri], from: "08:00", until: "18:30"}
    - {weekdays: [tue, wed], from: "00:00", until: "24:00"}
  noon: [{from: "12:00", until: "13:00"}]
rules:
  - id: completed
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: a}
      - {to: managers_manager, via: email, template: a, send_window: noon}
      - {post: room, template: a, send_window: any}
  - id: stalled
    trigger: {stalled_for: 7d}
    send_window: noon
    notify:
      - {to: learner, via: email, template: a, digest: {every: hour, at: ":05"}}
      - {to: manager, via: email, template: a, digest: {every: day}}
      - post: room
        template: a
        digest: {every: week, at: "23:59", on: sun, group_by: [course.id], max_items: 500}
    escalation:
      - {after: 1w, to: learner, via: email, template: b, send_window: any}
      - {after: 14d, post: room, template: b,
         throttle: {max: 3, per: 12h, group_by: [instance.id, event.account]}}
  - id: seat
    trigger: {change: instance.seats_available}
    send_window: any
    notify:
      - {to: watchers, via: email, template: a}
      - {to: "group:ops", via: email, template: a, digest: {every: week}}
"""
OFFICE = Window(
    "office_hours",
    (Stretch(frozenset({0, 4}), 480, 1110), Stretch(frozenset({1, 2}), 0, 1440)),
)
NOON = Window("noon", (Stretch(frozenset(range(7)), 720, 780),))


def read(text: str = FILE) -> RuleSet:
    found, told = read_rules(text, environ={})
    assert found is not None, told
    assert told == []
    return found


def test_a_window_is_the_entrys_or_the_rules_or_the_files() -> None:
    completed, stalled, seat = read().rules
    assert [entry.window for entry in completed.entries] == [OFFICE, NOON, None]
    assert [entry.window for entry in stalled.entries] == [NOON, NOON, NOON, None, NOON]
    assert [entry.window for entry in seat.entries] == [None, None]
    nowhere = read(FILE.replace("defaults: {send_window: office_hours}\n", ""))
    assert nowhere.rules[0].notify[0].window is None


def test_digests_have_times_where_none_are_written() -> None:
    _, stalled, seat = read().rules
    noon = stalled.notify[0].window
    assert [entry.digest for entry in stalled.notify] == [
        Digest("hour", 5, window=noon),
        Digest("day", 480),
        Digest("week", 1439, (6,), ("course.id",), 500),
    ]
    assert seat.notify[1].digest == Digest("week", 480, (0,), (), 50)
    hourly = read(FILE.replace(', at: ":05"', "")).rules[1]
    assert hourly.notify[0].digest == Digest("hour", 0, window=noon)


def test_steps_come_after_the_first_entries() -> None:
    stalled = read().rules[1]
    again, room = stalled.escalation
    assert again == Entry("learner", "email", None, "b", after_ms=7 * DAY)
    throttle = Throttle(3, 12 * HOUR, ("instance.id", "event.account"))
    assert room == Entry(None, None, "room", "b", 14 * DAY, throttle=throttle, window=NOON)
    assert room.key == "post=room,template=b,after=1209600000"
    assert read().rules[0].escalation == ()


def test_whom_a_rule_tells_is_read() -> None:
    completed, _, seat = read().rules
    assert [entry.to for entry in completed.notify] == ["learner", "managers_manager", None]
    assert seat.notify[0].to == "watchers"


def test_an_entry_knows_its_line() -> None:
    lines = FILE.splitlines()
    rules = read().rules
    for rule in rules:
        for entry in rule.entries:
            assert f"template: {entry.template}" in lines[entry.line - 1] or entry.post == "room"
    assert lines[rules[1].escalation[1].line - 1].startswith("      - {after: 14d")


def test_a_window_that_is_closed_just_as_long_as_messages_live_is_good() -> None:
    text = FILE.replace("office_hours}", "office_hours, expires_after: 23h}")
    text = text.replace("send_window: office_hours, ", "")
    assert read(text).rules[1].expires_after_ms == 23 * HOUR
    found, told = read_rules(text.replace("23h", "22h59m"), environ={})
    assert found is None
    assert [(each.line, each.column) for each in told] == [(14, 70), (18, 18)]
    for each in told:
        assert each.message.startswith("messages expire after 22h59m, and 'noon' is closed for 23h")


def test_intervals_are_named_for_editors_as_far_as_they_can_be_read() -> None:
    assert intervals_named(FILE.encode()) == ["office_hours", "noon"]
    assert intervals_named(b"time_intervals: {any: 1, a b: 2, c: 3}") == ["c"]
    assert intervals_named(b"time_intervals: []") == intervals_named(b"\xff") == []
