"""SECURITY.md names files that are there."""

import re

from tests.installation import ROOT


def test_every_guard_and_test_it_names_is_there():
    named = set(re.findall(r"`((?!\.)[\w/]+/\w+\.py)`", (ROOT / "SECURITY.md").read_text()))
    missing = [
        n for n in named if not any((ROOT / top / n).exists() for top in ("service", "tests"))
    ]
    assert named and not missing
