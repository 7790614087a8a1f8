"""Mistakes: what a rule file says wrongly is told once, at its place, in plain words."""

import pytest

from tests.rules.language.rule_files import HEAD, LETTER, NOTIFY, QUIET, ROOM, SEATS, SEEN, problems

MISTAKES = {
    "an unknown key suggests the nearest": (
        (HEAD + NOTIFY).replace("channels:", "chanels:"),
        "2:1: unknown key 'chanels'; did you mean 'channels'?",
    ),
    "a misspelt key is not also missing": (
        HEAD + NOTIFY.replace("template", "tmplate"),
        "8:40: unknown key 'tmplate'; did you mean 'template'?",
    ),
    "a misspelt trigger": (
        HEAD.replace("{event", "{evnt") + NOTIFY,
        "7:15: unknown key 'evnt'; did you mean 'event'?",
    ),
    "a missing key": (HEAD, "6:5: the key 'notify' is missing"),
    "a missing version": (
        (HEAD + NOTIFY).replace("version: 1\n", ""),
        "1:1: the key 'version' is missing; begin the file with 'version: 1'",
    ),
    "another version": (
        (HEAD + NOTIFY).replace("version: 1", "version: 1.10"),
        "1:10: this is version 1 of the rule language; expected 1, got '1.10'",
    ),
    "a value left out": (
        HEAD + NOTIFY + "    mode:\n",
        "9:5: 'mode' has no value; write one, or take the line out",
    ),
    "a choice": (
        HEAD + NOTIFY + "    mode: shdow\n",
        "9:11: 'shdow' is not allowed here; use live, shadow or disabled; did you mean 'shadow'?",
    ),
    "a duration": (
        HEAD + NOTIFY + "    collapse: 7 days\n",
        "9:15: expected a duration like 7d, 12h or 1w2d, got '7 days'",
    ),
    "a duration of nothing": (
        HEAD + NOTIFY + "    collapse: 0d\n",
        "9:15: expected a duration like 7d, 12h or 1w2d, got '0d'",
    ),
    "an unknown event": (
        HEAD.replace("enrollment.completed", "enrolment.completed") + NOTIFY,
        "7:22: unknown event 'enrolment.completed'; did you mean 'enrollment.completed'?",
    ),
    "a trigger of two sorts": (
        HEAD.replace("completed}", "completed, stalled_for: 3d}") + NOTIFY,
        (
            "7:44: a trigger is one of 'event', 'change', 'stalled_for', 'source_silent_for' or "
            "'channel_failing_for', not two of them"
        ),
    ),
    "a trigger as text": (
        HEAD.replace("{event: enrollment.completed}", "completed") + NOTIFY,
        "7:14: expected a mapping like {event: enrollment.completed}, got 'completed'",
    ),
    "a field that cannot change": (
        SEATS.replace("seats_available", "seats") + NOTIFY.replace("to: learner", "to: group:x"),
        (
            "7:23: 'instance.seats' is not allowed here; use instance.enrollment_count, "
            "instance.waitlist_count, instance.seat_limit or instance.seats_available"
        ),
    ),
    "a rearm without to": (
        SEATS.replace("available}", "available, rearm: {gte: 5}}")
        + "    notify: [{post: room, template: stalled}]\n",
        "7:49: 'rearm' needs a 'to'",
    ),
    "an id used twice": (
        HEAD + NOTIFY + (HEAD + NOTIFY).split("rules:\n")[1],
        "9:9: duplicate rule id 'completed' (first at line 6)",
    ),
    "an id with blanks": (
        (HEAD + NOTIFY).replace("id: completed", "id: On Completion"),
        "6:9: an id takes small letters, digits, '-' and '_', 63 at most; got 'On Completion'",
    ),
    "no entry": (HEAD + "    notify: []\n", "8:13: 'notify' needs at least one entry"),
    "a person without a channel": (
        HEAD + "    notify: [{to: learner, template: completed}]\n",
        "8:14: the key 'via' is missing",
    ),
    "a room with a recipient": (
        HEAD + "    notify: [{to: learner, post: room, template: completed}]\n",
        (
            "8:28: 'post' does not go with the rest; say whom to tell: 'to' and 'via' for a "
            "person, or 'post' for a room"
        ),
    ),
    "an entry to nobody": (
        HEAD + "    notify: [{template: completed}]\n",
        "8:14: say whom to tell: 'to' and 'via' for a person, or 'post' for a room",
    ),
    "an unknown channel": (
        HEAD + NOTIFY.replace("email", "emial"),
        "8:33: no channel 'emial'; did you mean 'email'?",
    ),
    "a room for a person": (
        HEAD + NOTIFY.replace("email", "room"),
        (
            "8:33: channel 'room' has no address for one person; name a mail channel, "
            "or write 'post' and no 'to'"
        ),
    ),
    "an unknown template": (
        HEAD + NOTIFY.replace("template: completed", "template: complete"),
        "8:50: no template 'complete'; did you mean 'completed'?",
    ),
    "a template with a path": (
        HEAD + NOTIFY.replace("template: completed", "template: ../completed"),
        "8:50: a name takes letters, digits, '-' and '_', 63 at most; got '../completed'",
    ),
    "an entry twice, its group in two spellings": (
        HEAD
        + NOTIFY.replace("to: learner", "to: group:a b").replace(
            "}]", "}, {via: email, to: 'group: a  b', template: completed}]"
        ),
        "8:64: this entry is there already (line 8); take one out",
    ),
    "an entry twice": (
        HEAD + NOTIFY.replace("}]", "}, {via: email, to: learner, template: completed}]"),
        "8:62: this entry is there already (line 8); take one out",
    ),
    "a learner where there is none": (
        SEATS + NOTIFY,
        (
            "8:19: an instance rule is about no single learner; possible here: 'to: watchers', "
            "'to: group:NAME', or 'post' to a room"
        ),
    ),
    "an address as a recipient": (
        HEAD + NOTIFY.replace("to: learner", "to: ada@example.org"),
        (
            "8:19: 'to' takes learner, manager, managers_manager, watchers or group:NAME, "
            "not this text; write group:NAME, with a group of the import"
        ),
    ),
    "cancelling a seat rule": (
        SEATS + "    notify: [{post: room, template: stalled}]\n"
        "    cancel_on: [enrollment.completed, enrollment.started]\n",
        "9:5: an instance rule cannot be cancelled by events; take 'cancel_on' out",
    ),
    "cancelling by a seat event": (
        HEAD + NOTIFY + "    cancel_on: [instance.deleted]\n",
        "9:17: only enrollment events cancel, e.g. enrollment.progressed; got 'instance.deleted'",
    ),
    "cancelling by a login": (
        HEAD + NOTIFY + "    cancel_on: [learner.seen]\n",
        "9:17: only enrollment events cancel, e.g. enrollment.progressed; got 'learner.seen'",
    ),
    "cancelling a login rule": (
        SEEN + NOTIFY + "    cancel_on: [enrollment.completed]\n",
        "9:5: a learner rule cannot be cancelled by events; take 'cancel_on' out",
    ),
    "an enrolment where there is none": (
        SEEN + NOTIFY + "    conditions:\n      - enrollment.progress: {lt: 50}\n",
        (
            "10:9: 'enrollment.progress' is not known here; a learner rule can read event.*, "
            "learner.*"
        ),
    ),
    "a person where there is none": (
        QUIET + NOTIFY,
        (
            "8:19: a source_silent_for rule is about no single learner; possible here: "
            "'to: group:NAME', or 'post' to a room"
        ),
    ),
    "an enrolment of a silent source": (
        QUIET + ROOM + "    conditions:\n      - enrollment.progress: {lt: 50}\n",
        (
            "10:9: 'enrollment.progress' is not known here; a source_silent_for rule can read "
            "event.*, but not event.account, event.by_admin or event.name"
        ),
    ),
    "a person that a letter is not about": (
        LETTER + NOTIFY,
        (
            "8:19: a letter rule is about no single learner; possible here: 'to: group:NAME', or "
            "'post' to a room"
        ),
    ),
    "an account that a letter does not say": (
        LETTER + ROOM + "    conditions:\n      - event.account: '7'\n",
        (
            "10:9: 'event.account' is not known here; a letter rule can read event.*, letter.*, "
            "but not event.account or event.by_admin"
        ),
    ),
    "events that cancel no letter": (
        LETTER + ROOM + "    cancel_on: [enrollment.completed]\n",
        "9:5: a letter rule cannot be cancelled by events; take 'cancel_on' out",
    ),
    "a letter that cancels": (
        HEAD + NOTIFY + "    cancel_on: [letter.set_aside]\n",
        ("9:17: only enrollment events cancel, e.g. enrollment.progressed; got 'letter.set_aside'"),
    ),
    "activation of what is no silence": (
        HEAD + NOTIFY + "    on_activate: current\n",
        "9:18: 'on_activate: current' goes with 'stalled_for' triggers only",
    ),
    "an unknown zone": (
        (HEAD + NOTIFY).replace("rules:", "defaults: {timezone: Europe/Berlín}\nrules:", 1),
        (
            "5:22: unknown time zone 'Europe/Berlín'; expected a name like Europe/Berlin; "
            "did you mean 'Europe/Berlin'?"
        ),
    ),
    "an environment variable outside channels": (
        HEAD + NOTIFY + "    description: ${HOME}\n",
        "9:18: ${…} works under 'channels' only; write the value itself",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"rules.yaml:{told}"]
