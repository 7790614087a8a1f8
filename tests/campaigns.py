"""Campaigns: tests that try many moments, orders or examples, by the clock or by chance.

`make test` runs each at the length of a sample; `make faults` runs them alone, at full length.
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

WHOLE = os.environ.get("CAMPAIGNS") == "whole"
SAMPLE = 8
"""One of so many examples is a sample."""

campaign = pytest.mark.faults


def without_sample(test: Any) -> Any:
    """Leave it to `make faults`: not even a sample of it is quick."""
    return campaign(pytest.mark.whole(test))


def length(whole: int, sample: int | None = None) -> int:
    """Return how often to try here: all times, or those of the sample."""
    return whole if WHOLE else sample or whole // SAMPLE


def fuzz(examples: int) -> Callable[[Any], Any]:
    """Try a property of hypothesis on so many examples, or on a sample of them."""

    def tried(test: Any) -> Any:
        return campaign(settings(max_examples=length(examples), deadline=None)(test))

    return tried
