"""Lets these tests import the sink beside this folder, and gives them the shipped templates."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from service.sending.channels import Parcel
from service.sending.rendering import Message, Templates

ROOT = Path(__file__).parents[2]


def pytest_configure(config: pytest.Config) -> None:
    # apprise 2.2 imports a PGP library that imports imghdr, which Python 3.13 drops.
    config.addinivalue_line("filterwarnings", "ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture(scope="session")
def shipped() -> Templates:
    return Templates(ROOT / "templates")


@pytest.fixture
def parcel() -> Any:
    """Make a parcel to Ada; keywords replace what is said here."""

    def made(**changes: Any) -> Parcel:
        told: dict[str, Any] = {
            "notification": "018f-ada",
            "message_id": "<018f-ada@academy.example>",
            "address": "ada@example.org",
            "name": "Ada Lovelace",
            "message": Message("Completed: Logic", "Hello Ada,\n\nwell done.\n", None),
            "sent_at": datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
        }
        return Parcel(**(told | changes))

    return made
