"""Keep the groups of a person by the list that names them, in one text.

The main list alone is an array of names, as every ledger of before has it; else the text is an
object of such arrays by the name of their list.
"""

from collections.abc import Iterable

import msgspec

from service.learners.text_form import distinct

MAIN = ""
"""The name of the list that has none: the files that say who there is."""

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
