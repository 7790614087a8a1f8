"""Look up many people at once, in as many queries as one takes."""

from collections.abc import Iterable, Sequence

import msgspec

from service.learners.directory.people import CLOSEST_FIRST, People, Person
from service.learners.directory.reported import seen_by

AMONG = "IN (SELECT value FROM json_each(?))"


def everybody(people: People, limit: int) -> dict[str, Person | None]:
    """Look up people as `get` does, by id; none at all when there are more than `limit`."""
    rows = people.imported_rows(f"1 ORDER BY {CLOSEST_FIRST} LIMIT ?", (limit + 1,))
    if len(rows) > limit:
        return {}
    merged = [each for record in people.merges.all() for each in people.records_of(record)]
    found = _seen(people, rows, rows)
    return found | {record: people.get(record) for record in merged if record in found}


def several(people: People, persons: Iterable[str]) -> dict[str, Person | None]:
    """Look up people as `get` does, by id; who is not known or has several records is left out."""
    wanted = set(persons)
    if not wanted:
        return {}
    ids = _listed(wanted - people.merges.among(wanted))
    own = people.imported_rows(f"id {AMONG}", (ids,))
    named = _listed({row.lms_id for row in own if row.lms_id is not None})
    rows = people.imported_rows(f"lms_id {AMONG} ORDER BY {CLOSEST_FIRST}", (named,))
    return _seen(people, own, rows)


def _seen(
    people: People, own: Sequence[Person], rows: Sequence[Person]
) -> dict[str, Person | None]:
    """See each of these rows as its own account does, among all rows, the closest first."""
    namesakes: dict[str | None, list[Person]] = {}
    for row in rows:
        namesakes.setdefault(row.lms_id, []).append(row)
    heard = people.contacts.of(row.id for row in own)
    return {row.id: seen_by(row, namesakes.get(row.lms_id, ()), heard) for row in own}


def _listed(values: Iterable[str]) -> str:
    return msgspec.json.encode(list(values)).decode()
