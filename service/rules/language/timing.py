"""Timing: whether digests, throttles and send windows are possible, alone and together."""

from dataclasses import dataclass
from typing import Any

from service.rules.calendar import DAY_MINUTES, Window, longest_gap, milliseconds
from service.rules.language.checks import References, entries_of
from service.rules.language.intervals import ANY, Intervals
from service.rules.language.model import GROUPINGS
from service.rules.language.values import minute_of_day, minute_of_hour
from service.rules.language.yaml_reader import Path
from service.rules.rule import EXPIRES_AFTER_MS
from service.rules.scope import Scope
from service.rules.text import duration, shown

EVERY = ("hour", "day", "week")

_WINDOW, _EXPIRES = "send_window", "expires_after"


def at_of(every: str, at: str | None) -> int | None:
    """The minute of the hour, or of the day, at which a digest is closed; None if it is no such.

    Left out it is the full hour, or 08:00.
    """
    if every == "hour":
        return minute_of_hour(at or ":00")
    minute = minute_of_day(at or "08:00")
    return minute if minute != DAY_MINUTES else None


@dataclass(frozen=True)
class Timing:
    """Checks when what the rules of one file owe may leave; `intervals` are None when not known.

    `defaults` is that part of the file as it is written.
    """

    references: References
    intervals: Intervals | None
    defaults: dict[str, Any]

    def check_defaults(self) -> None:
        """Check the window that holds where a rule says nothing."""
        self._check_window(self.defaults, ("defaults",))

    def check_rule(self, rule: dict[str, Any], path: Path, scope: Scope | None) -> None:
        """Check what one rule and its entries say of when."""
        self._check_window(rule, path)
        for place, entry in entries_of(rule, path):
            self._check_window(entry, place)
            if "digest" in entry and "throttle" in entry:
                message = "an entry has a digest or a throttle, not both; take one out"
                self._error((*place, "throttle"), message, key=True)
            for key in ("digest", "throttle"):
                self._check_grouping(entry.get(key), (*place, key), scope)
            self._check_digest(entry.get("digest"), (*place, "digest"))
        self._check_expiry(rule, path)

    def _check_window(self, holder: dict[str, Any], path: Path) -> None:
        name = holder.get(_WINDOW)
        known = self.intervals
        if isinstance(name, str) and name != ANY and known is not None and name not in known:
            self.references.lacks((*path, _WINDOW), "time interval", name, [ANY, *known])

    def _check_grouping(self, raw: Any, path: Path, scope: Scope | None) -> None:
        fields = raw.get("group_by") if isinstance(raw, dict) else None
        for index, field in enumerate(fields if isinstance(fields, list) else ()):
            if field in GROUPINGS and scope and not scope.reads(field):
                known = f"{scope.title} can read {scope.fields}"
                message = f"'{field}' is not known here; {known}"
                self._error((*path, "group_by", index), message)

    def _check_digest(self, raw: Any, path: Path) -> None:
        every = raw.get("every") if isinstance(raw, dict) else None
        if every not in EVERY:
            return
        if "on" in raw and every != "week":
            self._error((*path, "on"), "'on' goes with 'every: week' only", key=True)
        at = raw.get("at")
        if isinstance(at, str) and at_of(every, at) is None:
            form = 'a minute like ":30"' if every == "hour" else "a time of day like 08:30"
            message = f"with 'every: {every}', 'at' is {form}; got {shown(at)}"
            self._error((*path, "at"), message)

    def _check_expiry(self, rule: dict[str, Any], path: Path) -> None:
        """Refuse windows that are closed for longer than messages live, where that is written."""
        raw = rule.get(_EXPIRES, self.defaults.get(_EXPIRES))
        lives = milliseconds(raw) if isinstance(raw, str) else None
        if _EXPIRES not in rule and _EXPIRES not in self.defaults:
            lives = EXPIRES_AFTER_MS
        meant = {(*path, _EXPIRES), ("defaults", _EXPIRES)} & self.references.report.meant
        if lives is None or meant:
            return
        used = [self._window_of(rule, path, entry, at) for at, entry in entries_of(rule, path)]
        long = [(longest_gap(w), w.name, at) for w, at in used if w and longest_gap(w) > lives]
        for gap, name, at in [max(long)] if long and _EXPIRES in rule else long:
            longest = duration(gap)
            message = f"messages expire after {duration(lives)}, and '{name}' is closed for"
            place = (*path, _EXPIRES) if _EXPIRES in rule else at
            self._error(place, f"{message} {longest}; write 'expires_after: {longest}' or more")

    def _window_of(
        self, rule: dict[str, Any], path: Path, entry: dict[str, Any], place: Path
    ) -> tuple[Window | None, Path]:
        """The window in which an entry's messages leave, and where that is written."""
        holders: list[tuple[dict[str, Any], Path]] = [
            (entry, place), (rule, path), (self.defaults, ("defaults",)),
        ]  # fmt: skip
        for holder, at in holders:
            where = (*at, _WINDOW)
            if _WINDOW in holder or where in self.references.report.meant:
                return self._window_named(holder.get(_WINDOW)), where
        return None, path

    def _window_named(self, name: Any) -> Window | None:
        return self.intervals.get(name) if self.intervals and isinstance(name, str) else None

    def _error(self, path: Path, message: str, *, key: bool = False) -> None:
        self.references.report.error(path, message, key=key)
