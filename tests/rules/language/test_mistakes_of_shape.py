"""Mistakes of shape: keys, entries, triggers and names that are not there, each told once."""

import pytest

from tests.rules.language.rule_files import HEAD, NOTIFY, ROOM, SEATS, problems

GOOD = HEAD + NOTIFY
RULE = GOOD.split("rules:\n")[1]


MISTAKES = {
    "a channel's name with a blank": (
        GOOD.replace("  room:", "  the room:"),
        "4:3: a channel's name takes letters, digits, '-' and '_', not 'the room'",
    ),
    "a list where a text goes": (
        GOOD + "    description: [a]\n",
        "9:18: expected text; got a list",
    ),
    "a text where a list goes": (
        GOOD + "    cancel_on: enrollment.progressed\n",
        (
            "9:16: expected a list, each item on a line that starts with '- '; got "
            "'enrollment.progressed'"
        ),
    ),
    "a text where the channels go": (
        GOOD.replace("channels:\n  email: drawer://\n  room: json://host/\n", "channels: drawer\n"),
        "2:11: expected a mapping of 'key: value' lines; got 'drawer'",
    ),
    "a list where a URL goes": (
        GOOD.replace("email: drawer://", "email: [drawer://]"),
        "3:10: expected text; got a list",
    ),
    "channels left out are not also missing": (
        GOOD.replace("channels:\n  email: drawer://\n  room: json://host/\n", "channels:\n"),
        "2:1: 'channels' has no value; write one, or take the line out",
    ),
    "a text where the defaults go": (
        GOOD.replace("rules:", "defaults: 3d\nrules:", 1),
        "5:11: expected a mapping of 'key: value' lines; got '3d'",
    ),
    "a misspelt key of the defaults": (
        GOOD.replace("rules:", "defaults: {time_zone: UTC}\nrules:", 1),
        "5:12: unknown key 'time_zone'; did you mean 'timezone'?",
    ),
    "a misspelt version is not also missing": (
        GOOD.replace("version:", "verson:"),
        "1:1: unknown key 'verson'; did you mean 'version'?",
    ),
    "a mapping where the rules go": (
        "version: 1\nrules: {a: b}\n",
        "2:8: expected a list, each item on a line that starts with '- '; got a mapping",
    ),
    "a text where a rule goes": (
        "version: 1\nrules: [completed]\n",
        "2:9: expected a mapping of 'key: value' lines; got 'completed'",
    ),
    "a mapping where the entries go": (
        HEAD + "    notify: {to: learner, via: email, template: completed}\n",
        "8:13: expected a list, each item on a line that starts with '- '; got a mapping",
    ),
    "a text where an entry goes": (
        HEAD + "    notify: [learner]\n",
        "8:14: expected a mapping like {to: …, via: …, template: …}, got 'learner'",
    ),
    "a misspelt entry": (
        HEAD + "    notify: [{pots: room, template: completed}]\n",
        "8:15: unknown key 'pots'; did you mean 'post'?",
    ),
    "a trigger that says nothing": (
        HEAD.replace("{event: enrollment.completed}", "{}") + NOTIFY,
        (
            "7:14: a trigger is one of 'event', 'change', 'stalled_for', 'source_silent_for' or "
            "'channel_failing_for'"
        ),
    ),
    "a trigger of another language": (
        HEAD.replace("{event: enrollment.completed}", "{when: done}") + NOTIFY,
        (
            "7:14: a trigger is one of 'event', 'change', 'stalled_for', 'source_silent_for' or "
            "'channel_failing_for'"
        ),
    ),
    "a misspelt key beside a trigger": (
        HEAD.replace("event: enrollment.completed", "stalled_for: 7d, count_form: started")
        + NOTIFY,
        "7:32: unknown key 'count_form'; did you mean 'count_from'?",
    ),
    "a key of another trigger": (
        HEAD.replace("completed}", "completed, count_from: started}") + NOTIFY,
        "7:44: 'count_from' goes with the trigger 'stalled_for'",
    ),
    "a misspelt 'to' is not also missing": (
        SEATS.replace("available}", "available, too: {lte: 2}, rearm: {gte: 5}}") + ROOM,
        "7:49: unknown key 'too'; did you mean 'to'?",
    ),
    "a key nobody knows": (
        GOOD + "    owner: red\n",
        (
            "9:5: unknown key 'owner'; use id, description, mode, trigger, conditions, "
            "collapse, bundle, notify, escalation, send_window, cancel_on, on_activate, "
            "expires_after or required"
        ),
    ),
    "a trigger under another name": (
        GOOD.replace("trigger:", "when:"),
        "7:5: unknown key 'when'; the key 'trigger' is missing",
    ),
    "an id under another name": (
        GOOD.replace("- id:", "- name:"),
        "6:5: unknown key 'name'; the key 'id' is missing",
    ),
    "channels under another name": (
        GOOD.replace("channels:", "outputs:"),
        (
            "2:1: unknown key 'outputs'; use version, channels, defaults, brand, time_intervals or "
            "rules"
        ),
    ),
    "an item left out": (
        GOOD + "    cancel_on:\n      - enrollment.progressed\n      -\n",
        "11:8: this item has no value; write one, or take the line out",
    ),
    "a misspelt channel that is used twice": (
        GOOD.replace("  email:", "  emal:")
        + "    expires_after: 1d\n"
        + RULE.replace("id: completed", "id: two"),
        "8:33: no channel 'email'; did you mean 'emal'? (also at line 12)",
    ),
    "a channel under another name that is used often": (
        GOOD.replace("  email:", "  mail:")
        + "".join(RULE.replace("id: completed", f"id: r{i}") for i in range(5)),
        ("8:33: no channel 'email'; did you mean 'mail'? (also at lines 11, 14, 17 and 2 more)"),
    ),
    "a room for a person that is used twice": (
        (GOOD + RULE.replace("id: completed", "id: two")).replace("drawer://", "json://h/"),
        (
            "8:33: channel 'email' has no address for one person; name a mail channel, or write "
            "'post' and no 'to' (also at line 11)"
        ),
    ),
    "a channel nothing is like": (
        GOOD.replace("via: email", "via: sms"),
        "8:33: no channel 'sms'; there are: email, room",
    ),
    "a misspelt template that is used twice": (
        (GOOD + RULE.replace("id: completed", "id: two")).replace(
            "template: completed", "template: complted"
        ),
        "8:50: no template 'complted'; did you mean 'completed'? (also at line 11)",
    ),
    "a template nothing is like": (
        GOOD.replace("template: completed", "template: xyz"),
        (
            "8:50: no template 'xyz'; there are: almost_full, completed, seat_free, "
            "stalled, team_completion"
        ),
    ),
    "a misspelt choice": (
        GOOD + "    on_activate: curent\n",
        "9:18: 'curent' is not allowed here; use none or current; did you mean 'current'?",
    ),
    "a misspelt choice of a trigger": (
        HEAD.replace("event: enrollment.completed", "stalled_for: 7d, count_from: start") + NOTIFY,
        ("7:44: 'start' is not allowed here; use enrolled or started; did you mean 'started'?"),
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"rules.yaml:{told}"]
