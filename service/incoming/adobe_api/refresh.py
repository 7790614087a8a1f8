"""Ask the API about whom and what nobody told us, a batch at a time, and keep what it says."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from time import monotonic
from typing import NamedTuple

from service.incoming.adobe_api.account_zones import AccountZones
from service.incoming.adobe_api.api_answers import KNOWN_AND_IMPORTED, Answers
from service.incoming.adobe_api.client import AdobeApi, BudgetSpent, RefusedRequest
from service.incoming.adobe_api.directory_rows import (
    SOURCE,
    CourseAnswer,
    has_unread_zones,
    learning_objects_in,
    users_in,
)
from service.incoming.adobe_api.http_exchange import ApiTrouble
from service.incoming.adobe_api.resources import Document
from service.learners.directory.course_instances import CourseInstances
from service.learners.directory.courses import Courses
from service.learners.directory.people import People, person_key
from service.learners.directory.people_table import PersonRow
from service.ledger.sql import TableWriter

IDS_AT_ONCE = 10
"""Adobe's largest page where something is included."""
CANDIDATES = 30
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
        wanted: AskedOf,
        *,
        max_age: int,
        told: Callable[[], None],
    ) -> None:
        """Take for how long an answer counts, in ms; `told` is called when one is on disk."""
        self.api = api
        self.answers = Answers(api.ledger)
        self._zones = AccountZones(api)
        self._told = told
        self._people = People(api.ledger)
        self._courses = Courses(api.ledger)
        self._instances = CourseInstances(api.ledger)
        self._wanted = wanted
        self._max_age = max_age
        self._asked_at = -SPACING_SECONDS
        self._look_at = 0.0
        self._frees_at = 0
        self._turns = self._courses_first()
        self._suspects: dict[str, None] = {}
        """Ids of batches with which the API failed when it was well: asked about one by one."""
        self._alone = False

    def awaits(self, source: str, account: str, course: str) -> bool:
        """Tell whether the title of a course (its id) may come from here soon."""
        state = self.api.state
        fails = (state.failed_at or 0) > (state.answered_at or 0)
        if fails or source != SOURCE or state.account not in (None, account):
            return False
        return bool(COURSE_ID.fullmatch(course)) and self.answers.is_unasked(
            "learning object", account, course
        )

    def rest_seconds(self, now: int) -> float:
        """Tell for how long there is nothing to do: `step` is of no use before."""
        free = max(0, self._frees_at - now) / 1000
        return max(self.api.rest_seconds(), free, self._look_at - monotonic(), 0.0)

    def step(self, now: int) -> None:
        """Ask about one batch, if there is anything to ask about. Raises ApiTrouble."""
        begun = monotonic()
        try:
            account = self.api.account()
            asked = any(self._turn()(account, now) for _ in range(len(self._turns)))
        except BudgetSpent as spent:
            self._frees_at = spent.frees_at
            return
        except ApiTrouble:
            self._told()  # that nobody need wait for an answer that may be long in coming
            raise
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
        first = self._wanted.waited_for()
        ids = self.answers.people_to_ask(account, now - self._max_age, first, limit=CANDIDATES)
        return self._asked(ids, lambda batch: self.fetch_people(account, batch, now), now)

    def _ask_courses(self, account: str, now: int) -> bool:
        among = self._wanted.courses(account)
        ids = self.answers.courses_to_ask(account, now - self._max_age, among, limit=CANDIDATES)
        return self._asked(ids, lambda batch: self.fetch_courses(account, batch, now), now)

    def _asked(
        self, ids: Sequence[str], fetch: Callable[[Sequence[str]], object], now: int
    ) -> bool:
        """Ask about a batch of these if it is worth a request now; false if it was not."""
        if not self._is_worth_it(ids, now):
            return False
        batch, was_well = self._batch(ids), self.api.failures == 0
        for id in batch:
            self._suspects.pop(id, None)
        try:
            fetch(batch)
        except ApiTrouble:
            if was_well or len(batch) == 1:
                self._suspects |= dict.fromkeys(batch)
            raise
        return True

    def _batch(self, ids: Sequence[str]) -> Sequence[str]:
        """Take the first ids, in turn with one of those on which the API may fail."""
        others = [id for id in ids if id not in self._suspects][:IDS_AT_ONCE]
        alone = [id for id in self._suspects if id in ids][:1]
        self._alone = bool(alone) and not (self._alone and others)
        return alone if self._alone else others

    def _is_worth_it(self, ids: Sequence[str], now: int) -> bool:
        """Tell whether a batch is to be asked for now, or may wait until it is fuller."""
        use = self.api.budget.use(now)
        plenty = len(ids) >= IDS_AT_ONCE or use.left >= ENOUGH_LEFT * use.limit
        if not ids or not (plenty or monotonic() - self._asked_at >= SPACING_SECONDS):
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
        zone = partial(self._zones.read, account)
        for document in self._documents("users", usable, include="manager"):
            if has_unread_zones(document, zone):
                self._zones.learn(account, now)
            found |= users_in(document, account, zone)
        kept = set() if over_imports else self.answers.imported("user", account, list(found))
        rows = [row for id, row in found.items() if id not in kept]
        known = _known(ids, found, kept)
        with self.api.ledger.transaction() as cursor:
            self._people.store(cursor, rows, now)
            self._meet_managers(cursor, rows, now)
            self.answers.keep(cursor, ("user", account), known, now=now)
        self._told()
        return found

    def _meet_managers(self, cursor: TableWriter, rows: Sequence[PersonRow], now: int) -> None:
        """Let managers who did not come along be asked for next, by their ids."""
        people = self._people
        came = {row.key for row in rows}
        named = {person_key(row.source, row.account, row.manager) for row in rows if row.manager}
        missing = named - came
        known = people.known(missing)
        people.meet(cursor, [(people.new_id(now), key) for key in missing if key not in known])

    def fetch_courses(self, account: str, ids: Sequence[str], now: int) -> dict[str, CourseAnswer]:
        """Ask about learning objects by their ids, keep what came, and return it; as for people."""
        usable = [id for id in ids if COURSE_ID.fullmatch(id)]
        found: dict[str, CourseAnswer] = {}
        for document in self._documents("learningObjects", usable, include="instances"):
            found |= learning_objects_in(document, account)
        kept = self.answers.imported("learning object", account, list(found))
        rows = [each.course for id, each in found.items() if id not in kept]
        known = _known(ids, found, kept)
        with self.api.ledger.transaction() as cursor:
            self._courses.store(cursor, rows, now)
            self._instances.store(
                cursor,
                [each.course.key for each in found.values()],
                [instance for each in found.values() for instance in each.instances],
                now=now,
            )
            self.answers.keep(cursor, ("learning object", account), known, now=now)
        self._told()
        return found

    def _documents(self, path: str, ids: Sequence[str], include: str) -> list[Document]:
        """Read what the API says of these ids; one that it refuses does not cost the others.

        If it refuses each of several, that is not about an id: raises ApiTrouble.
        """
        found = self._halved(path, ids, include)
        if len(ids) > 1 and not found:
            words = "every request for these ids is refused; does Adobe's API still take `ids`?"
            raise self.api.failed(ApiTrouble(words, "refused"))
        return found

    def _halved(self, path: str, ids: Sequence[str], include: str) -> list[Document]:
        """Read documents, of two halves apart if the whole is refused."""
        named = {"ids": ",".join(ids), "include": include, "page__limit": str(IDS_AT_ONCE)}
        half = len(ids) // 2
        try:
            return list(self.api.pages(path, **named)) if ids else []
        except RefusedRequest:
            parts = (ids[:half], ids[half:]) if half else ()
            return [page for part in parts for page in self._halved(path, part, include)]


def _known(ids: Sequence[str], found: Collection[str], kept: Collection[str]) -> dict[str, int]:
    """Say of each id whether the API knows it, and apart where an import is kept all the same."""
    return {id: KNOWN_AND_IMPORTED if id in kept else int(id in found) for id in (*ids, *found)}
