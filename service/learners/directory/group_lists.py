"""Keep the groups of a person by the list that names them, in one text, and find who is in one.

The main list alone is an array of names, as every ledger of before has it; else the text is an
object of such arrays by the name of their list.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from service.learners.text_form import distinct, text_form
from service.ledger.sql import filled_in
from service.ledger.store import Store

MAIN = ""
"""The name of the list that has none: the files that say who there is."""

MEMBERS = f"""
SELECT p.id, p.merged_into IS NOT NULL
FROM people_in_groups g JOIN people p ON p.id = g.person
WHERE g.name = :group AND (p.left_as IS NULL OR p.merged_into IS NOT NULL)
AND (:source = '' OR p.source IN (:source, '') AND p.account IN (:account, ''))
AND NOT EXISTS (
    SELECT 1 FROM people c WHERE c.lms_id = p.lms_id
    AND (
        c.told_at IS NOT NULL OR c.left_as IS NOT NULL AND c.merged_into IS NULL
        AND c.left_at > coalesce(p.left_at, 0)
    )
    AND (:source = '' OR c.source IN (:source, '') AND c.account IN (:account, ''))
    AND {filled_in("c.source", "c.account")} > {filled_in("p.source", "p.account")}
)
"""
AMONG = f"""
AND g.person IN (
    SELECT k.value FROM {{records}} UNION ALL
    SELECT r.id FROM {{records}} JOIN people m ON m.id = k.value
    JOIN people r ON r.lms_id = m.lms_id AND {filled_in("r.source", "r.account")}
        > {filled_in("m.source", "m.account")}
)
"""
"""Members who are a person, or the closer row of one that hides them."""

GroupLists = dict[str, tuple[str, ...]]

_decode = msgspec.json.Decoder(tuple[str, ...] | GroupLists).decode


def lists_in(stored: str) -> GroupLists:
    """Read the names of groups by their list, as they are stored."""
    match _decode(stored):
        case dict(lists):
            return lists
        case names:
            return {MAIN: names}


def groups_in(stored: str) -> tuple[str, ...]:
    """Read the names of groups of all lists together."""
    lists = lists_in(stored)
    if len(lists) == 1:
        return next(iter(lists.values()))
    return tuple(distinct(name for names in lists.values() for name in names))


def with_list(stored: str, name: str, groups: Iterable[str]) -> str:
    """Write what is stored with other groups of one list; none takes the list away."""
    if name == MAIN and stored.startswith("["):
        return msgspec.json.encode(distinct(groups)).decode()
    lists = {**lists_in(stored), name: tuple(distinct(groups))}
    kept = {each: lists[each] for each in sorted(lists) if lists[each]}
    return msgspec.json.encode(kept if kept.keys() - {MAIN} else kept.get(MAIN, ())).decode()


def members(
    ledger: Store, group: str, seen_from: tuple[str, str], records: Sequence[str] | None
) -> list[tuple[str, bool]]:
    """Look up who is in a group as seen from a source and account, and whether they were merged.

    Of who was merged it is not known here whether they have left. With `records` only these are
    looked up.
    """
    source, account = seen_from
    reader = ledger.reader()
    named: dict[str, Any] = {"group": text_form(group), "source": source, "account": account}
    if records is None:
        return reader.execute(f"{MEMBERS} ORDER BY p.id", named).fetchall()
    named["records"] = list(records)
    return reader.execute(_among(reader.dialect.each(":records", "k")), named).fetchall()


@cache
def _among(records: str) -> str:
    return f"{MEMBERS} {AMONG.format(records=records)} ORDER BY p.id"
