"""Mistakes of YAML: what the parser found, in plain words, at one place."""

import pytest

from tests.rules.language.rule_files import problems

MISTAKES = {
    "a colon in a text": (
        "version: 1\ndescription: a: b\n",
        "2:15: a ': ' is not expected here; check the indent or quote",
    ),
    "a quote never closed": (
        'version: 1\na: "abc\n',
        "2:4: a quote is opened and never closed",
    ),
    "a bracket never closed": (
        "version: 1\na: [b\n",
        "2:4: a { or [ is opened and never closed",
    ),
    "a bracket closed by another": (
        "a: [b}\n",
        "1:6: a comma or a closing bracket is missing before this",
    ),
    "a comma left out": (
        "version: 1\na: {b: c d: e}\n",
        "2:11: a comma or a closing bracket is missing before this",
    ),
    "a key without a colon": (
        "version: 1\nrules\n",
        "2:1: expected 'key: value'; a ':' is missing",
    ),
    "a path in double quotes": (
        'version: 1\na: "C:\\data"\n',
        "2:8: this \\ means nothing in double quotes; use single quotes",
    ),
    "an indent between two": (
        "version: 1\nrules:\n  - id: a\n   mode: live\n",
        "4:4: this line does not fit here; check its indent",
    ),
    "an indent after a value": (
        "rules:\n  - id: a\nversion: 1\n  x: 1\n",
        "4:4: a ': ' is not expected here; check the indent or quote",
    ),
    "an indent that ends": (
        "  version: 1\nrules: []\n",
        "2:1: this line does not fit here; check its indent",
    ),
    "an ampersand alone": (
        "a: & b\n",
        "1:5: quote a text that starts with * or &",
    ),
    "a star alone": (
        "a: [*]\n",
        "1:6: quote a text that starts with * or &",
    ),
    "an alias for a key": (
        "*a : 1\n",
        "1:1: aliases are not used here; write it out, or quote a text that starts with *",
    ),
    "a percent sign": (
        "a: %x\n",
        "1:4: this character cannot begin a text; quote the text",
    ),
    "a question mark alone": (
        "a: ? b\n",
        "1:4: this is not YAML; check indent, quotes and brackets here",
    ),
    "text after the end": (
        "version: 1\n...\nrules: []\n",
        "3:1: this line does not fit here; check its indent",
    ),
    "a character of nothing": (
        "version: 1\na: \x00",
        "2:4: a character that cannot be read (U+0000); save the file as UTF-8 text",
    ),
    "a nest of brackets": (
        "[" * 30,
        "1:22: nested too deeply; a rule file needs no more than a few levels",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"rules.yaml:{told}"]
