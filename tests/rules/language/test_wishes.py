"""What people write and the language lacks leads to what to write, never to the opposite."""

import pytest

from service.rules.conditions import OPERATORS
from service.rules.fields import EVENTS, FIELDS
from service.rules.language.model import FileShape
from service.rules.text import nearest
from tests.rules.language.rule_files import problems

FILE = """\
version: 1
channels: {email: drawer://, room: json://host/}
%(top)s
rules:
  - id: a
    trigger: %(trigger)s
%(rule)s
    conditions: [%(condition)s]
    notify:
      - {to: %(to)s, via: email, template: completed%(entry)s}
"""
USUAL = {
    "top": "", "trigger": "{event: enrollment.completed}", "rule": "",
    "condition": "{course.id: x}",
    "to": "learner", "entry": "",
}  # fmt: skip


def told(place: str, text: str) -> str:
    """What is said of a file with this in one place, all of it."""
    text = f"    {text}" if place == "rule" else f", {text}" if place == "entry" else text
    return "\n".join(problems(FILE % {**USUAL, place: text}))


NOT_YET = "Coursebell cannot do that yet"
LEADS = [
    ("entry", "digest: {every: day, on: mon-fri, at: '08:30'}", "write [mon, tue, wed, thu, fri]"),
    ("top", "defaults: {bundle: 30}", "got '30'; write none for no bundle"),
    ("rule", "throttle: {max: 1, per: 1d}", "it stands in an entry of 'notify' or 'escalation'"),
    ("rule", "throtle: {}", "did you mean 'throttle'? it stands in an entry of 'notify' or"),
    ("rule", "count_from: started", "'count_from'; it stands under 'trigger'"),
    ("rule", "weekdays: [mon]", "it stands in an entry of 'time_intervals'"),
    ("rule", "version: 1", "it stands at the top of the file"),
    ("rule", "course.tags: x", "it is a field, and stands under 'conditions'"),
    ("rule", "enrollment.completed: x", "it is an event: trigger: {event: enrollment.completed}"),
    ("rule", "expires: 3d", "did you mean 'expires_after'?"),
    ("rule", "unless: []", "write 'none:' under 'conditions'"),
    ("rule", "except: []", "write 'none:' under 'conditions'"),
    ("rule", "if: []", "what must be true is written under 'conditions'"),
    ("rule", "when: []", "what sets a rule off is its 'trigger'"),
    ("rule", "schedule: daily", "write a digest in an entry"),
    ("rule", "cron: x", "write a digest in an entry"),
    ("rule", "due_date: 3d", f"{NOT_YET}: due dates are not known"),
    ("rule", "holidays: []", f"{NOT_YET}: holidays and dates are not known"),
    ("rule", "max_per_day: 2", "write at_most: {messages: 2, per: day} under 'defaults'"),
    ("entry", "collapse: 10m", "'collapse'; it stands in a rule"),
    ("entry", "every: day", "it stands under 'digest'"),
    ("entry", "cc: manager", "one more entry with a 'to' of its own"),
    ("entry", "subject: Hi", "the words stand in templates/NAME/"),
    ("entry", "digest: {every: day, cron: x}", "write a digest in an entry"),
    ("entry", "digest: {every: day, group_by: [recipient]}", "counted alone already; take it out"),
    ("top", "throttle: {max: 1, per: 1d}", "it stands in an entry of 'notify' or 'escalation'"),
    ("top", "timezone: Europe/Berlin", "it stands under 'defaults'"),
    ("top", "notify: []", "it stands in a rule"),
    ("trigger", "{event: enrollment.completed, count_from: started}", "the trigger 'stalled_for'"),
    ("trigger", "{stalled_for: 3d, from: 3}", "'from' goes with the trigger 'change'"),
    ("trigger", "{stalled_for: 3d, count_from: completed}", f"{NOT_YET}: when a certificate"),
    ("trigger", "{cron: x}", "write a digest in an entry"),
    ("trigger", "{due_in: 3d}", f"{NOT_YET}: due dates are not known"),
    ("trigger", "{event: enrollment.due}", f"{NOT_YET}: due dates are not known"),
    ("trigger", "{event: enrollment.failed}", "the condition enrollment.passed: false"),
    ("trigger", "{event: course.completed}", "write enrollment.completed"),
    ("trigger", "{event: COURSE_COMPLETED}", "write enrollment.completed"),
    ("trigger", "{event: enrollment.stalled}", "write the trigger {stalled_for: 7d}"),
    ("condition", "{enrollment.due_date: x}", f"{NOT_YET}: due dates are not known"),
    ("condition", "{learner.id: x}", "a condition cannot name one person"),
    ("condition", "{learner.name: x}", "a condition cannot name one person"),
    ("condition", "{learner.fields.Team (EU): x}", 'in quotes: learner.fields."Team (EU)"'),
    ("condition", "{learner.department: x}", "a column of the import is learner.fields.NAME"),
    ("condition", "{enrollment.completed: true}", "enrollment.status: completed asks how"),
    ("condition", "{passed: true}", "did you mean 'enrollment.passed'?"),
    ("condition", "{not: []}", "write 'none:' under 'conditions'"),
    ("condition", "{or: []}", "write 'any:' with a list of conditions"),
    ("condition", "{and: []}", "within 'any' write 'all:'"),
    (
        "condition", "{learner.groups: {not_contains: x}}",
        "write none: [{learner.groups: {contains: …}}]",
    ),
    (
        "condition", "{learner.groups: {not_in: [x]}}",
        "write none: [{learner.groups: {contains_any: […]}}]",
    ),
    ("condition", "{learner.groups: {ne: x}}", "write none: [{learner.groups: {contains: …}}]"),
    ("condition", "{learner.groups: {in: [x]}}", "write contains_any"),
    ("condition", "{course.kind: {nin: [x]}}", "write not_in"),
    ("condition", "{enrollment.score: {'>=': 3}}", "write gte"),
    ("condition", "{enrollment.score: {between: [1, 2]}}", "write gte and lte"),
    ("condition", "{learner.locale: {starts_with: de}}", "write matches"),
    ("condition", "{learner.locale: {exists: true}}", "write empty: false"),
    ("condition", "{enrollment.started_at: {eq: 2026-01-01}}", "gte, and lt with the day after"),
    ("to", "cc", "one more entry"),
    ("to", "everyone", "write group:NAME"),
    ("to", "group", "write group:NAME"),
    ("to", "supervisor", "write manager"),
    ("to", "student", "write learner"),
    ("to", "room", "write 'post' with a chat channel"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "text", "lead"), LEADS)
def test_a_wish_leads_to_what_to_write(place: str, text: str, lead: str) -> None:
    assert lead in told(place, text)


OPPOSITES = [
    ("not_contains", "contains"), ("ncontains", "contains"), ("notempty", "empty"),
    ("enabled", "disabled"), ("min_items", "max_items"), ("incomplete", "completed"),
    ("enrollment.uncompleted", "enrollment.completed"), ("unescalate", "escalate"),
    ("enrollment.not_passed", "enrollment.passed"), ("max_lte", "max_gte"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "opposite"), OPPOSITES)
def test_no_word_is_taken_for_its_opposite(word: str, opposite: str) -> None:
    assert nearest(word, [opposite]) is None
    assert nearest(opposite, [word]) is None


@pytest.mark.parametrize(
    ("word", "known"),
    [("enrollment.due_date", FIELDS), ("learner.id", FIELDS), ("course_done", EVENTS),
     ("enrollment.due", EVENTS), ("neq", ("eq",))],
)  # fmt: skip
def test_what_is_near_in_letters_alone_is_not_proposed(word: str, known: object) -> None:
    assert nearest(word, known) is None  # type: ignore[arg-type]


def test_every_known_word_is_found_under_a_slip_of_the_pen() -> None:
    words = {*FIELDS, *EVENTS, *(name for names in OPERATORS.values() for name in names)}
    for word in (word for word in words if len(word.rpartition(".")[2]) > 4):
        assert nearest(word[:-2] + word[-1] + word[-2], words) == word or word[-1] == word[-2]


def test_every_key_of_the_language_is_led_to_from_the_top_of_the_file() -> None:
    own = FileShape.keys()
    for key, place in FileShape.places().items():
        if key not in own:
            assert f"unknown key '{key}'; it stands {place}" in told("top", f"{key}: x")
