"""Syntax: YAML that is broken, hostile, or uses what rule files do without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules.language.reader import read_rules
from tests.rules.language.rule_files import HEAD, NOTIFY, problems

SYNTAX = {
    "an empty file": ("", "1:1: the file is empty; begin it with 'version: 1'"),
    "a list": ("[]", "1:1: expected a mapping of 'key: value' lines; got a list"),
    "a duplicate key": (
        HEAD + NOTIFY + "    id: again\n",
        "9:5: duplicate key 'id' (first at line 6)",
    ),
    "an alias": (
        HEAD + NOTIFY + "    mode: *live\n",
        "9:11: aliases are not used here; write it out, or quote a text that starts with *",
    ),
    "an anchor": (
        HEAD + NOTIFY + "    mode: &a live\n",
        "9:11: anchors are not used here; take it out, or quote a text that starts with &",
    ),
    "a tag": (
        HEAD + NOTIFY + "    mode: !!str live\n",
        "9:11: tags are not used here; take it out, or quote a text that starts with !",
    ),
    "a merge key": (
        HEAD + NOTIFY + "    <<: {mode: live}\n",
        "9:5: '<<' is not used here; write the keys out",
    ),
    "braces": (
        HEAD + NOTIFY + "    description: {{ x }}\n",
        '9:19: a text that starts with {{ must be quoted: "{{ … }}"',
    ),
    "braces and a colon": (
        HEAD + NOTIFY + "    description: Hi {{ x }}: done\n",
        '9:28: quote a text that holds {{ }}: "{{ … }}"',
    ),
    "a variable between braces": (
        "channels: {email: ${X:-drawer://}}",
        "1:20: quote a text that holds ${…} between { } or [ ]",
    ),
    "a wildcard without quotes": ("a: *mand*", "1:9: quote a text that starts with *"),
    "a tab": ("version: 1\nrules:\n\t- x", "3:1: a tab; indent with blanks"),
    "an at sign": ("a: @x", "1:4: this character cannot begin a text; quote the text"),
    "two documents": (
        "version: 1\n---\nrules: []",
        "2:1: one file holds one document; take the line '---' out",
    ),
    "a control character": (
        "version: 1\na: \x07",
        "2:4: a character that cannot be read (U+0007); save the file as UTF-8 text",
    ),
    "a complex key": (
        HEAD + NOTIFY + "    ? [a]\n    : b\n",
        "9:7: a key must be text; a text that starts with { or [ must be quoted",
    ),
    "a long file": ("#" * (1024 * 1024 + 1), "1:1: the file is larger than 1 MiB; take rules out"),
}


@pytest.mark.parametrize("case", SYNTAX)
def test_one_mistake_is_told_once_at_its_place(case: str) -> None:
    text, told = SYNTAX[case]
    assert problems(text) == [f"rules.yaml:{told}"]


def test_bad_utf8_has_a_place() -> None:
    told = "this is not UTF-8; save the file as UTF-8 text"
    assert problems(b"version: 1\nab\xff") == [f"rules.yaml:2:3: {told}"]
    assert problems("version: 1\nab\udcff") == [f"rules.yaml:2:3: {told}"]


@pytest.mark.parametrize("bomb", ["[", "{", "{a: ", "- ", "? ", "[{"])
def test_a_deeply_nested_file_is_refused(bomb: str) -> None:
    assert problems(bomb * 10_000)[-1].endswith(
        "nested too deeply; a rule file needs no more than a few levels"
    )


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert problems("\ufeff" + HEAD + NOTIFY) == []


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t\u00e9\u2028$"), max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    found, told = read_rules(text, environ={})
    assert found is None
    assert told
    assert all(problem.line >= 1 and problem.column >= 1 for problem in told)
