"""A reminder is looked at again as it leaves: also at what was not there when it was planned."""

from typing import Any

import pytest

from service.sending.channels.channel import OutgoingMessage
from tests.installation import (
    DAY,
    START,
    STILL,
    Installation,
    PersonRow,
    completed,
    enrolled,
    progressed,
)
from tests.rules.test_done_or_gone import DUE, OTHER, deleted
from tests.sending.test_released import Desk

TEAM = """
  - id: team
    trigger: {stalled_for: 7d}
    notify:
      - {to: manager, via: email, template: team_stalled, digest: {every: day, at: "08:30"}}
"""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def office_of(rules: str, folder: Any, desk: Desk) -> Installation:
    """Two learners who are silent, each enrolled in a session of the course."""
    office = Installation(folder, rules)
    office.app.deliveries["email"]._channel = desk
    names = {"1": "boss@example.org", "2": "boss@example.org", "9": None}
    office.import_people(
        PersonRow(id, name=f"N {id}", email=f"{id}@example.org" if boss else "boss@example.org",
                  manager=boss) for id, boss in names.items()
    )  # fmt: skip
    office.post(enrolled(START, 1), enrolled(START, 2))
    office.tick(START)
    return office


def instead(office: Installation, desk: Desk, happens: Any) -> None:
    """While the first of two messages leaves, this happens to whom the second is for."""

    def meanwhile(outgoing: OutgoingMessage) -> None:
        desk.first = lambda outgoing: None
        assert outgoing.address is not None
        office.post(happens(3 - int(outgoing.address.partition("@")[0])), at=DUE)
        office.app.take(DUE)

    desk.first = meanwhile


@pytest.mark.parametrize(
    "happens",
    [
        lambda user: completed(DUE, user, **OTHER),
        lambda _: deleted(DUE),
        lambda _: deleted(DUE, None),
    ],
)
def test_what_is_done_or_gone_while_the_batch_leaves_is_not_sent(tmp_path, desk, happens):
    with office_of(STILL, tmp_path, desk) as office:
        instead(office, desk, happens)
        office.tick(DUE)
        assert len(desk.sent) == 1
        assert sorted(office.states()) == ["cancelled", "sent"]


def test_what_happens_beside_and_changes_nothing_stops_nothing(tmp_path, desk):
    with office_of(STILL, tmp_path, desk) as office:
        instead(office, desk, lambda user: progressed(DUE, user, 10, **OTHER))
        office.tick(DUE)
        assert len(desk.sent) == 2
        assert office.states() == ["sent", "sent"]


def test_a_list_leaves_out_who_is_done_elsewhere(tmp_path, desk):
    with office_of(TEAM, tmp_path, desk) as office:
        office.tick(DUE)
        office.post(completed(DUE + 1, 1, **OTHER))
        office.tick(DUE + DAY)
        states = sorted((row["trigger"], row["state"]) for row in office.notifications())
        assert states == [
            ("digest", "sent"),
            ("stalled_for", "cancelled"),
            ("stalled_for", "dropped"),
        ]
        assert "N 2" in desk.sent[0].message.text and "N 1" not in desk.sent[0].message.text


def test_a_list_of_whom_all_are_done_is_not_sent(tmp_path, desk):
    with office_of(TEAM, tmp_path, desk) as office:
        office.tick(DUE)
        office.post(deleted(DUE + 1))
        office.tick(DUE + DAY)
        assert desk.sent == []
        assert office.states() == ["cancelled", "cancelled"]
