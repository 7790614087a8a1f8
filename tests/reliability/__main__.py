"""`python -m tests.reliability`: goes on with the campaigns where they were left.

ROUNDS      of each part, counted from 1; those that the journal has for this code are not repeated
SEED        another number makes other rounds
PARTS       of the campaign, with commas between them; without it, all
FAULTS      of the nemesis, with commas between them; without it, all that can be made here
EXAMPLES    of a round of fuzzing
HITS        of a round of chaos on PostgreSQL
LONG=yes    longer spans: SIGSTOP up to 20 seconds, a lock up to 35
FAULTS_FOLDER   where the journal and what is left of bad rounds are; `.faults/` without it

Exits with 1 when a round ended badly. `page` writes the figures into docs/reliability.md.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from tests.postgres import HOW, binaries
from tests.reliability.chaos_round import play_chaos
from tests.reliability.disk import why_no_disk
from tests.reliability.fuzz.csv_files import CSV
from tests.reliability.fuzz.door import DOOR
from tests.reliability.fuzz.rule_files import RULES
from tests.reliability.fuzz.target import Target
from tests.reliability.fuzz.templates import TEMPLATES
from tests.reliability.journal import OK, Journal
from tests.reliability.nemesis import SWEPT, BadRound, play, possible, sweep
from tests.reliability.page import write_page

ROUNDS = int(os.environ.get("ROUNDS", "4"))
SEED = int(os.environ.get("SEED", "1"))
EXAMPLES = int(os.environ.get("EXAMPLES", "100"))
HITS = int(os.environ.get("HITS", "80"))
ROUND_SECONDS = 900
STRIDE = 8
"""A round of `each call` takes every eighth call of a letter's life: 32 rounds take each."""

ENDED = Event()
Part = Callable[[Path, int], dict[str, Any]]


def nemesis(folder: Path, number: int) -> dict[str, Any]:
    wanted = possible()
    if given := os.environ.get("FAULTS"):
        wanted = given.split(",")
    return play(folder, Random(f"{SEED}/{number}").getrandbits(32), wanted)


def each_call(folder: Path, number: int) -> dict[str, Any]:
    turn, action = divmod(number - 1, len(SWEPT))
    return sweep(folder, SWEPT[action], first=1 + turn % STRIDE, stride=STRIDE)


def chaos(folder: Path, number: int) -> dict[str, Any]:
    return play_chaos(folder, Random(f"{SEED}/{number}").getrandbits(32), HITS)


def fuzzed(target: Target, folder: Path, number: int) -> dict[str, Any]:
    return target.fuzz(folder, Random(f"{SEED}/{number}").getrandbits(32), EXAMPLES)


PARTS: dict[str, Part] = {
    "nemesis": nemesis,
    "each call": each_call,
    "postgresql": chaos,
    "fuzz door": partial(fuzzed, DOOR),
    "fuzz rules": partial(fuzzed, RULES),
    "fuzz templates": partial(fuzzed, TEMPLATES),
    "fuzz csv": partial(fuzzed, CSV),
}


def went(journal: Journal, name: str, number: int) -> bool:
    """Play one round and write it down; what is left of a bad one stays in its folder."""
    folder = Path(
        tempfile.mkdtemp(prefix=f"{name.replace(' ', '-')}-{number}-", dir=journal.folder)
    )
    signal.alarm(ROUND_SECONDS)
    try:
        found = {**PARTS[name](folder, number), "verdict": OK}
        shutil.rmtree(folder)
    except Exception as error:
        if ENDED.is_set():
            sys.exit(143)
        (folder / "error.txt").write_text(traceback.format_exc())
        found = {"verdict": str(error)[:500] or "failed", "left": folder.name}
        found["faults"] = error.faults if isinstance(error, BadRound) else {}
    finally:
        signal.alarm(0)
    journal.write(name, SEED, number, found)
    sys.stdout.write(f"{name} {number}: {json.dumps(found)}\n")
    sys.stdout.flush()
    return found["verdict"] == OK


def end(*_: object) -> None:
    """Let go of the disk; the round under way is played again next time."""
    ENDED.set()
    sys.exit(143)


def hang(*_: object) -> None:
    raise TimeoutError(f"the round has not ended in {ROUND_SECONDS} seconds")


def main() -> None:
    journal = Journal()
    if sys.argv[1:] == ["page"]:
        return write_page(journal)
    if reason := why_no_disk():
        sys.stdout.write(f"not everything can be tried here: {reason}\n")
    if not binaries():
        PARTS.pop("postgresql")
        sys.stdout.write(f"not everything can be tried here: {HOW}\n")
    signal.signal(signal.SIGALRM, hang)
    signal.signal(signal.SIGTERM, end)
    wanted = os.environ.get("PARTS", ",".join(PARTS)).split(",")
    well = True
    for number in range(1, ROUNDS + 1):
        for name in wanted:
            if number >= journal.next_round(name, SEED):
                well &= went(journal, name, number)
    raise SystemExit(0 if well else 1)


if __name__ == "__main__":
    main()
