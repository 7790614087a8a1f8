"""A sample of chaos on PostgreSQL: every letter is decided once, whoever dies meanwhile.

The whole is a part of `python -m tests.reliability`.
"""

from pathlib import Path

import pytest

from tests.postgres import HOW, binaries
from tests.reliability.chaos import HITS
from tests.reliability.chaos_round import play_chaos
from tests.reliability.journal import OK, Journal
from tests.reliability.page import figures

pytestmark = pytest.mark.timeout(240)
SAMPLE = len(HITS)
"""One of each kind."""


@pytest.mark.skipif(binaries() is None, reason=HOW)
def test_hits_on_a_fleet_lose_nothing_and_make_nothing_twice(tmp_path: Path) -> None:
    """Its rows are those of one undisturbed run on SQLite, and each mail came once."""
    found = play_chaos(tmp_path, seed=4, hits=SAMPLE, quiet=0.2, clients=2)
    assert found["letters"] and found["faults"] == dict.fromkeys(HITS, 1)
    assert found["took"].keys() == HITS.keys()


def test_the_page_says_how_long_it_took(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number, seconds in enumerate((0.5, 1.5, 4.0), start=1):
        took = {"faults": {"worker killed": 1}, "took": {"worker killed": [seconds]}}
        found = {**took, "verdict": OK, "rows": 2, "missing": 0, "rates": [100, 90]}
        journal.write("postgresql", 1, number, found)
    page = figures(journal.rounds())
    assert f"| worker killed | {HITS['worker killed'].words} | 3 | 1.5 | 4.0 |" in page
    assert "| 1 | 3 | 3 | 0 | 0 | 0 | 0 | 0 | 6 | 0 | 0 | 0.90 |" in page
