"""Intervals: the parts of the week that a file names, read into windows."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from service.rules.calendar import Stretch, Window
from service.rules.language.model import WEEKDAYS, StretchShape
from service.rules.language.report import Report
from service.rules.language.values import NAME
from service.rules.text import shown

ANY = "any"
"""What `send_window` says for every hour of the week."""

Intervals = Mapping[str, Window | None]
"""Windows by name; None is one that the file says wrongly."""


def read_intervals(raw: Any, report: Report) -> Intervals:
    """Read `time_intervals`, and report names and stretches that no shape can refuse."""
    found: dict[str, Window | None] = {}
    for name, stretches in raw.items() if isinstance(raw, dict) else ():
        path = ("time_intervals", name)
        if name == ANY:
            message = f"'{ANY}' is any hour of the week; give this part of it another name"
            report.error(path, message, key=True)
        elif not NAME.fullmatch(name):
            allowed = "letters, digits, '-' and '_', 63 at most"
            report.error(path, f"an interval's name takes {allowed}; got {shown(name)}", key=True)
        found[name] = _window(name, stretches, report)
    return found


def _window(name: str, raw: Any, report: Report) -> Window | None:
    stretches = [
        _stretch(each, ("time_intervals", name, index), report)
        for index, each in enumerate(raw if isinstance(raw, list) else ())
    ]
    good = tuple(each for each in stretches if each)
    return Window(name, good) if good and len(good) == len(stretches) else None


def _stretch(raw: Any, path: tuple[str | int, ...], report: Report) -> Stretch | None:
    """Read one stretch; what is wrong with its shape is told by who reads shapes."""
    try:
        shape = StretchShape.model_validate(raw)
    except ValidationError:
        return None
    if shape.from_ >= shape.until:
        message = "'until' must be later than 'from'; over midnight write two stretches"
        report.error((*path, "until"), message)
        return None
    days = frozenset(WEEKDAYS.index(day) for day in shape.weekdays)
    return Stretch(days, shape.from_, shape.until)
