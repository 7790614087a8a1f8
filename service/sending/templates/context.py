"""What a template may know: the registry's fields, each cleaned when it is read."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.rules.fields import ITEM_GROUPS
from service.sending.templates.filters import cleaned

Shape = dict[str, "Shape | None"]

ANY = "*"
ITEMS = "items"
EXTRA_COLUMNS = "learner.fields.*"


def shape_of(fields: Iterable[str]) -> Shape:
    """Turn dotted names into a tree: `{"course": {"id": None, "title": None}, "others": None}`.

    Extra columns of an import, `learner.fields.<column>`, may have any name.
    """
    shape: Shape = {}
    for dotted in (*fields, EXTRA_COLUMNS):
        *groups, last = dotted.split(".")
        branch = shape
        for group in groups:
            below = branch.setdefault(group, {})
            branch = below if below is not None else {}
        branch.setdefault(last, None)
    return shape


def knows(shape: Shape, path: Iterable[str]) -> bool:
    """Tell whether a path ends at a field, not at a group and not beside the tree."""
    branch: Shape | None = shape
    for name in path:
        if branch is None or (name not in branch and ANY not in branch):
            return False
        branch = branch.get(name)
    return branch is None


class Record:
    """A group of fields as a template sees it: known ones cleaned, unknown ones None."""

    __slots__ = ("_path", "_read", "_shape", "_values")

    def __init__(self, shape: Shape, values: Mapping[str, Any], path: str = "") -> None:
        self._shape = shape
        self._values = values
        self._path = path
        self._read: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._shape or ANY in self._shape

    def field(self, name: str) -> Any:
        """Return one field; each is cleaned once per rendering."""
        if name not in self._read:
            self._read[name] = self._value(name)
        return self._read[name]

    def _value(self, name: str) -> Any:
        below = self._shape.get(name)
        value = self._values.get(name)
        path = f"{self._path}.{name}" if self._path else name
        if path == ITEMS:
            return self._items(value)
        if below is not None:
            return Record(below, value if isinstance(value, Mapping) else {}, path)
        return cleaned(value, path)

    def _items(self, values: Any) -> list["Record"]:
        """Each item has groups of its own, which are cleaned like those of the message."""
        shape = {name: self._shape[name] for name in ITEM_GROUPS if name in self._shape}
        return [Record(shape, value) for value in values or ()]

    def __str__(self) -> str:
        return ""


def context_of(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template's variables: one for each group, and those that stand alone."""
    root = Record(shape, values)
    return {name: root.field(name) for name in shape}
