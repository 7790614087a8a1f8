"""A backtest tells what the service did with the same rules: who, what, and at which moment.

The suite tries a few histories, the same each time. `CONFORMANCE=2000 python -m pytest
tests/simulation/test_backtest_is_live.py` tries so many, longer ones and others each time, and
makes the one that fails small.
"""

import os

from hypothesis import HealthCheck, Phase, given, settings

from tests.simulation.conformance import Past, differences, told
from tests.simulation.generated_histories import pasts

CAMPAIGN = int(os.environ.get("CONFORMANCE", "0"))
SUITE = 80
PHASES = (Phase.generate, Phase.shrink) if CAMPAIGN else (Phase.generate,)


@settings(
    max_examples=CAMPAIGN or SUITE, derandomize=not CAMPAIGN, deadline=None, database=None,
    phases=PHASES, suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
)  # fmt: skip
@given(pasts(days=7, letters=60) if CAMPAIGN else pasts())
def test_whatever_the_rules_and_whatever_happened(past: Past) -> None:
    found = differences(past)
    assert not found, "\n".join([*found, told(past)])
