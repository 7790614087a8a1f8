"""A ledger beside the stand-in of Adobe's API, and what asks it, by a clock of ours."""

from dataclasses import dataclass, field

import pytest

from service.incoming.adobe_api.client import AdobeApi as Client
from service.incoming.adobe_api.client import ApiAccess
from service.incoming.adobe_api.refresh import AdobeRefresh, AskedOf
from service.learners.directory.course_instances import CourseInstances
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from tests.adobe_api import AdobeApi
from tests.installation import DAY, START
from tests.ledger.stores import ENGINES, opened_tables

ACCOUNT = "1234"


@dataclass
class Asking:
    """One process that asks the API; `restarted` is another one after it."""

    opened: object
    api: AdobeApi
    now: int = START
    waited_for: list = field(default_factory=list)
    courses_named: list = field(default_factory=list)
    scheme: str = "oauth"

    def __post_init__(self):
        self.open()

    def open(self):
        self.ledger = self.opened()
        self.people, self.courses = People(self.ledger), Courses(self.ledger)
        self.instances = CourseInstances(self.ledger)
        access = ApiAccess(self.api.url, "client-1", "hidden-1", "refresh-1", self.scheme)
        self.client = Client(access, self.ledger, lambda: self.now)
        self.told = 0
        self.refresh = AdobeRefresh(
            self.client,
            AskedOf(lambda: self.waited_for, lambda _: self.courses_named),
            max_age=7 * DAY,
            told=self._note,
        )

    def _note(self):
        self.told += 1

    def restarted(self):
        self.ledger.close()
        self.open()

    def meet(self, *ids):
        """People of whom letters gave nothing but an id; their person ids."""
        met = [(self.people.new_id(self.now), ("adobe", ACCOUNT, str(id))) for id in ids]
        with self.ledger.transaction() as cursor:
            self.people.meet(cursor, met)
        return [person for person, _ in met]

    def person(self, id):
        return self.people.find(("adobe", ACCOUNT, str(id)))

    def course(self, id):
        return self.courses.get("adobe", ACCOUNT, id)

    def step(self):
        self.refresh.step(self.now)

    def steps(self, most=100):
        """Steps until there is nothing left to ask."""
        for _ in range(most):
            before = len(self.api.asked)
            self.step()
            if len(self.api.asked) == before:
                return


@pytest.fixture
def api():
    with AdobeApi() as api:
        yield api


@pytest.fixture(params=ENGINES)
def opened(request, tmp_path):
    """Opens the ledger of one engine again and again."""
    ledgers = []

    def another():
        ledgers.append(opened_tables(request, tmp_path))
        return ledgers[-1]

    yield another
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def asking(opened, api):
    asking = Asking(opened, api)
    yield asking
    asking.ledger.close()
