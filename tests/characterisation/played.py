"""What is played: rule tests that pass and fail, letters that are tried, messages previewed."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.characterisation.surface import typed
from tests.characterisation.written import GIVEN, small_templates
from tests.installation import HOUR, ROOT, START, body, completed, enrolled, seats, unenrolled

RULES = str(GIVEN / "academy.yaml")
SMALL = str(GIVEN / "small.yaml")
CHANNELS = {"COURSEBELL_EMAIL_URL": "drawer://", "COURSEBELL_CHAT_URL": "drawer://"}
EIGHT = {"course": "course:8", "session": "course:8_1"}
TODAY = re.compile(r"  at (?!2026-11-16)[\d-]+ [\d:]+Z(?=, where)")
"""The moment at which a letter without events is tried."""
LETTERS = (
    ("free", body(seats(START, 10), seats(START + HOUR, 9))),
    ("free", body(seats(START, 8), seats(START + HOUR, 7))),
    ("scarce", body(*(seats(START + n * HOUR, taken) for n, taken in enumerate((3, 8, 7, 9))))),
    ("done", body(completed(START, 77), completed(START + 1, 78, False, **EIGHT))),
    ("done", body(completed(START, 77), unenrolled(START + 1, 77))),
    ("strict", body(completed(START, 77, **EIGHT), enrolled(START, 78))),
    ("begun", body(enrolled(START, 77))),
    ("tried", b"{"),
    ("tried", body()),
    ("still", body(enrolled(START, 77))),
    ("aside", body(enrolled(START, 77))),
    ("dome", body(enrolled(START, 77))),
)
PREVIEWS = ("completed", "completed --locale de", "team_completions", "stalled_manager",
            "seat_free", "feed_silent --form chat", "letter_set_aside", "complted")  # fmt: skip


def played(folder: Path) -> Iterator[tuple[str, str]]:
    """Play rule tests, try letters and preview messages."""
    own = ("test", "--rules", str(ROOT / "rules.yaml"))
    yield "own_tests.txt", typed(*own, "-k", "completion")
    yield "own_tests.json.txt", typed(*own, "--json")
    failing = ("test", "--rules", RULES, str(GIVEN / "failing.test.yaml"))
    yield "failing.txt", typed(*failing, **CHANNELS)
    yield "failing.json.txt", typed(*failing, "--json", **CHANNELS)
    yield "mistakes.txt", _mistakes(folder)
    environ = {"COURSEBELL_RULES": RULES, **CHANNELS}
    tried = [typed("try", rule, "--event", "-", stdin=sent, **environ) for rule, sent in LETTERS]
    yield "try.txt", TODAY.sub("  at TODAY", "\n".join(tried))
    environ = {"COURSEBELL_RULES": str(ROOT / "rules.yaml")}
    yield "preview.txt", "\n".join(typed("preview", *each.split(), **environ) for each in PREVIEWS)


def _mistakes(folder: Path) -> str:
    """Refuse files of rule tests that have mistakes."""
    small, told = small_templates(folder), []
    for name, text in yaml.safe_load((GIVEN / "bad_tests.yaml").read_text()).items():
        file = folder / "bad.test.yaml"
        file.write_text(text)
        said = typed("test", "--rules", SMALL, "--templates", str(small), str(file))
        told.append(f"=== {name}\n{said}")
    return "\n".join(told)
