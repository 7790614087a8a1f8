"""Ask the API about whom and what nobody told us, a batch at a time, and keep what it says."""

import re
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import NamedTuple

from service.incoming.adobe_api.answers import Answers
from service.incoming.adobe_api.client import AdobeApi, BudgetSpent, RefusedRequest
from service.incoming.adobe_api.directory_rows import (
    SOURCE,
    LearningObject,
    learning_objects_in,
    users_in,
)
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.adobe_api.resources import Document
from service.learners.directory.course_instances import CourseInstances
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.learners.directory.people_table import PersonRow
from service.ledger.ledger import Ledger

IDS_AT_ONCE = 10
"""Adobe's largest page where something is included."""
ENOUGH_LEFT = 0.5
SPACING_SECONDS = 15.0
"""Between batches that are not full, once half of the budget is used: so it lasts for an hour."""
LOOK_SECONDS = 1.0
SHARE_OF_ASKING = 20.0
"""Between two looks in vain, as a share of what one takes: many may wait whom nobody knows."""
USER_ID = re.compile(r"[0-9]{1,19}")
COURSE_ID = re.compile(r"(course|learningProgram|certification):[0-9]{1,19}")

Wanted = Callable[[], Collection[str]]
Turn = Callable[[str, int], bool]
"""Ask about some of an account, at a moment (ms UTC); false if there was nothing to ask."""


class Directory(NamedTuple):
    """Hold where people, courses and instances are kept."""

    ledger: Ledger
    people: People
    courses: Courses
    instances: CourseInstances


class AskedOf(NamedTuple):
    """Say whom to ask about: people who are waited for, by their id, and courses of an account."""

    waited_for: Wanted
    courses: Callable[[str], Collection[str]]


class AdobeRefresh:
    """Ask about people and courses; `step` makes one batch. For one thread.

    What an import told wins; the API fills what none did, and what it said itself before.
    """

    def __init__(
        self,
        api: AdobeApi,
        directory: Directory,
        wanted: AskedOf,
        max_age: int,
        told: Callable[[], None],
    ) -> None:
        """Take for how long an answer counts, in ms; `told` is called when one is on disk."""
        self.api = api
        self.answers = Answers(directory.ledger)
        self._told = told
        self._directory = directory
        self._wanted = wanted
        self._max_age = max_age
        self._asked_at = -SPACING_SECONDS
        self._look_at = 0.0
        self._frees_at = 0
        self._turns = self._courses_first()

    def awaits(self, source: str, account: str, course: str) -> bool:
        """Tell whether the title of a course (its id) may come from here soon."""
        if source != SOURCE or self.api.state.account not in (None, account):
            return False
        return bool(COURSE_ID.fullmatch(course)) and self.answers.is_unasked(account, course)

    def rest_seconds(self, now: int) -> float:
        """Tell for how long there is nothing to do: `step` is of no use before."""
        free = max(0, self._frees_at - now) / 1000
        return max(self.api.rest_seconds(), free, self._look_at - monotonic(), 0.0)

    def step(self, now: int) -> None:
        """Ask about one batch, if there is anything to ask about. Raises ApiTrouble."""
        begun = monotonic()
        try:
            account = self.api.account()
            asked = any(self._turn()(account, now) for _ in self._turns)
        except BudgetSpent as spent:
            self._frees_at = spent.frees_at
            return
        if not asked:
            self._turns = self._courses_first()
            ended = monotonic()
            self._look_at = ended + max(LOOK_SECONDS, SHARE_OF_ASKING * (ended - begun))

    def _courses_first(self) -> list[Turn]:
        """Begin with titles: a mail whose address comes leaves at once."""
        return [self._ask_courses, self._ask_people]

    def _turn(self) -> Turn:
        """Take turns: neither people nor courses wait for all of the others."""
        self._turns.append(self._turns.pop(0))
        return self._turns[-1]

    def _ask_people(self, account: str, now: int) -> bool:
        ids = self.answers.people_to_ask(
            account, now - self._max_age, self._wanted.waited_for(), IDS_AT_ONCE
        )
        if not ids or not self._is_worth_it(ids, now):
            return False
        self.fetch_people(account, ids, now)
        return True

    def _ask_courses(self, account: str, now: int) -> bool:
        ids = self.answers.courses_to_ask(
            account, now - self._max_age, self._wanted.courses(account), IDS_AT_ONCE
        )
        if not ids or not self._is_worth_it(ids, now):
            return False
        self.fetch_courses(account, ids, now)
        return True

    def _is_worth_it(self, ids: Sequence[str], now: int) -> bool:
        """Tell whether a batch is to be asked for now, or may wait until it is fuller."""
        use = self.api.budget.use(now)
        waited = monotonic() - self._asked_at >= SPACING_SECONDS
        if len(ids) < IDS_AT_ONCE and use.left < ENOUGH_LEFT * use.limit and not waited:
            return False
        self._asked_at = monotonic()
        return True

    def fetch_people(
        self, account: str, ids: Sequence[str], now: int, *, over_imports: bool = False
    ) -> dict[str, PersonRow]:
        """Ask about users by their ids, keep what came, and return it with their managers.

        Raises ApiTrouble, BudgetSpent.
        """
        usable = [id for id in ids if USER_ID.fullmatch(id)]
        found: dict[str, PersonRow] = {}
        documents = self._documents("users", usable, include="manager")
        for document in documents:
            found |= users_in(document, account)
        kept = set() if over_imports else self.answers.imported("user", account, list(found))
        rows = [row for id, row in found.items() if id not in kept]
        known = {id: id in found for id in (*ids, *found)}
        with self._directory.ledger.transaction() as cursor:
            self._directory.people.store(cursor, rows, now)
            self.answers.keep(cursor, ("user", account), known, now)
        self._told()
        self._insist_on_answers(usable, documents)
        return found

    def fetch_courses(
        self, account: str, ids: Sequence[str], now: int
    ) -> dict[str, LearningObject]:
        """Ask about learning objects by their ids, keep what came, and return it; as for people."""
        usable = [id for id in ids if COURSE_ID.fullmatch(id)]
        found: dict[str, LearningObject] = {}
        documents = self._documents("learningObjects", usable, include="instances")
        for document in documents:
            found |= learning_objects_in(document, account)
        kept = self.answers.imported("learning object", account, list(found))
        rows = [each.course for id, each in found.items() if id not in kept]
        known = {id: id in found for id in (*ids, *found)}
        with self._directory.ledger.transaction() as cursor:
            self._directory.courses.store(cursor, rows, now)
            self._directory.instances.store(
                cursor,
                [each.course.key for each in found.values()],
                [instance for each in found.values() for instance in each.instances],
                now,
            )
            self.answers.keep(cursor, ("learning object", account), known, now)
        self._told()
        self._insist_on_answers(usable, documents)
        return found

    def _documents(self, path: str, ids: Sequence[str], include: str) -> list[Document]:
        """Read what the API says of these ids; one it refuses does not cost the others."""
        if not ids:
            return []
        named = {"ids": ",".join(ids), "include": include, "page__limit": str(IDS_AT_ONCE)}
        try:
            return list(self.api.pages(path, **named))
        except RefusedRequest:
            half = len(ids) // 2
            parts = (ids[:half], ids[half:]) if half else ()
            return [page for part in parts for page in self._documents(path, part, include)]

    def _insist_on_answers(self, asked: Sequence[str], documents: Sequence[Document]) -> None:
        """Raise ApiTrouble if every request was refused: then it is not about one id."""
        if asked and not documents:
            words = "every request for these ids is refused; does Adobe's API still take `ids`?"
            raise self.api.failed(ApiTrouble(words, "refused"))
