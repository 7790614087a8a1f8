"""Wildcards: `*` for any text and `?` for one character, without backtracking."""

import re
from collections.abc import Callable


def compile_wildcard(pattern: str) -> Callable[[str], bool]:
    """Test whole texts, without regard to case; takes at most text times pattern steps.

    Each piece between two `*` has a fixed length, so the leftmost place for it is always the
    best one and nothing is ever tried twice. A regular expression could hang the service.
    """
    first, *rest = pattern.casefold().split("*")
    head = _piece(first)
    if not rest:
        return lambda text: head.fullmatch(text.casefold()) is not None
    *middle, last = rest
    pieces = [_piece(piece) for piece in middle if piece]
    tail = _piece(last)

    def matches(text: str) -> bool:
        text = text.casefold()
        end = len(text) - len(last)
        found = head.match(text)
        for piece in pieces:
            found = found and piece.search(text, found.end())
        return bool(found and found.end() <= end and tail.match(text, end))

    return matches


def _piece(piece: str) -> re.Pattern[str]:
    return re.compile("".join("." if c == "?" else re.escape(c) for c in piece), re.DOTALL)
