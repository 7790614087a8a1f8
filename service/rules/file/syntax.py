"""Syntax: what YAML itself refuses, or we do, in words for the owner of a rule file."""

import yaml

_QUOTE = {
    "{{": 'quote a text that holds {{ }}: "{{ … }}"',
    "${": "quote a text that holds ${…} between { } or [ ]",
}

_EXPLAINED = (
    ("'\\t'", "a tab; indent with blanks"),
    ("that cannot start any token", "this character cannot begin a text; quote the text"),
    ("but found ':'", "quote a text that starts with :"),
    ("but found '*'", "quote a text that starts with *"),
    ("but found '&'", "quote a text that starts with &"),
    ("mapping values are not allowed", "a ': ' is not expected here; check the indent or quote"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("but got '<stream end>'", "a { or [ is opened and never closed"),
    ("expected ','", "a comma or a closing bracket is missing before this"),
    ("could not find expected ':'", "expected 'key: value'; a ':' is missing"),
    ("unknown escape character", "this \\ means nothing in double quotes; use single quotes"),
    ("expected <block end>", "this line does not fit here; check its indent"),
    ("expected '<document start>'", "this line does not fit here; check its indent"),
    ("alphabetic or numeric", "quote a text that starts with * or &"),
)


def explained(problem: str, text: str, place: tuple[int, int]) -> str:
    """Say in plain words what the parser found; never repeats more than one character."""
    lines = text.splitlines()
    line = lines[place[0] - 1] if place[0] <= len(lines) else ""
    for sign, hint in _QUOTE.items():
        if sign in line and "\\t" not in problem:
            return hint
    for part, words in _EXPLAINED:
        if part in problem:
            return words
    return "this is not YAML; check indent, quotes and brackets here"


def forbidden(event: yaml.NodeEvent) -> str | None:
    """Say why a part of YAML that rule files do without is refused; None for all the rest."""
    if isinstance(event, yaml.AliasEvent):
        return "aliases are not used here; write it out, or quote a text that starts with *"
    if event.anchor is not None:
        return "anchors are not used here; take it out, or quote a text that starts with &"
    if getattr(event, "tag", None) is not None:
        return "tags are not used here; take it out, or quote a text that starts with !"
    return None


def unprintable(text: str, position: int) -> tuple[tuple[int, int], str]:
    """Place a character that no text file should hold."""
    before = text[:position]
    column = position - (before.rfind("\n") + 1) + 1
    code = f"U+{ord(text[position]):04X}"
    message = f"a character that cannot be read ({code}); save the file as UTF-8 text"
    return (before.count("\n") + 1, column), message
