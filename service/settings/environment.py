"""The environment: variables, those kept in files, and the `.env` file."""

import re
from collections.abc import Mapping
from pathlib import Path

FILE = "_FILE"
LARGEST_FILE = 65_536

LINE = re.compile(
    r"""(?:export\s+)?([A-Za-z_]\w*)\s*=\s*"""
    r"""(?:"([^"]*)"\s*(?:\#.*)?|'([^']*)'\s*(?:\#.*)?|((?!["'])(?:(?!\s\#).)*?)(?:\s+\#.*)?)"""
)


def read_dotenv(path: Path | None, mistakes: list[str]) -> dict[str, str]:
    """NAME=value lines; a value may be quoted, and what follows ` #` is a comment."""
    if path is None or not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        mistakes.append(f"{path.name}: cannot be read ({reason}); expected a file of NAME=value")
        return {}
    found = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        match = LINE.fullmatch(line)
        if match:
            name, *quoted, plain = match.groups()
            found[name] = next((q for q in quoted if q is not None), plain or "")
        elif line and not line.startswith("#"):
            mistakes.append(f"{path.name}:{number}: expected NAME=value or # and a comment")
    return found


def with_files(given: Mapping[str, str], prefix: str, mistakes: list[str]) -> dict[str, str]:
    """The variables, each …_FILE that has the prefix replaced by what its file holds."""
    named = [k for k in given if k.startswith(prefix) and k.endswith(FILE) and k != prefix + FILE]
    found = {k: v for k, v in given.items() if k not in named}
    for name in named:
        target = name.removesuffix(FILE)
        if target in found:
            mistakes.append(f"{name}: expected {target} or {name}, got both")
            continue
        try:
            with Path(given[name]).open("rb") as file:
                found[target] = _text(file.read(LARGEST_FILE + 1))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text of at most 64 KiB"
            mistakes.append(f"{name}: cannot be read ({reason}); expected the path of a text file")
    return found


def _text(content: bytes) -> str:
    if len(content) > LARGEST_FILE or b"\0" in content:
        raise ValueError("too long or binary")
    return content.decode("utf-8-sig").strip("\r\n")
