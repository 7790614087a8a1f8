"""Hours: times of day as people write them."""

import re

from service.rules.walltime import DAY_MINUTES

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_MINUTE = re.compile(r":([0-5]\d)", re.ASCII)


def minute_of_day(text: str) -> int | None:
    """Read 08:30 into minutes since midnight, 24:00 at most; None when it has another form."""
    found = _TIME.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else None
    return minute if minute is not None and minute <= DAY_MINUTES else None


def minute_of_hour(text: str) -> int | None:
    """Read :30 into minutes; None when it has another form."""
    found = _MINUTE.fullmatch(text)
    return int(found[1]) if found else None
