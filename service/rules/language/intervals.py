"""Describe the parts of the week that `time_intervals` names."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from service.rules.calendar import Stretch, Window
from service.rules.language.entries import WEEKDAYS, Weekday
from service.rules.language.shape import FILLED, Shape
from service.rules.language.values import DAY_BEGINS, DAY_ENDS

Windows = Mapping[str, Window | None]
"""Time intervals by name; None is one that the file says wrongly."""


class StretchShape(Shape):
    """Name a part of some days of the week."""

    weekdays: Annotated[list[Weekday], FILLED] = []
    """On which days: mon, tue, wed, thu, fri, sat, sun; every day if left out."""
    from_: Annotated[int, DAY_BEGINS] = Field(alias="from")
    """From this time of day, by the reader's clock, e.g. "08:00"."""
    until: Annotated[int, DAY_ENDS]
    """Until this time of the same day, "24:00" at most; over midnight write two stretches."""

    @property
    def ends_early(self) -> bool:
        """Tell whether the stretch ends before it begins."""
        return self.has("from_") and self.has("until") and self.from_ >= self.until

    @property
    def possible(self) -> bool:
        """Tell whether the stretch can be read, and is a part of the week."""
        days = self.has("weekdays") and None not in self.weekdays
        return days and self.has("from_") and self.has("until") and not self.ends_early

    def compiled(self) -> Stretch:
        days = frozenset(WEEKDAYS.index(day) for day in self.weekdays or WEEKDAYS)
        return Stretch(days, self.from_, self.until)


def windows_of(intervals: Mapping[str, Sequence[StretchShape | None] | None]) -> Windows:
    """Give the time intervals of a file as windows."""
    return {
        name: Window(name, tuple(each.compiled() for each in stretches if each))
        if stretches and all(each and each.possible for each in stretches)
        else None
        for name, stretches in intervals.items()
    }
