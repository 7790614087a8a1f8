"""Doors and work as processes of their own."""

from pathlib import Path

from service.ledger.postgresql.lanes import WORKING
from tests.installation import DONE, START, body, completed
from tests.postgres import Cluster
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


def last_commit(cluster: Cluster, address: str) -> int:
    """The number of the newest."""
    return int(cluster.execute(f"SELECT n FROM {schema_in(address)}.head")[0][0])


def deciders(cluster: Cluster, address: str, after: int = 0) -> int:
    """How many have committed what they decided since."""
    lanes = f"SELECT count(DISTINCT lane) FROM {schema_in(address)}.commits"
    return int(cluster.execute(f"{lanes} WHERE lane >= {WORKING[0]} AND n > {after}")[0][0])


def schema_in(address: str) -> str:
    """The schema that an address of the tests names."""
    return address.rpartition("%3D")[2]


class Machines:
    """Each machine has a folder of its own; the ledger is everybody's."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._environ = {
            "COURSEBELL_DATABASE_URL": database_url,
            "COURSEBELL_EMAIL_URL": "drawer://",
        }

    def serving(self, name: str, port: int = 0) -> Serving:
        found = Serving(self._made(name), DONE, **self._environ)
        found.words = ("serve", "--port", str(port))
        return found

    def working(
        self, name: str, rules: str = DONE, words: tuple[str, ...] = Working.words
    ) -> Working:
        found = Working(self._made(name), rules, **self._environ)
        found.words = words
        return found

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def told(self) -> int:
        """How many mails lie in the drawers of all."""
        return len([*self._folder.glob("*/data/drawer/**/*.eml")])
