"""Letters, spoilt: JSON of which a value becomes another, goes, or comes twice."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

MARK = "zz-ada-lovelace-zz"
ODD = [
    *("null", "true", "false", "0", "-1", "-0.0", "1.5", "1e999", "1e-999", "NaN", "9" * 400),
    *("123456789012345678901234567890", "1626346241621", "{}", "[]", "[null]", "[[[[]]]]"),
    *('""', '" "', '"NaN"', '"\\ud800"', '"\\u0000"', '"\\u202e"', '"\u0663"', '"\\ud83d\\ude00"'),
    *('"AUDIT"', '"User"', '"Course"', '"LOGIN"', '"start"', '"CI_STATS"', '"2026-03-02"', '"%"'),
    *(f'"{MARK}"', f'["{MARK}"]', f'{{"{MARK}":"{MARK}"}}', f'"{MARK}\\u0007"', f'"{MARK * 20}"'),
    *('{"id":{"id":[1]}}', '"{\\"UserId\\":[1]}"', "[" * 60 + "]" * 60, "[" * 9999),
]

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
json_texts = st.sampled_from(ODD) | st.builds(json.dumps, anything, ensure_ascii=st.booleans())


class Pairs(list[Any]):
    """An object as [key, value] lists, so that a key can stand in it twice."""


def parted(node: Any) -> Any:
    """JSON as lists, pairs and, for what has no parts, its text."""
    if isinstance(node, dict):
        return Pairs([key, parted(value)] for key, value in node.items())
    return [parted(each) for each in node] if isinstance(node, list) else json.dumps(node)


def written(node: Any) -> str:
    if isinstance(node, Pairs):
        return f"{{{','.join(f'{json.dumps(key)}:{written(value)}' for key, value in node)}}}"
    return f"[{','.join(map(written, node))}]" if isinstance(node, list) else str(node)


def places(node: Any) -> Iterator[tuple[list[Any], int]]:
    """Every value and element: the list it stands in, and where."""
    for place, each in enumerate(node if isinstance(node, list) else ()):
        yield node, place
        yield from places(each[1] if isinstance(node, Pairs) else each)


def change(node: Any, drawn: st.DataObject) -> None:
    """One value becomes another, or goes, or comes twice."""
    found = list(places(node))
    if not found:
        return
    among, place = found[drawn.draw(st.integers(0, len(found) - 1))]
    how = drawn.draw(st.sampled_from(["other", "other", "gone", "twice"]))
    new: Any = drawn.draw(json_texts)
    if how == "gone":
        del among[place]
        return
    if isinstance(among, Pairs):
        new = [among[place][0], new]
    if how == "twice":
        among.insert(place + drawn.draw(st.integers(0, 1)), new)
    else:
        among[place] = new
