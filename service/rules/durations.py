"""Durations as people write them: 10m, 12h, 3d, 1w2d."""

import re

UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
DAY = UNITS["d"]
HOUR = UNITS["h"]
LONGEST = 3660 * DAY

_FORM = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")


def milliseconds(text: str) -> int | None:
    """Read a duration; None when it has another form, is zero, or is longer than ten years."""
    found = _FORM.fullmatch(text) if text.isascii() else None
    if found is None:
        return None
    amounts = zip(found.groups(), UNITS.values(), strict=True)
    total = sum(int(amount) * unit for amount, unit in amounts if amount)
    return total if 0 < total <= LONGEST else None
