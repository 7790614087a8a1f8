"""A sample of the fuzzing, the same inputs each time; whole in `python -m tests.reliability`."""

from pathlib import Path

import pytest

from tests.reliability.fuzz.csv_files import CSV
from tests.reliability.fuzz.door import DOOR
from tests.reliability.fuzz.rule_files import RULES
from tests.reliability.fuzz.target import Target
from tests.reliability.fuzz.templates import TEMPLATES

TARGETS = {"door": DOOR, "rules": RULES, "templates": TEMPLATES, "csv": CSV}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_what_comes_is_kept_or_refused_with_a_reason(tmp_path: Path, target: Target) -> None:
    outcomes = target.fuzz(tmp_path, number=1, examples=50)["outcomes"]
    assert len(outcomes) > 1, "all of it came to the same end: this has shown little"
