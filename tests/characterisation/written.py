"""What is written: rule files that are checked, the schemas, the settings and every help text."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import yaml

from service.cli import main
from tests.characterisation.surface import OURS, by_name, printed, typed
from tests.installation import ROOT

GIVEN = Path(__file__).parent / "given"
TEMPLATES = ("completed", "team_completion", "seat_free", "almost_full", "stalled", "many")
FORMS = {"email": ("subject.txt", "body.txt"), "chat": ("body.txt",)}
SETTING = re.compile(r"^\| `COURSEBELL_([\w<>]+)` ", re.MULTILINE)
SOURCES = ("ADOBE_", "COMMUNITY_TRAINING_", "SUNBIRD_")
TOO_LARGE = 1 << 20
IN_FULL = ("many mistakes at once", "a channel of no known sort", "a field that no source fills")


def small_templates(folder: Path) -> Path:
    """Lay out templates of a line each; one only for mail, and one for digests."""
    for name in (*TEMPLATES, "mail_only"):
        for form in FORMS if name != "mail_only" else ("email",):
            place = folder / "small" / name / form
            place.mkdir(parents=True)
            for part in FORMS[form]:
                (place / part).write_text("{{ items|length }}" if name == "many" else "Hello")
    return folder / "small"


def checked(folder: Path) -> Iterator[tuple[str, str]]:
    """Check our own rule file, and every one with mistakes, beside a few small templates."""
    for form in ("text", "json", "github"):
        words = ("check", "--rules", str(ROOT / "rules.yaml"), "--format", form)
        yield f"own_rules.{form}", typed(*words)
    small = small_templates(folder)
    texts = yaml.safe_load((GIVEN / "bad_rules.yaml").read_text())
    files = {**texts, "no UTF-8": b"version: \xff", "too large": b"#" * (TOO_LARGE + 1)}
    told = [f"=== {name}\n{_check(text, small)}" for name, text in files.items()]
    yield "mistakes.txt", "\n".join(told)
    for form in ("json", "github"):
        told = [f"=== {name}\n{_check(texts[name], small, form)}" for name in IN_FULL]
        yield f"mistakes.{form}.txt", "\n".join(told)
    yield "templates.txt", _templates_with_mistakes(small)


def _check(text: str | bytes, templates: Path, form: str = "text") -> str:
    Path("rules.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    opened = {"COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED": "true"}
    return typed("check", "--format", form, COURSEBELL_TEMPLATES=str(templates), **opened)


def _templates_with_mistakes(small: Path) -> str:
    """Check templates that do not compile, read what is not there, or say too much."""
    wrong = ("{{ curse.title }}", "{% if %}", "{{ course.title|shout }}", "{% import 'x' %}",
             "{{ recipient.__class__ }}", "{{ course.title")  # fmt: skip
    good = yaml.safe_load((GIVEN / "bad_rules.yaml").read_text())["a field that no source fills"]
    body = small / "stalled" / "email" / "body.txt"
    told = []
    for text in wrong:
        body.write_text(f"Hello\n{text}\n")
        told.append(f"=== {text}\n{_check(good, small)}")
    return "\n".join(told)


def schemas(_: Path) -> Iterator[tuple[str, str]]:
    """Print both schemas, a line for each definition; without rules only what differs then."""
    own = ("--rules", str(ROOT / "rules.yaml"))
    rules = _by_definition(printed("schema", *own))
    bare = _by_definition(printed("schema", "--rules", "none.yaml"))
    yield "rules.txt", by_name(rules)
    yield "tests.txt", by_name(_by_definition(printed("schema", "--tests", *own)))
    yield "without_rules.txt", by_name({k: v for k, v in bare.items() if rules.get(k) != v})


def _by_definition(schema: str) -> dict[str, object]:
    whole = json.loads(schema)
    return whole.pop("definitions", {}) | {f"[{key}]": each for key, each in whole.items()}


def helps(_: Path) -> Iterator[tuple[str, str]]:
    """Print the help of every command."""
    yield "help.txt", "\n".join(typed(*words, "--help") for words in _commands(main, ()))


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(each, (*words, name))


def settings(_: Path) -> Iterator[tuple[str, str]]:
    """Set every documented setting to nonsense, and every name beside a documented one."""
    rows = SETTING.findall((ROOT / "docs" / "settings.md").read_text())
    names = [row.replace("<SOURCE>_", each) for row in rows for each in _sources_of(row)]
    skipped = ("TEMPLATES", "RULES", "DATA")
    nonsense = {OURS + name: "\N{SNOWMAN} ?" for name in names if name not in skipped}
    yield "names.txt", "\n".join(names) + "\n"
    yield "nonsense.txt", typed("check", **nonsense)
    yield "unknown.txt", typed("check", **{f"{OURS}{name}X": "1" for name in names})
    yield (
        "alone.txt",
        "\n".join(
            f"=== {name}\n" + typed("check", **{OURS + name: "\N{SNOWMAN} ?"})
            for name in names
            if name.startswith(("KAFKA", "SERVICEBUS", "SUNBIRD"))
        ),
    )


def _sources_of(row: str) -> tuple[str, ...]:
    return SOURCES if "<SOURCE>" in row else ("",)
