"""Times as a person reads them in a table."""

from datetime import UTC, datetime


def moment(ms: int | None) -> str:
    """A moment (ms since 1970 UTC) in UTC to the second; empty for none."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def span(ms: int) -> str:
    """A length of time (ms) in the largest unit of which there is at least one: `15 min`."""
    name, size = next((unit for unit in UNITS if ms >= unit[1]), UNITS[-1])
    return f"{ms // size} {name}"


def ago(ms: int, now: int) -> str:
    """How long ago a moment was (both ms since 1970 UTC)."""
    return f"{span(max(0, now - ms))} ago"
