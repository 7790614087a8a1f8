"""Characters that look right and are not, in rule files: named where they stand."""

import pytest

from tests.rules.language.rule_files import HEAD, NOTIFY, problems

GOOD = f"{HEAD}    conditions:\n      - course.title: Safe\n{NOTIFY}"

REFUSED = {
    "a closing quote": (
        ("title: Safe", 'title: "Safe”'),
        "9:23: a quote is opened and never closed",
        'a RIGHT DOUBLE QUOTATION MARK at column 28; write "',
    ),
    "quotes around a key": (
        ("course.title", "“course.title”"),
        "9:9: unknown field '“course.title”'; did you mean 'course.title'?",
        'a LEFT DOUBLE QUOTATION MARK at column 9; write "',
    ),
    "quotes around a truth": (
        ("course.title: Safe", "enrollment.passed: “true”"),
        "9:28: expected true or false, got '“true”'",
        'a LEFT DOUBLE QUOTATION MARK at column 28; write "',
    ),
    "a wide digit": (
        ("course.title: Safe", "enrollment.progress: {gte: 8０}"),
        "9:36: expected a number for 'enrollment.progress', got '8０'",
        "a FULLWIDTH DIGIT ZERO at column 37; write 0",
    ),
    "a wide colon": (
        ("    trigger:", "    trigger："),
        "7:5: unknown key 'trigger： {event'; did you mean 'trigger'?",
        "a FULLWIDTH COLON at column 12; write :",
    ),
    "a wide colon that takes the next line along": (
        ("id: completed", "id： completed"),
        "7:12: a ': ' is not expected here; check the indent or quote",
        "a FULLWIDTH COLON at line 6, column 7; write :",
    ),
    "a wide comma": (
        ("learner, via", "learner， via"),
        "10:31: a comma or a closing bracket is missing before this",
        "a FULLWIDTH COMMA at column 26; write ,",
    ),
    "a dash that begins no item": (
        ("  - id", "  – id"),
        "7:12: a ': ' is not expected here; check the indent or quote",
        "an EN DASH at line 6, column 3; write -",
    ),
    "a hard blank in an indent": (
        ("    trigger", "\u00a0\u00a0\u00a0\u00a0trigger"),
        "8:5: this line does not fit here; check its indent",
        "a NO-BREAK SPACE at line 7, column 1; write a blank",
    ),
    "a byte order mark in the middle": (
        ("rules:", "\ufeffrules:"),
        "5:1: unknown key this text; did you mean 'rules'?",
        "a ZERO WIDTH NO-BREAK SPACE at column 1; take it out",
    ),
    "a letter of another script in a key": (
        ("conditions:", "c\u043enditions:"),
        "8:5: unknown key 'cоnditions'; did you mean 'conditions'?",
        "a CYRILLIC SMALL LETTER O at column 6; write o",
    ),
    "a letter of another script in a role": (
        ("to: learner", "to: le\u0430rner"),
        "10:19: 'to' takes learner, manager, managers_manager, watchers or group:NAME, not "
        "'leаrner'; did you mean 'learner'?",
        "a CYRILLIC SMALL LETTER A at column 21; write a",
    ),
    "a soft hyphen in a name": (
        ("template: completed", "template: comple\u00adted"),
        "10:50: a name takes letters, digits, '-' and '_', 63 at most; got this text",
        "a SOFT HYPHEN at column 56; take it out",
    ),
    "nothing that is seen, in an id": (
        ("id: completed", "id: \u200bcompleted"),
        "6:9: an id takes small letters, digits, '-' and '_', 63 at most; got this text",
        "a ZERO WIDTH SPACE at column 9; take it out",
    ),
    "an event with a wide stop": (
        ("enrollment.completed", "enrollment．completed"),
        "7:22: unknown event 'enrollment．completed'; did you mean 'enrollment.completed'?",
        "a FULLWIDTH FULL STOP at column 32; write .",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_names_the_character_that_is_its_cause(case: str) -> None:
    (plain, written), told, named = REFUSED[case]
    (problem,) = problems(GOOD.replace(plain, written))
    there = f" There is {named}" if told.endswith("?") else f"; there is {named}"
    assert problem == f"rules.yaml:{told}{there}"


HARDLY = "this is hardly the text that is meant; there is"
DOUBTED = {
    "quotes around": ("course.title: “Safe”", f'9:23: {HARDLY} a LEFT DOUBLE QUOTATION MARK at '
                      'column 23; write "'),
    "one of a list": ("course.title: {in: [Safe, ‘x’]}", f"9:35: {HARDLY} a LEFT SINGLE QUOTATION "
                      "MARK at column 35; write '"),
    "a wide digit": ("learner.fields.level: ７", f"9:31: {HARDLY} a FULLWIDTH DIGIT SEVEN at "
                     "column 31; write 7"),
    "a letter of another script": ("course.tags: {contains: m\u0430ndatory}", f"9:33: {HARDLY} a "
                                   "CYRILLIC SMALL LETTER A at column 34; write a"),
    "a soft hyphen": ("course.title: {contains: Safe\u00adty}", f"9:34: {HARDLY} a SOFT HYPHEN at "
                      "column 38; take it out"),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBTED)
def test_a_value_that_is_taken_and_hardly_meant_is_a_warning(case: str) -> None:
    condition, told = DOUBTED[case]
    assert problems(GOOD.replace("course.title: Safe", condition)) == [f"rules.yaml:{told}"]


def test_a_group_in_quotes_of_a_word_processor_is_a_warning() -> None:
    assert problems(GOOD.replace("to: learner", "to: group:“Sales”")) == [
        f'rules.yaml:10:19: {HARDLY} a LEFT DOUBLE QUOTATION MARK at column 25; write "'
    ]


@pytest.mark.parametrize(
    "text",
    ["Don’t panic", "Kurs – A", "Sales\u00a0Team", "安全：入門", "Безопасность", "“Safe” driving"],
)
def test_typography_within_a_value_is_as_people_write(text: str) -> None:
    assert problems(GOOD.replace("Safe", text)) == []


def test_a_note_is_not_taken_for_the_cause() -> None:
    mistake = GOOD.replace("title: Safe", "title: a: b # “note” – see above")
    assert problems(mistake) == [
        "rules.yaml:9:24: a ': ' is not expected here; check the indent or quote"
    ]
