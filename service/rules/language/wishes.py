"""Say what to write for words that the language does not have, and people write all the same."""

from collections import Counter
from collections.abc import Mapping

from service.learners.enrollment_state import STATUSES
from service.rules.conditions import LISTS, NEGATIONS, OPERATORS
from service.rules.fields import EVENTS, FIELDS, Field
from service.rules.text import hint

_NOT_YET = "Coursebell cannot do that yet"
_CALENDAR = (
    "a rule begins with what happens, not by the calendar; for a fixed time write a digest in an "
    'entry, e.g. digest: {every: week, on: mon, at: "08:00"}'
)
_NONE = "write 'none:' under 'conditions', and below it a list of what must not be so"
_PERSON = (
    "a condition cannot name one person; ask for learner.groups, or for a column of the import: "
    "learner.fields.NAME"
)
_DUE = f"{_NOT_YET}: due dates are not known; 'stalled_for' tells of those who do not move on"
_EXPIRY = f"{_NOT_YET}: when a certificate or a completion expires is not known"
_HOLIDAYS = (
    f"{_NOT_YET}: holidays and dates are not known; `coursebell mute --all` holds everything until "
    "`coursebell unmute`"
)
_TOGETHER = (
    "write at_most: {messages: 2, per: day} under 'defaults', which counts what one person gets by "
    "all rules, or a throttle in an entry, e.g. throttle: {max: 1, per: 1d}"
)
_ONCE = (
    "what comes first is not known; a long throttle in an entry tells each reader once: "
    "throttle: {max: 1, per: 3650d}"
)
_AGAIN = f"{_NOT_YET}: a silence is told of once; more reminders are steps under 'escalation'"
_GROUP = "write group:NAME, with a group of the import"
_CHANNEL = "write 'to' and 'via' for a person, or 'post' for a room"
_WORDS = "the words stand in templates/NAME/; name them with 'template'"

WISHES: Mapping[str, str] = {
    "cc bcc copy copy_to": (
        "write one more entry with a 'to' of its own; a copy of every mail goes by cc= or bcc= in "
        "the URL of the mail channel"
    ),
    "unless except exclude excluding exclude_if not": _NONE,
    "and": "all conditions of a list must be true; within 'any' write 'all:' with a list",
    "or": "write 'any:' with a list of conditions",
    "nor": "write 'none:' with a list of conditions",
    "schedule cron every daily weekly monthly month year timer interval rrule": _CALENDAR,
    "holiday holidays dates blackout except_dates exclude_dates not_on vacation pause": _HOLIDAYS,
    "due due_date due_at due_in deadline overdue days_left days_until_due reminder_before": _DUE,
    "expired expiry expiry_date expires_at valid_until valid_to recertification": _EXPIRY,
    "certificate certificate_expires_at count_from_completed": _EXPIRY,
    "limit cap max_per_day rate_limit frequency frequency_cap": _TOGETHER,
    "batch group_messages together": "write bundle: 30m, under 'defaults' or in a rule",
    "first first_time once only_once": _ONCE,
    "repeat again recurring every_day every_week remind_every": _AGAIN,
    "ends ends_at ends_on end_date active_until starts_at start_date": (
        f"{_NOT_YET}: a rule neither begins nor ends by itself; write mode: disabled that day"
    ),
    "channel send via_channel": _CHANNEL,
    "recipient recipients send_to notify_to who audience email mail": _CHANNEL,
    "subject body text message words content html": _WORDS,
    "replyto from_address from_name signature branding": (
        "who writes and where answers go stands under 'brand', at the top of the file; the address "
        "that mail comes from, in the URL of the mail channel"
    ),
    "language lang translations": (
        "each reader gets the words in their language: templates/_languages/de.yaml"
    ),
    "attachment attachments file files": f"{_NOT_YET}: messages carry no files",
    "enabled active on": "write mode: live",
    "off inactive paused": "write mode: disabled",
    "draft test dry_run dryrun": "write mode: shadow",
    "delay wait": (
        "'collapse' waits before the first message; 'after' in an entry of 'escalation' comes later"
    ),
    "everyone everybody all_learners admin admins hr instructor author": _GROUP,
    "room chat slack teams": "for a room write 'post' with a chat channel, and no 'to'",
}
"""What to write, by the words for it, one wish a line."""

KEYS_MEANT: Mapping[str, str] = {
    "if where filter filters only_if match matches": (
        "what must be true is written under 'conditions', one condition a line"
    ),
    "when": "what sets a rule off is its 'trigger', what must be true then are its 'conditions'",
    "name title label": "write 'id', and 'description' for words of your own",
}
"""What to write, by the words that are no keys."""

OF_KEYS: Mapping[str, str] = {
    "count_from completed": f"{_EXPIRY}; a silence is counted while an enrollment is open",
    "group_by recipient": "each reader is counted alone already; take it out",
    "group_by learner": "a reader's own list or count is there without it; take it out",
    "group_by learner.*": (
        "what says something about a person stays out of the log, and nothing is grouped by it"
    ),
    "on_activate all": "write current",
    "to group": _GROUP,
    **dict.fromkeys(
        ("on weekdays", "on workdays", "on working_days", "on mon_fri"),
        "write [mon, tue, wed, thu, fri]",
    ),
    **dict.fromkeys(("to supervisor", "to boss", "to team_lead"), "write manager"),
    **dict.fromkeys(("to user", "to student", "to employee"), "write learner"),
}
"""What to write instead of a value, by its key and the word."""

EVENTS_MEANT: Mapping[str, str] = {
    "failed not_passed": "write enrollment.completed, and the condition enrollment.passed: false",
    "passed": "write enrollment.completed, and the condition enrollment.passed: true",
    "stalled inactive silent idle": "for a silence write the trigger {stalled_for: 7d}",
    "seat_free seats_available waitlist_freed": (
        "write the trigger {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}"
    ),
}
"""What to write, by the last word of an event that there is not."""

_SYNONYMS = {"done": "completed", "finished": "completed", "completion": "completed"}

FIELDS_MEANT: Mapping[str, str] = {
    "learner.id learner.email learner.user user.id user.email learner.name recipient.name": _PERSON,
    "course.name": "write course.title",
    "event.date event.time event.at": "how long ago it was is event.age, e.g. {lt: 1d}",
    "enrollment.enrolled_at": "how long nothing has happened is enrollment.days_silent",
}
"""What to write, by the whole name of a field that there is not, or not for conditions."""

OPERATORS_MEANT: Mapping[str, str] = {
    "not_contains contains_none excludes not_contain does_not_contain has_not": "not_contains",
    "not_contains_any": "not_contains_any",
    "nin not_one_of none_of notin": "not_in",
    "equals equal is = ==": "eq",
    "neq not_equal not_equals is_not isnt not != <>": "ne",
    "> more more_than greater greater_than above over after since": "gt",
    ">= min minimum at_least from": "gte",
    "< less less_than below under before": "lt",
    "<= max maximum at_most until up_to": "lte",
    "between range": "gte and lte",
    "starts_with startswith begins_with prefix ends_with endswith suffix like regex": "matches",
    "pattern glob wildcard": "matches",
    "has have includes include including": "contains",
    "has_any any any_of one_of contains_one includes_any": "contains_any",
    "has_all all all_of includes_all": "contains_all",
    "exists known present is_set set": "empty: false",
    "missing null none is_null is_empty unknown absent not_set": "empty: true",
}
"""The operators that other words stand for."""

DENIES: Mapping[str, str] = {
    **NEGATIONS,
    "not_contains": "contains",
    "not_contains_any": "contains_any",
}
"""The operator of which one is the negation, also where there is no such negation."""

INSTEAD: Mapping[str, tuple[str, ...]] = {
    "eq": ("contains",),
    "in": ("contains_any", "eq"),
    "contains": ("eq",),
    "contains_any": ("in", "eq"),
    "contains_all": ("contains", "eq"),
    "matches": ("contains", "in"),
}
"""What comes nearest to an operator where a field does not take it."""


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: what for words, what in table.items() for word in words.split()}


_WISHES, _KEYS, _EVENTS, _FIELDS, _OPERATORS = map(
    _by_word, (WISHES, KEYS_MEANT, EVENTS_MEANT, FIELDS_MEANT, OPERATORS_MEANT)
)
_READABLE = {name: name.rpartition(".")[2] for name, each in FIELDS.items() if each.in_conditions}
_LAST_WORDS = Counter(_READABLE.values())
_BY_LAST_WORD = {last: name for name, last in _READABLE.items() if _LAST_WORDS[last] == 1}


def wish(word: str, key: str = "") -> str:
    """Say what to write for a word, as the value of a `key` if it is one; nothing if unknown."""
    word = word.strip().lower().replace("-", "_").replace(" ", "_")
    inner = f"{key} {word.partition('.')[0]}.*" if "." in word else f"{key} {word}"
    found = OF_KEYS.get(inner) or _WISHES.get(word)
    return f"; {found}" if found else ""


def key_wish(key: str) -> str:
    """Say what to write for an unknown key."""
    meant = _KEYS.get(key.lower())
    return f"; {meant}" if meant else trigger_wish(key)


def trigger_wish(key: str) -> str:
    """Say what to write for a key that is no trigger's, also where it is an event or a field."""
    if key in EVENTS:
        return f"; it is an event: trigger: {{event: {key}}}"
    return "; it is a field, and stands under 'conditions'" if key in FIELDS else wish(key)


def event_wish(event: str) -> str:
    """Say what to write for an event that there is not: the nearest, or another construct."""
    last = event.lower().rpartition(".")[2]
    if last in _EVENTS:
        return f"; {_EVENTS[last]}"
    happened = last if "." in event else last.rpartition("_")[2]
    named = f"enrollment.{_SYNONYMS.get(happened, happened)}"
    near = hint(event, EVENTS)
    if named in EVENTS and named not in near:
        return f"; write {named}"
    return near or wish(last)


def field_wish(name: str) -> str:
    """Say what to write for a field that there is not, or not for conditions."""
    last = name.rpartition(".")[2].lower()
    if name in _FIELDS:
        return f"; {_FIELDS[name]}"
    if name in EVENTS:
        status = f"; enrollment.status: {last} asks how it stands" if last in STATUSES else ""
        return f"; it is an event, for a trigger{status}"
    if name in _BY_LAST_WORD:
        return f"; did you mean '{_BY_LAST_WORD[name]}'?"
    return wish(last)


def operator_wish(word: str, field: Field) -> str:
    """Say how a field is asked for what an operator, or a word like one, means."""
    allowed = OPERATORS[field.type]
    meant = _OPERATORS.get(word.lower(), word)
    if field.type == "time" and meant in ("eq", "in"):
        return "; write gte, and lt with the day after"
    denied = DENIES.get(meant) if meant not in allowed else None
    if denied:
        positive = _nearest_of(denied, allowed)
        value = "[…]" if positive in LISTS else "…"
        return f"; write none: [{{{field.name}: {{{positive}: {value}}}}}]" if positive else ""
    if meant != word and meant.partition(":")[0].partition(" ")[0] in allowed:
        return f"; write {meant}"
    instead = _nearest_of(meant, allowed)
    return f"; write {instead}" if instead else ""


def _nearest_of(operator: str, allowed: tuple[str, ...]) -> str:
    near = (operator, *INSTEAD.get(operator, ()))
    return next((each for each in near if each in allowed), "")
