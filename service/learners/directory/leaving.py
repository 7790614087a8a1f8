"""Read and keep who has left: in words of an import, or because a letter said so."""

from collections.abc import Mapping

from service.learners.directory.tables.csv_cells import Kind, RowCells, spoilt
from service.learners.directory.tables.csv_file import column_key
from service.learners.text_form import text_form
from service.ledger.sql import Statement

DELETED = "deleted"
"""How a letter says that somebody has left."""
HERE = ""

STATES: Mapping[str, str] = {
    "active": HERE,
    "suspended": "suspended",
    "deleted": DELETED,
    "left": "left",
    "inactive": "inactive",
    "terminated": "terminated",
}
"""What a state says in small letters, and why somebody is not written to because of it."""
ADOBE_STATES = ("suspended", "deleted")
"""Those of Adobe's states in which nobody can learn; whatever else it says, they are there."""
ACTIVE: Mapping[str, str] = {
    **dict.fromkeys(("yes", "y", "true", "1"), HERE),
    **dict.fromkeys(("no", "n", "false", "0"), "inactive"),
}
NO_DATE = ("0000-", "0001-01-01")
"""What MySQL and .NET write where there is no date."""
COLUMNS = ("state", "active", "datedeleted")

LEAVE = (
    "UPDATE people SET left_as = :left_as, left_at = :at WHERE id = :person "
    "AND (left_at IS NULL OR left_at < :at)"
)


def left_as(state: str) -> str | None:
    """Say why somebody in this state has left; empty while they are there, None if not known."""
    return STATES.get(text_form(state).lower(), None if text_form(state) else HERE)


def left_as_adobe_says(state: str) -> str:
    """Say why a user of Adobe's has left; empty while they are there, as in any other state."""
    found = text_form(state).lower()
    return STATES[found] if found in ADOBE_STATES else HERE


def left_as_row_says(cells: RowCells, *, adobe: bool) -> str | None:
    """Read whether a row's person has left, in its columns `state`, `active` and `dateDeleted`.

    One that says so is enough. None where no column says anything that can be read.
    """
    state = _of_use(cells, "state") if adobe else cells.text("state", STATE)
    active, deleted_at = cells.text("active", YES_OR_NO), _of_use(cells, "datedeleted")
    said = [
        None if deleted_at is None else DELETED if _is_date(deleted_at) else HERE,
        None if state is None else left_as_adobe_says(state) if adobe else left_as(state),
        None if active is None else ACTIVE.get(active.lower(), HERE),
    ]
    return next(filter(None, said), HERE if HERE in said else None)


def _is_date(text: str) -> bool:
    """Tell whether a cell has a date in it, and not what a system writes for none."""
    return not text.startswith(NO_DATE) and any("1" <= sign <= "9" for sign in text)


def _of_use(cells: RowCells, name: str) -> str | None:
    """Read a cell that is an extra column as well, as which it is warned of."""
    text = cells.raw(name)
    return None if text is None or spoilt(text_form(text)) else text


def left_marks(left: Mapping[str, int]) -> Statement:
    """Give what notes that letters say of people, by id, that they left at a moment (ms UTC).

    What an import or another letter has said of a later moment stands.
    """
    return LEAVE, [
        {"person": who, "left_as": DELETED, "at": at} for who, at in sorted(left.items())
    ]


def state_places(titles: Mapping[str, int]) -> dict[str, int]:
    """Find the columns that say who has left; they are extra columns, too."""
    keyed = {column_key(title): place for title, place in titles.items()}
    return {name: keyed[name] for name in COLUMNS if name in keyed}


STATE = Kind(
    "active, suspended, deleted, left, inactive or terminated",
    lambda text: left_as(text) is not None,
    form=text_form,
)
YES_OR_NO = Kind("yes or no", lambda text: text.lower() in ACTIVE, form=text_form)
