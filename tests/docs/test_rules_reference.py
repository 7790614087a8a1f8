"""The reference page says what the code says."""

from service.rules.fields import EVENTS, FIELDS
from tests.docs.reference import PLACE, page


def test_it_is_what_is_made_from_the_code() -> None:
    assert PLACE.read_text() == page(), f"{PLACE.name} is old; make it anew with `make docs`"


def test_it_has_every_field_and_every_event() -> None:
    text = PLACE.read_text()
    names = [*FIELDS, *EVENTS]
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_every_key_in_it_says_what_it_is_for() -> None:
    rows = [line.split(" | ") for line in PLACE.read_text().splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if len(row) == 3 and row[-1] in ("", " |")] == []
