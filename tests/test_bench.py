"""`make bench`: what a measurement needs is said before anything is built."""

import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.__main__ import NOTHING_TO_MEASURE, measurable
from bench.postgresql import measure as postgresql
from bench.site import QUICK, Site
from tests.campaigns import without_sample
from tests.installation import ROOT
from tests.postgres import HOW, binaries

TINY = replace(QUICK, log_rows=0, letters_a_round=40, rounds=1, take_overs=1, seconds=0.4)


def bench(*names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *names],
        cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def site() -> Iterator[Site]:
    """A small one; the garbage of this process is collected afterwards as before."""
    site, thresholds = Site(TINY, lambda _: None), gc.get_threshold()
    yield site
    site.close()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_without_wrk_the_door_is_skipped_and_says_how_to_get_it() -> None:
    found = bench("door")
    assert found.returncode == 2 and not found.stdout
    assert found.stderr == (
        "bench: door is skipped: it needs wrk, found none; apt-get install wrk, "
        "or brew install wrk\n"
    )


def test_without_postgresql_it_is_skipped_and_says_how_to_have_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgresql, "binaries", lambda: None)
    with pytest.raises(SystemExit) as ended:
        measurable(["postgres"])
    assert ended.value.code == NOTHING_TO_MEASURE
    assert capsys.readouterr().err == (
        "bench: postgres is skipped: it needs PostgreSQL, found none; apt-get install postgresql, "
        "or put `initdb` and `postgres` on PATH\n"
    )


@pytest.mark.skipif(binaries() is None, reason=HOW)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="costs come from /proc")
@without_sample
def test_everything_of_postgresql_is_measured_beside_its_floors(site: Site) -> None:
    """How good the figures are is for a long run on a machine at rest to say."""
    rows = postgresql.measure(site)
    aims = [row.aim for row in rows if row.reached is not None]
    copy, doors = "0.15 (0.20 is next)", ["0.40", "0.40", "50 ms", "50 ms"]
    shared = [copy, "1.5 at rest", "≤ 1.2", "≤ 20 µs"]
    assert aims == ["0.30", copy, "0.90", *shared, *doors, "1 s"]
    for row in rows:
        may_be_none = "in vain" in row.what or "PostgreSQL's CPU" in row.what
        assert all(value > 0 or may_be_none for value in [*row.values, *row.floors]), row
        assert row.values or row.ratios, row
        assert row.cpu or "/s" not in row.unit, row


@without_sample
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
