"""docs/glossary.md: its words are in the code, and the words of the code are in it."""

import ast
import fnmatch
import re
from itertools import groupby
from pathlib import Path

from tests.installation import ROOT

DOCS = ROOT / "docs"
ROW = re.compile(r"(?m)^\| \*\*(.+?)\*\* \| (.+?) \| (.+) \|$")
ROWS = ROW.findall((DOCS / "glossary.md").read_text())
NAMES, FILES = re.compile(r"`([\w*]+)`"), re.compile(r"\]\((\S+)\)")
FIVE = ["letter", "fact", "event", "notification", "message"]


def defined_in(file: Path, *kinds: type[ast.AST]) -> list[str]:
    """The public names of a file's own classes, or of what else is asked for."""
    named = (node for node in ast.parse(file.read_text()).body if isinstance(node, kinds))
    return [name for node in named if not (name := getattr(node, "name", "_")).startswith("_")]


def test_it_begins_with_the_five_nouns() -> None:
    assert [word for word, _, _ in ROWS][: len(FIVE)] == FIVE


def files_of(code: str) -> list[Path]:
    """The files that a row links to."""
    return [(DOCS / to).resolve() for to in FILES.findall(code)]


def test_every_word_is_what_the_code_calls_it() -> None:
    wrong = []
    for word, _, code in ROWS:
        files, names = files_of(code), NAMES.findall(code)
        assert files and names, f"{word} is no class and no module"
        there = [defined_in(file, ast.ClassDef, ast.FunctionDef) for file in files]
        wrong += [
            f"{word}: {name}" for name in names if not any(fnmatch.filter(t, name) for t in there)
        ]
        wrong += [
            f"{word}: {file.name}"
            for file, t in zip(files, there, strict=True)
            if not any(fnmatch.filter(t, name) for name in names)
        ]
    assert wrong == []


def test_every_word_has_one_place_and_one_sentence_or_two() -> None:
    words = sorted(word for word, _, _ in ROWS)
    assert [word for word, same in groupby(words) if len(list(same)) > 1] == []
    assert [word for word, means, _ in ROWS if not means.endswith(".") or len(means) > 160] == []


def test_every_public_class_of_learners_and_rules_is_there() -> None:
    said = [
        (file, name) for *_, code in ROWS for file in files_of(code) for name in NAMES.findall(code)
    ]
    missing = [
        f"{file.relative_to(ROOT)}: {name}"
        for wing in ("learners", "rules")
        for file in sorted((ROOT / "service" / wing).rglob("*.py"))
        for name in defined_in(file, ast.ClassDef)
        if not any(file == where and fnmatch.fnmatchcase(name, each) for where, each in said)
    ]
    assert missing == []
