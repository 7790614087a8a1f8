"""A mail server, an installation that sends to it, a message, and the shipped templates."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.sending.channels import OutgoingMessage
from service.sending.templates.templates import RenderedMessage, Templates
from tests.installation import ADA, DONE, GRACE, ROOT, Installation
from tests.smtp_sink import SmtpSink


@pytest.fixture(scope="session")
def shipped() -> Templates:
    return Templates(ROOT / "templates")


@pytest.fixture
def outgoing() -> Any:
    """Make a message to Ada; keywords replace what is said here."""

    def made(**changes: Any) -> OutgoingMessage:
        told: dict[str, Any] = {
            "notification": "018f-ada",
            "message_id": "<018f-ada@academy.example>",
            "address": "ada@example.org",
            "name": "Ada Lovelace",
            "message": RenderedMessage("Completed: Logic", "Hello Ada,\n\nwell done.\n", None),
            "sent_at": datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
        }
        return OutgoingMessage(**(told | changes))

    return made


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def office(tmp_path, sink):
    with Installation(tmp_path, DONE, email=sink.url) as office:
        office.import_people([ADA, GRACE])
        yield office
