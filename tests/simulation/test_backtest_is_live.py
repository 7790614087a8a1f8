"""A backtest tells what the service did with the same rules: who, what, and at which moment.

`make test` tries a few histories, the same each time; `make faults` longer ones, and others each
time, and makes the one that fails small.
"""

from hypothesis import HealthCheck, Phase, given, settings

from tests.campaigns import WHOLE, campaign, length
from tests.simulation.conformance import Past, differences, told
from tests.simulation.generated_histories import pasts


@campaign
@settings(
    max_examples=length(150, 80),
    derandomize=not WHOLE,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink) if WHOLE else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
@given(pasts(days=7, letters=60) if WHOLE else pasts())
def test_whatever_the_rules_and_whatever_happened(past: Past) -> None:
    found = differences(past)
    assert not found, "\n".join([*found, told(past)])
