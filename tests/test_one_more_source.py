"""Adding a feed is one file and one line: a made-up source works everywhere once it is listed."""

from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from service.api import AsgiApplication
from service.app import app as wiring
from service.incoming.group_commit import GroupCommit
from service.incoming.sources.source import Item, Source
from service.learners.facts import AT_ONCE, Completed, Fact, fact_key
from tests.installation import START, Installation

RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    conditions:
      - event.source: quiet-school
    notify:
      - {post: room, template: seat_free}
"""


class QuietSchool(Source):
    """What stands in the one file."""

    name = "quiet-school"
    fills = frozenset({"instance.id"})
    timing = AT_ONCE

    def wants(self, body: bytes) -> bool:
        return True

    def read(self, body: bytes, received_at: int) -> list[Item]:
        told = msgspec.json.decode(body)
        key = fact_key(("quiet-school", told["course"]), body)
        return [
            Fact(
                source="quiet-school", account="", name="DONE", key=key, occurred_at=received_at,
                said=Completed(), course=told["course"], kind="course", person=told["who"],
            )
        ]  # fmt: skip


def test_a_source_that_is_listed_has_settings_a_door_rules_and_a_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "SOURCES", (*wiring.SOURCES, QuietSchool()))
    tokens = {"COURSEBELL_QUIET_SCHOOL_BEARER_TOKEN": "t0ken", "COURSEBELL_ADMIN_TOKEN": "admin"}
    with Installation(tmp_path, RULES, **tokens) as office:
        group_commit = GroupCommit(office.app.letters)
        site = AsgiApplication(office.app, None, group_commit, lambda: START)
        client = TestClient(site, base_url="http://localhost", client=("127.0.0.1", 50_000))
        told = {"who": "ada", "course": "7"}

        assert client.post("/webhooks/quiet-school", json=told).status_code == 401
        headers = {"Authorization": "Bearer t0ken"}
        assert client.post("/webhooks/quiet-school", json=told, headers=headers).status_code == 202
        office.tick(START)

        assert office.states() == ["sent"]
        client.headers["Authorization"] = "Bearer admin"
        feeds = client.get("/api/v1/feeds").json()["items"]
        assert {f["source"]: f["recorded"] for f in feeds}["quiet-school"] == 1
        assert "/webhooks/quiet-school" in client.get("/api/v1/openapi.json").json()["paths"]
        site.close()
        group_commit.close()
