"""`python -m tests.bugs [WORD]`: plants each bug in a scratch copy and sees the suite turn red."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bugs.bug import Bug
from tests.bugs.planted import BUGS

ROOT = Path(__file__).parent.parent.parent
COPIED = ("service", "tests", "bench", "templates", "rules.yaml", "pyproject.toml")
AT_ONCE = 2
SECONDS = 240


def plant(bug: Bug, folder: Path) -> None:
    """A copy of the project with the bug in it."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    path = folder / bug.file
    text = path.read_text()
    assert text.count(bug.old) == 1, f"{bug.file}: {bug.name!r} does not apply any more"
    path.write_text(text.replace(bug.old, bug.new))


def caught(bug: Bug) -> tuple[Bug, str | None, float]:
    """The test that turned red by a bug; None when every one stayed green."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant(bug, folder)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
             *bug.tests.split()],
            cwd=folder, capture_output=True, text=True, timeout=SECONDS,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )  # fmt: skip
    red = [
        line for line in run.stdout.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))
    ]
    found = red[0].split(" - ")[0].split("::")[-1] if run.returncode == 1 and red else None
    return bug, found, time.monotonic() - begun


def main() -> None:
    """Prints the table; exits with 1 when a bug survives."""
    wanted = [bug for bug in BUGS if all(word in bug.name for word in sys.argv[1:])]
    table = Table("Promise", "Bug", "Turned red by", "Seconds", box=None, pad_edge=False)
    survivors = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for bug, found, seconds in pool.map(caught, wanted):
            survivors += found is None
            shown = found or "[bold red]NOTHING: it survived[/]"
            table.add_row(str(bug.promise), bug.name, shown, f"{seconds:.0f}")
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print(f"{len(wanted)} bugs planted, {survivors} survived")
    raise SystemExit(1 if survivors else 0)


if __name__ == "__main__":
    main()
