"""A busy day: many owed mails, a server with its hands full, and everything ends right.

`python -m bench busy-day` shows one of full size as it goes on.
"""

from collections.abc import Iterator

import pytest

from bench.busy_day import Day, day
from bench.site import QUICK, Site
from tests.campaigns import campaign, length

MAILS = length(20_000, sample=2_000)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(QUICK, lambda _: None)
    yield site
    site.close()


@campaign
@pytest.mark.timeout(3_600)
def test_a_busy_day_ends_right_in_due_order_paced_and_in_a_flat_memory(site: Site) -> None:
    """5 % are greylisted, 1 % refused, 1 % are of one domain; each 500th mail stalls its server."""
    found: Day = day(site, MAILS)
    assert found.wrong == []
    assert found.overtaken == 0
    assert found.paced <= found.pace
    assert found.connections > 1
    assert found.is_right, found
