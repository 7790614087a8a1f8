"""`make bench`: what a measurement needs is said before anything is built."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="samples come from /proc")
def test_a_short_soak_samples_the_service_and_misses_no_letter_and_no_mail() -> None:
    """Whether memory keeps still is for a long one to say, and what its exit code is for."""
    found = bench("soak", "--minutes", "0.1")
    assert found.returncode in (0, 1), found.stderr
    samples = re.findall(r"(?m)^ +\d+\.\d(?: +[\d.,]+){12} *$", found.stdout)
    assert len(samples) >= 10, found.stdout
    for nothing in ("letters refused, of ", "mails missing or twice, of ", "fsck "):
        assert re.search(rf"(?m)^ {nothing}.* 0 +0: yes", found.stdout), found.stdout
    for judged in ("memory in the second half", "descriptors", "ledger and views, second half"):
        assert re.search(rf"(?m)^ {judged}.*: (yes|short of it)", found.stdout), found.stdout
