"""Times as a person reads them in a table."""

from datetime import UTC, datetime


def moment(ms: int | None) -> str:
    """A moment (ms since 1970 UTC) in UTC to the second; empty for none."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
