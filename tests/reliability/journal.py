"""The journal of campaigns: one JSON line for each round that came to its end, good or bad."""

import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.installation import ROOT

FOLDER = Path(os.environ.get("FAULTS_FOLDER", ROOT / ".faults"))
OK = "ok"


def code() -> str:
    """The commit that is tried, with a mark of what is not committed."""
    commit = _git("rev-parse", "--short=10", "HEAD").strip() or "no commit"
    changed = _git("diff", "HEAD", "--", "service", "tests", "templates")
    return f"{commit}+{hashlib.sha256(changed.encode()).hexdigest()[:8]}" if changed else commit


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout


class Journal:
    """Rounds of this code in this folder, and of other code before it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = folder / "journal.jsonl"
        self.code = code()

    def rounds(self) -> list[dict[str, Any]]:
        """All rounds; a line that a crash of the campaign itself cut short is none."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        return [found for line in lines if (found := _round(line))]

    def next_round(self, part: str, seed: int) -> int:
        """The number of the first round, from 1, that this code has not been through."""
        mine = (self.code, part, seed)
        done = [r["round"] for r in self.rounds() if (r["code"], r["part"], r["seed"]) == mine]
        return max(done, default=0) + 1

    def write(self, part: str, seed: int, number: int, found: dict[str, Any]) -> None:
        head = {
            "part": part, "seed": seed, "round": number, "code": self.code,
            "host": f"{platform.system()} {platform.release()}, {os.cpu_count()} cores",
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip
        with self._file.open("a") as file:
            file.write(json.dumps({**head, **found}) + "\n")


def _round(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
