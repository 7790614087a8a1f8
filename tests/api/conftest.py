"""An API in the same process, over a real installation in a folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.api import AsgiApplication
from service.incoming.group_commit import GroupCommit
from service.running import Service
from tests.installation import DONE, FREE, START, Installation
from tests.metrics import numbers_in

TEAM = """
  - id: team
    trigger: {event: enrollment.completed}
    notify:
      - {to: "group:team", via: email, template: completed}
"""


class Client(TestClient):
    """Speaks to a site as somebody at this machine would."""

    def __init__(self, site: AsgiApplication, **more: Any) -> None:
        told = {"base_url": "http://localhost", "client": ("127.0.0.1", 50_000)} | more
        super().__init__(site, **told)

    def numbers(self) -> dict[str, float]:
        """The metrics."""
        return numbers_in(self.get("/metrics").text)


@pytest.fixture
def open_site() -> Iterator[Callable[..., AsgiApplication]]:
    """Makes sites, and closes them."""
    opened: list[tuple[AsgiApplication, GroupCommit]] = []

    def make(office: Installation, service: Service | None = None) -> AsgiApplication:
        group_commit = GroupCommit(office.app.letters)
        site = AsgiApplication(office.app, service, group_commit, lambda: START)
        opened.append((site, group_commit))
        return site

    yield make
    for site, group_commit in opened:
        site.close()
        group_commit.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    with Installation(
        tmp_path, DONE + FREE + TEAM, COURSEBELL_ADOBE_ALLOW_UNAUTHENTICATED="true"
    ) as office:
        yield office


@pytest.fixture
def client(office: Installation, open_site: Callable[..., AsgiApplication]) -> Client:
    return Client(open_site(office))
