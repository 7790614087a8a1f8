"""`make bench`: what a measurement needs is said before anything is built."""

import subprocess
import sys

from tests.installation import ROOT


def bench(*names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *names],
        cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_without_wrk_the_door_is_skipped_and_says_how_to_get_it() -> None:
    found = bench("door")
    assert found.returncode == 2 and not found.stdout
    assert found.stderr == (
        "bench: door is skipped: it needs wrk, found none; apt-get install wrk, "
        "or brew install wrk\n"
    )
