"""Mistakes of entries: digests, throttles, steps, and who is told in them, each told once."""

import pytest

from tests.rules.language.rule_files import (
    FAILING,
    HEAD,
    NOTIFY,
    QUIET,
    ROOM,
    SEATS,
    SEEN,
    problems,
)

GOOD = HEAD + NOTIFY
STEP = "{after: 7d, to: manager, via: email, template: stalled}"


def entry(more: str, text: str = GOOD) -> str:
    """A file whose entry says more, from column 61 on."""
    return text.replace("template: completed}", f"template: completed, {more}}}")


def steps(*lines: str, text: str = GOOD) -> str:
    """A file whose rule has steps, from line 10 on."""
    return text + "    escalation:\n" + "".join(f"      - {line}\n" for line in lines)


DIGESTS = {
    "a digest of no sort": (
        entry("digest: {every: minute}"),
        "8:77: 'minute' is not allowed here; use hour, day, week or month",
    ),
    "a digest as text": (
        entry("digest: day"),
        "8:69: expected a mapping of 'key: value' lines; got 'day'",
    ),
    "a digest without every": (entry('digest: {at: "08:30"}'), "8:69: the key 'every' is missing"),
    "a misspelt key of a digest": (
        entry("digest: {every: day, max_item: 5}"),
        "8:82: unknown key 'max_item'; did you mean 'max_items'?",
    ),
    "a digest and a throttle": (
        entry("digest: {every: day}, throttle: {max: 1, per: 1d}"),
        "8:83: an entry has a digest or a throttle, not both; take one out",
    ),
    "a weekday of an hourly digest": (
        entry("digest: {every: hour, on: mon}"),
        "8:83: 'on' goes with 'every: day', 'week' or 'month'; take it out",
    ),
    "a weekday of a monthly digest": (
        entry("digest: {every: month, on: mon}"),
        "8:88: with 'every: month', 'on' is a day, e.g. 15",
    ),
    "a day of the month of a weekly digest": (
        entry("digest: {every: week, on: 15}"),
        "8:87: with 'every: week', 'on' is weekdays, e.g. mon",
    ),
    "a day that no month has": (
        entry("digest: {every: month, on: 32}"),
        "8:88: expected a whole number from 1 to 31, got '32'",
    ),
    "no days": (
        entry("digest: {every: day, on: []}"),
        "8:86: name at least one of mon, tue, wed, thu, fri, sat or sun",
    ),
    "a weekday that is none": (
        entry("digest: {every: week, on: mo}"),
        (
            "8:87: 'mo' is not allowed here; use mon, tue, wed, thu, fri, sat or sun; "
            "did you mean 'mon'?"
        ),
    ),
    "a time of day for every hour": (
        entry('digest: {every: hour, at: "00:30"}'),
        "8:87: with 'every: hour', 'at' is a minute like \":30\"; got '00:30'",
    ),
    "a minute for every day": (
        entry('digest: {every: day, at: ":30"}'),
        "8:86: with 'every: day', 'at' is a time of day like 08:30; got ':30'",
    ),
    "a digest at midnight of the day after": (
        entry('digest: {every: week, at: "24:00"}'),
        "8:87: with 'every: week', 'at' is a time of day like 08:30; got '24:00'",
    ),
    "a list of times": (
        entry("digest: {every: day, at: [a]}"),
        "8:86: expected text; got a list",
    ),
    "a digest by a title": (
        entry("digest: {every: day, group_by: [course.titel]}"),
        (
            "8:93: 'course.titel' is not allowed here; use course.id, course.kind, instance.id, "
            "event.source or event.account"
        ),
    ),
    "a digest by one field that is no list": (
        entry("digest: {every: day, group_by: course.id}"),
        "8:92: expected a list, each item on a line that starts with '- '; got 'course.id'",
    ),
    "a digest by what is not known here": (
        entry("digest: {every: day, group_by: [event.source, course.id]}", SEEN + NOTIFY),
        "8:107: 'course.id' is not known here; a learner rule can read event.*, learner.*",
    ),
    "a digest of too many": (
        entry("digest: {every: day, max_items: 501}"),
        "8:93: expected a whole number from 1 to 500, got '501'",
    ),
    "a digest of nothing": (
        entry("digest: {every: day, max_items: 0}"),
        "8:93: expected a whole number from 1 to 500, got '0'",
    ),
    "a throttle of nothing": (
        entry("throttle: {max: 0, per: 1d}"),
        "8:77: expected a whole number from 1 to 100, got '0'",
    ),
    "a throttle of a half": (
        entry("throttle: {max: 1.5, per: 1d}"),
        "8:77: expected a whole number from 1 to 100, got '1.5'",
    ),
    "a throttle for ever": (
        entry("throttle: {max: 1}"),
        "8:71: the key 'per' is missing",
    ),
    "a throttle by the day": (
        entry("throttle: {max: 1, per: day}"),
        "8:85: expected a duration like 7d, 12h or 1w2d, got 'day'",
    ),
    "a misspelt key of a throttle": (
        entry("throttle: {max: 1, per: 1d, group: [course.id]}"),
        "8:89: unknown key 'group'; did you mean 'group_by'?",
    ),
    "a throttle by what is not known here": (
        QUIET + ROOM.replace("full}", "full, throttle: {max: 1, per: 1d, group_by: [course.id]}}"),
        (
            "8:89: 'course.id' is not known here; a source_silent_for rule can read event.*, "
            "but not event.account, event.by_admin or event.name"
        ),
    ),
}
STEPS = {
    "a step at once": (steps(STEP.replace("after: 7d, ", "")), "10:9: the key 'after' is missing"),
    "an entry that is a step": (
        entry("after: 7d"),
        "8:61: 'after' goes with the steps of 'escalation' only",
    ),
    "a step in words": (
        steps(STEP.replace("7d", "a week")),
        "10:17: expected a duration like 7d, 12h or 1w2d, got 'a week'",
    ),
    "a misspelt key of a step": (
        steps(STEP.replace("after", "afer")),
        "10:10: unknown key 'afer'; did you mean 'after'?",
    ),
    "a step to nobody": (
        steps("{after: 7d, template: stalled}"),
        "10:9: say whom to tell: 'to' and 'via' for a person, or 'post' for a room",
    ),
    "a step that is there already": (
        steps(STEP, STEP.replace("7d", "1w").replace("stalled", "completed")),
        "11:9: 'after' and whom it tells are those of line 10; change one",
    ),
    "a misspelt template of a step": (
        steps(STEP.replace("stalled", "staled")),
        "10:56: no template 'staled'; did you mean 'stalled'?",
    ),
    "a misspelt channel of a step": (
        steps(STEP.replace("email", "mail")),
        "10:39: no channel 'mail'; did you mean 'email'?",
    ),
    "a room as a channel of a step": (
        steps("{after: 7d, post: email, template: stalled}").replace("drawer:", "mailto:"),
        "10:27: a room cannot be a mail channel; name a chat channel, or write 'to' and 'via'",
    ),
    "a step of a silent source": (
        steps("{after: 7d, post: room, template: stalled}", text=QUIET + ROOM),
        "9:5: 'escalation' does not go with 'source_silent_for'; take it out",
    ),
    "a step of a failing channel": (
        steps("{after: 7d, post: room, template: stalled}", text=FAILING + ROOM),
        "9:5: 'escalation' does not go with 'channel_failing_for'; take it out",
    ),
    "a failing channel that is to tell of itself": (
        FAILING + NOTIFY.replace("learner", "group:staff"),
        "8:37: nobody hears by 'email' that it fails itself; name another channel",
    ),
    "a failing room that is to tell of itself": (
        FAILING.replace("channel: email", "channel: room") + ROOM,
        "8:21: nobody hears by 'room' that it fails itself; name another channel",
    ),
    "any failing channel told of by one alone": (
        FAILING.replace(", channel: email", "") + ROOM,
        (
            "8:21: nobody hears of it when 'room' itself fails; tell by another too, or "
            "name the 'channel' in the trigger"
        ),
    ),
    "a failing channel that is not there": (
        FAILING.replace("channel: email", "channel: emial") + ROOM,
        "7:50: no channel 'emial'; did you mean 'email'?",
    ),
    "a failing channel and a learner": (
        FAILING.replace("email}", "room}") + NOTIFY,
        (
            "8:19: a channel_failing_for rule is about no single learner; possible here: "
            "'to: group:NAME', or 'post' to a room"
        ),
    ),
    "a channel of a silent source": (
        QUIET.replace("3h", "3h, channel: email") + ROOM,
        "7:38: 'channel' goes with the trigger 'channel_failing_for'",
    ),
    "steps as text": (
        GOOD + "    escalation: 7d\n",
        "9:17: expected a list, each item on a line that starts with '- '; got '7d'",
    ),
    "watchers of an enrolment": (
        GOOD.replace("to: learner", "to: watchers"),
        (
            "8:19: 'watchers' ask to be told of an instance; the trigger must be about one: "
            "'change', or an 'instance' event"
        ),
    ),
    "watchers of a course in a step": (
        steps(
            "{after: 7d, to: watchers, via: email, template: stalled}",
            text=HEAD.replace("enrollment.completed", "course.modified") + ROOM,
        ),
        (
            "10:25: 'watchers' ask to be told of an instance; the trigger must be about one: "
            "'change', or an 'instance' event"
        ),
    ),
    "a digest for watchers": (
        SEATS
        + "    notify: [{to: watchers, via: email, template: seat_free, digest: {every: day}}]\n",
        "8:62: watchers are told at once and one time; take the digest out",
    ),
    "misspelt watchers": (
        SEATS + NOTIFY.replace("to: learner", "to: watcher"),
        (
            "8:19: 'to' takes learner, manager, managers_manager, watchers or group:NAME, "
            "not 'watcher'; did you mean 'watchers'?"
        ),
    ),
    "a manager's manager where there is no learner": (
        SEATS + NOTIFY.replace("to: learner", "to: managers_manager"),
        (
            "8:19: an instance rule is about no single learner; possible here: 'to: watchers', "
            "'to: group:NAME', or 'post' to a room"
        ),
    ),
}
MISTAKES = {**DIGESTS, **STEPS}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"rules.yaml:{told}"]
