"""Hold a letter: what arrives, what waits to be taken, what became of each event in it."""

from typing import Any

import msgspec


class Arrival(msgspec.Struct, frozen=True):
    """Hold a delivery as it came; `received_at` in ms, `headers` only those worth keeping."""

    source: str
    received_at: int
    headers: dict[str, str]
    body: bytes


class EventOutcome(msgspec.Struct, frozen=True, array_like=True):
    """Say what became of one event: `recorded`, `duplicate`, `superseded` and so on.

    `stream` is the aggregate of a recorded or superseded event.
    """

    state: str
    name: str
    reason: str = ""
    stream: str = ""


class Letter(msgspec.Struct, frozen=True):
    """Hold a waiting letter; `before` are the outcomes of an earlier taking, if any.

    Nobody is told anything because of an `imported` one. `charset` is what its sender says of
    the bytes, in small letters, or empty. One that waits again has a `turn` among those.
    """

    n: int
    source: str
    received_at: int
    body: bytes
    before: list[EventOutcome] | None
    imported: bool = False
    charset: str = ""
    turn: int | None = None


_outcomes = msgspec.json.Decoder(list[EventOutcome])
encode = msgspec.json.Encoder().encode


def outcomes_in(text: str) -> list[EventOutcome]:
    """Decode outcomes as they are stored."""
    return _outcomes.decode(text)


def letter_fields(row: tuple[Any, ...]) -> dict[str, Any]:
    """Give a letter and what became of it, from the columns that `letters.COLUMNS` names."""
    n, source, received_at, headers, erased, imported, waits, before, taken_at, state, events = row
    outcomes = outcomes_in(events or before or "[]")
    return {
        "n": n,
        "source": source,
        "received_at": received_at,
        "headers": msgspec.json.decode(headers),
        "erased": bool(erased),
        "imported": imported is not None,
        "state": "waiting" if waits is not None else state,
        "taken_at": taken_at,
        "events": [msgspec.structs.asdict(outcome) for outcome in outcomes],
    }
