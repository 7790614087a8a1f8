"""Times as a person reads them in a table, and as they write them after an option."""

from datetime import UTC, datetime

from service.cli.console import fail
from service.rules.moments import moment, span

__all__ = ["ago", "moment", "moment_given", "span"]


def ago(ms: int, now: int) -> str:
    """How long ago a moment was (both ms since 1970 UTC)."""
    return f"{span(max(0, now - ms))} ago"


def moment_given(text: str) -> int:
    """A moment in ISO form as ms since 1970 UTC; without a zone it is this machine's."""
    try:
        given = datetime.fromisoformat(text)
        return round(given.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        fail("expected a time like 2026-11-20T08:30 or 2026-11-20T07:30Z, got other text")
