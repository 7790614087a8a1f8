"""Keep how the API does where other commands can read it: what answered last, what went wrong."""

import msgspec

from service.ledger.ledger import Ledger

TABLE = """
CREATE TABLE IF NOT EXISTS adobe_api_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT NOT NULL
);
"""


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

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.create(TABLE)

    def read(self) -> ApiState:
        """Read what was kept last."""
        found = self._ledger.reader().execute("SELECT state FROM adobe_api_state").fetchone()
        return msgspec.json.decode(found[0], type=ApiState) if found else ApiState()

    def keep(self, state: ApiState) -> None:
        """Write it."""
        with self._ledger.transaction() as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO adobe_api_state (id, state) VALUES (1, ?)",
                (msgspec.json.encode(state).decode(),),
            )
