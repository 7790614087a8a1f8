"""Every mistake in a file of rule tests is told at once, with its place and what was meant."""

from pathlib import Path

import pytest

from service.learners.facts import FactBody
from service.rules.fields import EVENTS
from service.simulation.rule_tests.event_part import FOLLOWS, READ, SAID, carried, said
from tests.installation import DONE
from tests.simulation.rule_test_files import CAST, COMPLETED, command, scenario

TO_ADA = "[{rule: done, to: ada}]"


def mistakes(folder: Path, text: str) -> list[str]:
    """The mistakes, without the name of the file."""
    result = command(folder, DONE, text)
    assert result.exit_code == 2, result.output
    start = f"coursebell: {folder}/rules.test.yaml:"
    assert all(line.startswith(start) for line in result.stderr.splitlines()), result.stderr
    return [line.removeprefix(start) for line in result.stderr.splitlines()]


HEAD = """\
people: {ada: {manager: ada}}
courses: {safety: {}}
tests:
  - name: one
"""
GIVEN = "    given: [{at: 0d, event: enrollment.completed, learner: ada, course: safety%s}]\n"
GOOD = HEAD + GIVEN % "" + "    expect: [{rule: done, to: ada}]\n"
CASES = [
    ("a key of a person", "manager: ada", "manger: ada",
     "1:16: unknown key 'manger'; did you mean 'manager'?"),
    ("a manager who is nobody", "manager: ada", "manager: adda",
     "1:25: no person 'adda' under 'people'; did you mean 'ada'?"),
    ("a zone", "manager: ada", "timezone: Europe/Berln",
     "1:26: unknown time zone 'Europe/Berln'; expected a name like Europe/Berlin; "
     "did you mean 'Europe/Berlin'?"),
    ("a kind", "safety: {}", "safety: {kind: kurs}",
     "2:26: expected course, learning_path or certification, got 'kurs'; "
     "did you mean 'course'?"),
    ("a key of a test", "expect:", "expct:", "6:5: unknown key 'expct'; did you mean 'expect'?"),
    ("an event", "enrollment.completed", "enrollment.complete",
     "5:29: no event 'enrollment.complete'; did you mean 'enrollment.completed'?"),
    ("an event that only follows", "enrollment.completed", "enrollment.result_changed",
     "5:29: expected what leads to it: a second enrollment.completed within a day, with another "
     "passed or score"),
    ("a time", "at: 0d", "at: soon",
     "5:18: expected a duration like 7d, 12h or 1w2d, got 'soon'"),
    ("a learner", "learner: ada", "learner: adda",
     "5:60: no person 'adda' under 'people'; did you mean 'ada'?"),
    ("a course", "course: safety", "course: safty",
     "5:73: no course 'safty' under 'courses'; did you mean 'safety'?"),
    ("no learner", "learner: ada, ", "", "5:13: the key 'learner' is missing"),
    ("no time", "at: 0d, ", "", "5:13: the key 'at' is missing"),
    ("what the event does not carry", "safety}", "safety, pased: true}",
     "5:81: unknown key 'pased' of enrollment.completed; did you mean 'passed'?"),
    ("a value of the event", "safety}", "safety, passed: yes}",
     "5:89: expected true or false, got 'yes'"),
    ("a rule", "rule: done", "rule: dome", "6:21: no rule 'dome'; did you mean 'done'?"),
    ("whom", "to: ada", "to: learner",
     "6:31: no person 'learner' under 'people'; known: ada"),
    ("a template", "to: ada", "template: complete",
     "6:37: no template 'complete' of 'done'; did you mean 'completed'?"),
    ("a room", "to: ada", "post: romm", "6:33: no room 'romm' that 'done' tells"),
    ("no rule", "rule: done, ", "", "6:14: the key 'rule' is missing"),
    ("a start", "    expect:", "    start: today\n    expect:",
     "6:12: expected a time like 2026-03-02 09:00, got 'today'"),
    ("a start with a zone", "    expect:", "    start: 2026-03-02T09:00Z\n    expect:",
     "6:12: expected a time without a zone; it is read in Europe/Berlin"),
    ("nothing expected", "    expect: [{rule: done, to: ada}]\n", "",
     "4:5: say what to expect; 'expect: []' is that nobody is told anything"),
    ("a test that cannot fail", "[{rule: done, to: ada}]", "[]\n    expect_nothing_else: false",
     "7:26: nothing is expected and everything else allowed: this cannot fail"),
    ("a state", "expect: [{rule: done, to: ada}]",
     "expect_skipped: [{rule: done, state: canceled}]",
     "6:42: expected owed, scheduled, waiting_address, held, given_up, cancelled, expired, "
     "suppressed, dropped or shadow, got 'canceled'; did you mean 'cancelled'?"),
    ("a time when nobody was told", "expect: [{rule: done, to: ada}]",
     "expect_skipped: [{rule: done, at: 1d}]",
     "6:35: unknown key 'at'; use rule, to, post, template, state or reason"),
    ("a value left out", "to: ada", "to: ",
     "6:27: 'to' has no value; write one, or take the line out"),
]  # fmt: skip


def test_the_good_one_has_no_mistake(tmp_path: Path) -> None:
    assert command(tmp_path, DONE, GOOD).exit_code == 0


@pytest.mark.parametrize(("right", "wrong", "told"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_one_mistake_is_one_message_with_its_place(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    assert right in GOOD
    assert mistakes(tmp_path, GOOD.replace(right, wrong, 1)) == [told]


def test_an_end_before_the_last_event_is_a_mistake(tmp_path: Path) -> None:
    text = GOOD.replace("at: 0d", "at: 3d") + "    until: 2d\n"
    assert mistakes(tmp_path, text) == ["7:12: the last event is given after this"]


def test_a_name_is_used_once(tmp_path: Path) -> None:
    text = CAST + scenario(COMPLETED, expect=TO_ADA) * 2
    assert mistakes(tmp_path, text) == ["11:11: a test of this name is there already (line 7)"]


def test_an_instance_of_no_known_course_must_say_which(tmp_path: Path) -> None:
    seats = "- {at: 0d, event: instance.seats_changed, instance: hall}"
    assert mistakes(tmp_path, CAST + scenario(seats, expect="[]")) == [
        "9:59: say the course: no event before this one says of which the instance is"
    ]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("manager", "manger").replace("safety: {}", "safety: {titel: x}")
    assert len(mistakes(tmp_path, text.replace("rule: done", "rule: dome"))) == 3


@pytest.mark.parametrize("text", ["", "tests: []", "tests: {}", "- one", "tests: [x]", "{", "\t"])
def test_what_is_no_file_of_tests_is_refused(tmp_path: Path, text: str) -> None:
    assert len(mistakes(tmp_path, text)) == 1


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("tests: ä".encode("latin-1"))
    result = command(tmp_path, DONE, GOOD, str(path))
    assert result.exit_code == 2 and "save the file as UTF-8" in result.stderr


def test_a_rule_file_with_a_mistake_is_not_tried(tmp_path: Path) -> None:
    result = command(tmp_path, DONE.replace("trigger", "triger"), GOOD)
    assert result.exit_code == 2 and "did you mean 'trigger'?" in result.stderr


def test_a_file_that_is_not_there_and_a_name_that_no_test_has_cannot_run(tmp_path: Path) -> None:
    assert "found none" in command(tmp_path, DONE, GOOD, "nowhere.yaml").stderr
    result = command(tmp_path, DONE, GOOD, "-k", "three")
    assert result.exit_code == 2 and "no test has 'three' in its name" in result.stderr


NEVER_GIVEN = {"letter.set_aside", *FOLLOWS}


@pytest.mark.parametrize("event", [name for name in EVENTS if name not in NEVER_GIVEN])
def test_every_event_of_the_registry_can_be_given_with_all_it_carries(event: str) -> None:
    assert {name for kind in SAID.values() for name in kind.__struct_fields__} == READ.keys()
    samples = {"module": "m", "enrollment_source": "s", "passed": "true"}
    values = {key: kind.read(samples.get(key, "7")) for key, kind in carried(event).items()}
    fact: FactBody = said(event, values)
    assert event == fact.TOPIC
    assert all(getattr(fact, name) is not None for name in fact.__struct_fields__)
