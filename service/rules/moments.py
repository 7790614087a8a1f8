"""Moments and lengths of time, as a person reads them."""

from datetime import UTC, datetime

from service.rules.durations import UNITS

LARGEST_FIRST = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def moment(ms: int | None) -> str:
    """A moment (ms since 1970 UTC) in UTC to the second; empty for none."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(ms: int) -> str:
    """A length of time (ms) in the largest unit of which there is at least one: `15 min`."""
    name, size = next((unit for unit in LARGEST_FIRST if ms >= unit[1]), LARGEST_FIRST[-1])
    return f"{ms // size} {name}"


def duration(ms: int) -> str:
    """A length of time (ms) as a rule file writes it: `7d`, `1d12h`; weeks are written in days."""
    parts = []
    for name, size in UNITS.items():
        if name != "w" and ms >= size:
            parts.append(f"{ms // size}{name}")
            ms %= size
    return "".join(parts) or "0s"
