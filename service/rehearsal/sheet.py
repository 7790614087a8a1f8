"""A sheet: mappings read by tables of keys, every mistake told at once with its place."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from service.rules.file.positions import Path
from service.rules.file.problems import Report
from service.rules.words import hint, listed, nearest, shown

Read = Callable[[Any], Any]
"""Reads one value; a ValueError says in words what was expected."""


class Sheet:
    """Reads the parts of one page into a report."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def mapping(
        self, raw: Any, path: Path, keys: Mapping[str, Read], needed: Collection[str] = (),
        of: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """The values of a mapping, the unreadable ones left out; `of` says whose keys they are."""
        if not isinstance(raw, dict):
            self.report.error(path, f"expected a mapping of 'key: value' lines, got {shown(raw)}")
            return {}
        found = {}
        for key, value in raw.items():
            if key not in keys:
                self.report.meant.add((*path, nearest(key, keys) or ""))
                near = hint(key, keys) or f"; use {listed(keys)}"
                self.report.error((*path, key), f"unknown key {shown(key)}{of}{near}", key=True)
                continue
            read = self.value(value, (*path, key), keys[key])
            if read is not None:
                found[key] = read
        for key in needed:
            if key not in raw and (*path, key) not in self.report.meant:
                self.report.error(path, f"the key '{key}' is missing")
        return found

    def value(self, raw: Any, path: Path, read: Read) -> Any:
        """One value; None when it cannot be read."""
        try:
            return read(raw)
        except ValueError as error:
            self.report.error(path, str(error))
            return None

    def items(self, raw: Any, path: Path) -> list[tuple[Path, Any]]:
        """The items of a list with their places."""
        if isinstance(raw, list):
            return [((*path, place), item) for place, item in enumerate(raw)]
        expected = "a list, each item on a line that starts with '- '"
        self.report.error(path, f"expected {expected}; got {shown(raw)}")
        return []

    def named(self, raw: Any, path: Path) -> list[tuple[str, Path, Any]]:
        """The entries of a mapping from names, with their places."""
        if isinstance(raw, dict):
            return [(name, (*path, name), value) for name, value in raw.items()]
        self.report.error(path, f"expected a mapping of 'name: …' lines, got {shown(raw)}")
        return []
