"""The surface: commands as a person types them, and their output without what may differ."""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from service import __version__
from service.cli import main
from tests.installation import MINUTE, ROOT

OURS = "COURSEBELL_"
ENVIRON = {
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "TZ": "UTC",
    "COURSEBELL_TEMPLATES": str(ROOT / "templates"),
}
DURATIONS = (
    (re.compile(r'("seconds": )[\d.]+'), r"\1SECONDS"),
    (re.compile(r"\([\d,]+ a second\)"), "(RATE a second)"),
    (re.compile(r"\b(in |took )[\d.]+ (m?s)\b"), r"\1SECONDS \2"),
    (re.compile(r"(\d\d:\d\d):\d\d(?:\.\d+)?Z"), r"\1:00Z"),
)
"""What takes time; so long as everything happens at whole minutes, seconds are such a duration."""
MOMENT = re.compile(r"\b1[78]\d{11}\b")


def typed(*words: str, stdin: bytes = b"", **environ: str) -> str:
    """Run one command in this process, and give its whole output and how it ended."""
    found = _run(words, stdin, environ)
    told = f"{found.stdout}\n[stderr]\n{found.stderr}" if found.stderr else found.stdout
    return f"$ coursebell {' '.join(words)}\n{told.rstrip()}\n[exit {found.exit_code}]\n"


def printed(*words: str, **environ: str) -> str:
    """Run one command that must end well, and give what it prints."""
    found = _run(words, b"", environ)
    assert found.exit_code == 0, found.output
    return found.stdout


def _run(words: Sequence[str], stdin: bytes, environ: Mapping[str, str]) -> Result:
    env: dict[str, str | None] = {**ENVIRON, **environ}
    found = CliRunner(env=env).invoke(main, words, input=stdin)
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def by_name(parts: Mapping[str, object]) -> str:
    """Write each part of a long document on a line of its own, in its own order."""
    return "".join(
        f"{key}: {json.dumps(each, ensure_ascii=False)}\n" for key, each in parts.items()
    )


def normalised(text: str, folder: Path) -> str:
    """Take out what differs from one machine, moment or version to the next."""
    for known, name in ((folder, "FOLDER"), (ROOT, "ROOT"), (__version__, "VERSION")):
        text = text.replace(str(known), name)
    for pattern, instead in DURATIONS:
        text = pattern.sub(instead, text)
    return MOMENT.sub(lambda found: str(int(found[0]) // MINUTE * MINUTE), text)


@contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """Stand in a folder, in UTC, without the settings of whoever runs the tests."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(OURS)]:
        del os.environ[name]
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        with chdir(folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        time.tzset()
