"""Archives: payloads that were kept elsewhere, read one at a time however many there are."""

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

LONGEST_PAYLOAD = 64 * 1024 * 1024
LINES = (".jsonl", ".ndjson", ".log")
PACKED = ".gz"


class UnreadableArchive(Exception):
    """An archive that cannot be read on; says which file, where, and what was expected."""


def files_in(path: Path) -> list[Path]:
    """The file itself, or all files of a folder in order of their path; hidden ones left out."""
    if not path.is_dir():
        return [path]
    inside = (each for each in path.rglob("*") if each.is_file())
    return sorted(
        f for f in inside if not any(p.startswith(".") for p in f.relative_to(path).parts)
    )


def payloads_in(path: Path, raw: BinaryIO) -> Iterator[bytes]:
    """The payloads of one open file, also a packed one; raises UnreadableArchive.

    JSON lines if the name says so or the first line is a whole JSON value, else one document.
    """
    packed = path.suffix == PACKED
    name = path.with_suffix("") if packed else path
    file = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
    try:
        first = _first_line(file, path)
        if name.suffix in LINES or _is_json(first):
            yield from lines_of(_all_lines(first, file), path.name)
        elif (whole := first + _rest(file, len(first), path)).strip():
            yield whole
    except (OSError, EOFError) as error:
        raise UnreadableArchive(f"{path.name}: cannot be read on ({error})") from error


def lines_of(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Each line that is not blank; raises UnreadableArchive for one without an end."""
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_PAYLOAD:
            raise UnreadableArchive(f"{name}:{number}: {_EXPECTED}, got a longer line")
        if line.strip():
            yield line.strip(b"\r\n\xef\xbb\xbf")


def bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream, each at most one byte longer than a payload may be."""
    while line := file.readline(LONGEST_PAYLOAD + 1):
        yield line


_EXPECTED = f"expected payloads of at most {LONGEST_PAYLOAD // 1024 // 1024} MiB"


def _first_line(file: BinaryIO, path: Path) -> bytes:
    for line in bounded_lines(file):
        if len(line) > LONGEST_PAYLOAD:
            raise UnreadableArchive(f"{path.name}:1: {_EXPECTED}, got a longer line")
        if line.strip():
            return line
    return b""


def _all_lines(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    yield first
    yield from bounded_lines(file)


def _rest(file: BinaryIO, read: int, path: Path) -> bytes:
    rest = file.read(LONGEST_PAYLOAD + 1)
    if read + len(rest) > LONGEST_PAYLOAD:
        raise UnreadableArchive(f"{path.name}: {_EXPECTED}, got a longer document")
    return rest


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
