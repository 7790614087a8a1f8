"""Doors and work as processes of their own."""

from tests.installation import START, body, completed
from tests.real_service import RealService


class Serving(RealService):
    """Only the doors."""

    words = ("serve", "--port", "0")


class Working(RealService):
    """Only the work, on the ledger of somebody who serves."""

    words = ("work",)

    def start(self) -> None:
        self.log = (self.folder / "work.log").open("ab")
        self.process = self._begun()
        assert self.process.stdout is not None
        assert "at work" in self.process.stdout.readline(), (self.folder / "work.log").read_text()


def post(service: RealService, *learners: int) -> list[int]:
    return [
        service.call("POST", "/webhooks/adobe", body(completed(START, each))).status
        for each in learners
    ]
