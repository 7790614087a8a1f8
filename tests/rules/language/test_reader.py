"""The reader: good files into rules, and every mistake at its place."""

import hashlib
import math
from pathlib import Path

from service.app.app import SOURCES
from service.rules.calendar import Digest
from service.rules.conditions import AllOf, AnyOf, FieldTest, NoneOf
from service.rules.fields import Sources
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.rule import Entry, RuleSet, Throttle
from service.rules.triggers.channel_failing import ChannelFailingTrigger
from service.rules.triggers.event import EventTrigger
from service.rules.triggers.seat_change import ChangeTrigger
from service.rules.triggers.source_silent import SourceSilentTrigger
from service.rules.triggers.stalled import StalledTrigger
from tests.rules.language.rule_files import FORMS, HEAD, NOTIFY

DEFAULT = Path(__file__).parents[3] / "rules.yaml"
NAMES = (
    "completed", "team_completions", "seat_free", "almost_full", "stalled", "stalled_again",
    "stalled_manager", "feed_silent", "channel_failing",
)  # fmt: skip
TEMPLATES = dict.fromkeys(NAMES, FORMS)

FILLS = {source.name: source.fills for source in SOURCES}
ADOBE = Sources(FILLS, frozenset({"adobe"}))
BOTH = Sources(FILLS, frozenset({"adobe", "community-training"}))
AT_ADOBE = Installed(TEMPLATES, sources=ADOBE)
AT_BOTH = Installed(TEMPLATES, sources=BOTH)


def problems(text: str | bytes, **options: object) -> list[str]:
    arguments = {"environ": {}, "installed": Installed(TEMPLATES), **options}
    return [str(problem) for problem in read_rules(text, **arguments)[1]]  # type: ignore[arg-type]


def rules(text: str, **options: object) -> RuleSet:
    arguments = {"environ": {}, "installed": Installed(TEMPLATES), **options}
    found, told = read_rules(text, **arguments)  # type: ignore[arg-type]
    assert found is not None, told
    return found


def condition(text: str) -> str:
    return f"{HEAD}    conditions:\n      - {text}\n{NOTIFY}"


def test_the_default_file_is_good_for_adobe() -> None:
    assert problems(DEFAULT.read_text(), installed=AT_ADOBE) == []


def test_the_default_file_says_what_it_says() -> None:
    text = DEFAULT.read_text()
    found = rules(text)
    completed, free, full, stalled, quiet, failing = found.rules
    assert completed.trigger == EventTrigger("enrollment.completed")
    assert completed.collapse_ms == 600_000
    assert completed.expires_after_ms == 259_200_000
    assert (completed.bundle_ms, free.bundle_ms, stalled.bundle_ms) == (1_800_000, 0, 1_800_000)
    working_days = Digest("day", 510, (0, 1, 2, 3, 4))
    assert completed.notify == (
        Entry("learner", "email", None, "completed"),
        Entry("manager", "email", None, "team_completions", digest=working_days),
    )
    assert [entry.key for entry in (*completed.notify, *free.notify)] == [
        "to=learner,via=email,template=completed",
        "to=manager,via=email,template=team_completions",
        "post=training-ops,template=seat_free",
        "to=watchers,via=email,template=seat_free",
    ]
    assert free.notify[0].channel == "training-ops"
    assert full.notify[0].throttle == Throttle(1, 43_200_000, ("instance.id",))
    assert [(step.to, step.template, step.after_ms) for step in stalled.escalation] == [
        ("learner", "stalled_again", 604_800_000),
        ("manager", "stalled_manager", 1_209_600_000),
    ]
    assert {entry.window.name for entry in stalled.entries if entry.window} == {"office_hours"}
    assert all(entry.window is None for entry in (*completed.entries, *free.entries))
    assert completed.holds({"enrollment.passed": None}.get)
    assert not completed.holds({"enrollment.passed": False}.get)
    assert quiet.trigger == SourceSilentTrigger(259_200_000)
    assert failing.trigger == ChannelFailingTrigger(1_800_000, "email")
    assert isinstance(free.trigger, ChangeTrigger)
    assert isinstance(full.trigger, ChangeTrigger)
    assert free.trigger.to is not None
    assert free.trigger.to.matches(math.inf)
    assert not free.trigger.to.matches(None)
    assert full.trigger.from_ is None
    assert full.trigger.rearm is not None
    assert not full.trigger.rearm.matches(4)
    assert stalled.trigger == StalledTrigger(604_800_000, "enrolled")
    assert "enrollment.progressed" in stalled.cancel_on
    assert found.channels == {"email": "drawer://", "training-ops": "drawer://"}
    assert found.fingerprint == hashlib.sha256(text.encode()).hexdigest()
    assert text.splitlines()[completed.line - 1] == "  - id: completed"


def test_conditions_are_read_by_the_type_of_their_field() -> None:
    text = f"""{HEAD}    conditions:
      - course.id: 007
      - enrollment.progress: {{gte: 10, lt: 50.5}}
      - enrollment.passed: true
      - enrollment.days_silent: {{gt: 36h}}
      - enrollment.started_at: {{gte: 2026-03-01}}
      - none:
          - learner.locale: {{in: [no, de]}}
          - any:
              - course.tags: {{contains: "1e5"}}
{NOTIFY}"""
    text = text.replace("rules:", "defaults: {timezone: Europe/Berlin}\nrules:", 1)
    expected = (
        FieldTest("course.id", "eq", "007", 10),
        FieldTest("enrollment.progress", "gte", 10, 11),
        FieldTest("enrollment.progress", "lt", 50.5, 11),
        FieldTest("enrollment.passed", "eq", True, 12),
        FieldTest("enrollment.days_silent", "gt", 1.5, 13),
        FieldTest("enrollment.started_at", "gte", 1_772_319_600_000, 14),
        NoneOf(
            (
                FieldTest("learner.locale", "in", ("no", "de"), 16),
                AnyOf((FieldTest("course.tags", "contains", "1e5", 18),), 17),
            ),
            15,
        ),
    )
    conditions = rules(text).rules[0].conditions
    assert conditions == expected
    assert repr(conditions) == repr(expected)  # the lines too, which do not count for equality


def test_several_operators_inside_any_belong_together() -> None:
    found = rules(condition("any: [enrollment.progress: {gt: 1, lt: 2}]"))
    group = found.rules[0].conditions[0]
    assert isinstance(group, AnyOf)
    assert isinstance(group.conditions[0], AllOf)


def test_defaults_hold_where_a_rule_says_nothing() -> None:
    text = (HEAD + NOTIFY).replace("rules:", "defaults: {expires_after: 12h}\nrules:", 1)
    assert rules(text).rules[0].expires_after_ms == 43_200_000
    assert rules(text + "    expires_after: 1d\n").rules[0].expires_after_ms == 86_400_000


def test_every_mistake_is_told_at_once_and_in_order() -> None:
    text = condition("course.tag: x") + "    mode: on\n    nothing: 1\n" + "  - 7\n"
    assert [told.partition(": ")[0] for told in problems(text)] == [
        "rules.yaml:9:9",
        "rules.yaml:11:11",
        "rules.yaml:12:5",
        "rules.yaml:13:5",
    ]


def test_a_field_no_source_fills_is_a_warning() -> None:
    text = condition("enrollment.score: {gte: 50}")
    found, told = read_rules(text, environ={}, installed=AT_ADOBE)
    assert found is not None
    assert [(str(each), each.severity) for each in told] == [
        (
            (
                "rules.yaml:9:9: no configured source fills 'enrollment.score' "
                "(community-training would); its value stays unknown"
            ),
            "warning",
        )
    ]
    assert problems(text, installed=AT_BOTH) == []
    assert problems(text) == []


def test_a_silence_has_no_event_but_a_source() -> None:
    text = condition("event.age: {lt: 1d}").replace(
        "event: enrollment.completed", "stalled_for: 3d"
    )
    assert problems(text) == [
        (
            "rules.yaml:9:9: 'event.age' is not known here; a stalled_for rule can read course.*, "
            "enrollment.*, event.*, instance.*, learner.*, "
            "but not event.age, event.by_admin or event.name"
        )
    ]
    adobe = text.replace("event.age: {lt: 1d}", "event.source: adobe")
    assert problems(adobe) == problems(adobe, installed=AT_ADOBE) == []


def test_a_source_that_is_not_there_is_a_mistake() -> None:
    (told,) = problems(condition("event.source: adboe"), installed=AT_ADOBE)
    assert told.startswith("rules.yaml:9:23: 'adboe' is no event.source; use adobe")
