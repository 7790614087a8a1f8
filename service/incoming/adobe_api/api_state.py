"""Keep how the API does where other commands can read it, and sum it up."""

import msgspec

from service.incoming.adobe_api.api_answers import Answers
from service.incoming.adobe_api.budget import BudgetUse, RequestBudget
from service.ledger.sql import upsert
from service.ledger.store import Store

TABLE = """
CREATE TABLE IF NOT EXISTS adobe_api_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL
);
"""
KEEP_STATE = upsert("adobe_api_state", ("id",), ("state",))


class ApiState(msgspec.Struct, frozen=True):
    """Say how the API does; times are ms since 1970 UTC.

    `account` is that of the refresh token; `paused_until` is of the service that wrote it.
    """

    account: str | None = None
    answered_at: int | None = None
    error: str | None = None
    failed_at: int | None = None
    paused_until: int | None = None


class KeptState:
    """Keep the state in the ledger."""

    def __init__(self, ledger: Store) -> None:
        self._ledger = ledger
        ledger.create(TABLE, remembered=False)

    def read(self) -> ApiState:
        """Read what was kept last."""
        found = self._ledger.reader().execute("SELECT state FROM adobe_api_state").fetchone()
        return msgspec.json.decode(found[0], type=ApiState) if found else ApiState()

    def keep(self, state: ApiState) -> None:
        """Write it."""
        with self._ledger.transaction() as cursor:
            cursor.execute(KEEP_STATE, (1, msgspec.json.encode(state).decode()))


class ApiStanding(msgspec.Struct, frozen=True):
    """Sum up how the API does: its state, the budget of this hour, and what was asked so far."""

    state: ApiState
    budget: BudgetUse
    users_found: int
    users_unknown: int
    learning_objects_found: int
    learning_objects_unknown: int


def api_standing(ledger: Store, now: int) -> ApiStanding | None:
    """Sum up how the API does at `now` (ms UTC); None if it was never asked."""
    state = KeptState(ledger).read()
    if state == ApiState():
        return None
    answers = Answers(ledger)
    users, learning_objects = answers.counts("user"), answers.counts("learning object")
    return ApiStanding(
        state=state,
        budget=RequestBudget(ledger).use(now),
        users_found=users.found,
        users_unknown=users.unknown,
        learning_objects_found=learning_objects.found,
        learning_objects_unknown=learning_objects.unknown,
    )
