"""A rule file and a file of tests for it, played by the command in a folder of their own."""

import json
from pathlib import Path
from textwrap import indent
from typing import Any

from click.testing import CliRunner, Result

from service.cli import main

WORDS = {
    "completed/email": ("{{ course.title }} is done", "Hello {{ recipient.name }},\nwell done!"),
    "stalled/email": ("Go on", "{{ course.title }} waits."),
    "seat_free/chat": ("", "A seat in {{ course.title }}"),
    "seat_free/email": ("A seat is free", "{{ instance.id }}"),
    "several/email": (
        "{{ items|length }} of yours",
        "{% for item in items %}{{ item.course.title }}, {% endfor %}",
    ),
    "feed_silent/chat": ("", "{{ event.source }} is silent"),
}
"""Subject and text by template."""

RULES = """\
version: 1
channels: {email: "drawer://", room: "drawer://"}
defaults: {timezone: Europe/Berlin}
time_intervals:
  office: [{weekdays: [mon, tue, wed, thu, fri], from: "08:00", until: "18:00"}]
rules:
"""
CAST = """\
people:
  ada: {name: Ada Lovelace, manager: grace, groups: [staff]}
  grace: {groups: [staff]}
courses:
  safety: {title: Safe driving, tags: [mandatory]}
tests:
"""
ENROLLED = "- {at: 0d, event: enrollment.enrolled, learner: ada, course: safety}"
COMPLETED = "- {at: 1d, event: enrollment.completed, learner: ada, course: safety}"


def scenario(*given: str, name: str = "one", **more: str) -> str:
    """One test; `more` are its other keys as they stand in the file."""
    lines = [f"name: {name}", "given:", *(indent(each, "  ") for each in given)]
    if not given:
        lines[-1] = "given: []"
    lines += [f"{key}: {value}" for key, value in more.items()]
    return "  - " + indent("\n".join(lines), "    ").strip() + "\n"


def command(folder: Path, rules: str, tests: str, *words: str) -> Result:
    """What the command says of these rules and tests."""
    (folder / "rules.yaml").write_text(RULES + rules)
    (folder / "rules.test.yaml").write_text(tests)
    for template, (subject, body) in WORDS.items():
        (folder / "templates" / template).mkdir(parents=True, exist_ok=True)
        (folder / "templates" / template / "subject.txt").write_text(subject)
        (folder / "templates" / template / "body.txt").write_text(body)
    options = ["--rules", str(folder / "rules.yaml"), "--templates", str(folder / "templates")]
    return CliRunner().invoke(main, ["test", *options, *words])


def played(folder: Path, rules: str, *tests: str) -> list[dict[str, Any]]:
    """What came of each test, as a program reads it."""
    result = command(folder, rules, CAST + "".join(tests), "--json")
    assert result.exit_code in (0, 1), result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["files"][0]["tests"]
    return found


def complaints(folder: Path, rules: str, *tests: str) -> list[str]:
    """What is not as expected, and why, a line each."""
    failures = [each for test in played(folder, rules, *tests) for each in test["failures"]]
    return [line for each in failures for line in (each["message"], *each["why"])]
