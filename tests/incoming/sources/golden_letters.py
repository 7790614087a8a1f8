"""Golden letters: bodies as they came, and beside each what it says. Run to write those anew."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from service.incoming.sources.source import Ignored, Item
from service.learners.facts import Fact
from tests.incoming.sources.dialects import DIALECTS, RECEIVED_AT

GOLDEN = Path(__file__).parent / "golden"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def expected_beside(path: Path) -> Path:
    """The file with the items of a letter."""
    return path.with_suffix(".facts.json")


def shown(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Items as JSON a person can check."""
    return [_shown(item) for item in items]


def _shown(item: Item) -> dict[str, Any]:
    if not isinstance(item, Fact):
        return {"ignored" if isinstance(item, Ignored) else "set_aside": item.name,
                "reason": item.reason}  # fmt: skip
    at = EPOCH + timedelta(milliseconds=item.occurred_at)
    said = {"topic": item.said.TOPIC, **msgspec.to_builtins(item.said)}
    whole: dict[str, Any] = msgspec.to_builtins(item)
    into = whole.pop("into")
    whole |= {"into": list(into)} if into else {}
    return whole | {"occurred_at": at.isoformat(timespec="milliseconds"), "said": said}


def main() -> None:
    """Writes the items of every letter as the sources read it now."""
    for dialect in DIALECTS:
        for path in sorted((GOLDEN / dialect.source.name).glob("*.json")):
            if not path.name.endswith(".facts.json"):
                items = shown(dialect.source.read(path.read_bytes(), RECEIVED_AT))
                text = json.dumps(items, indent=2, ensure_ascii=False)
                expected_beside(path).write_text(f"{text}\n")


if __name__ == "__main__":
    main()
