"""Read payloads that were kept elsewhere, one at a time however many, and bring them in."""

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.incoming.sources.byte_forms import WRAPPER

LONGEST_PAYLOAD = 64 * 1024 * 1024
LINES = (".jsonl", ".ndjson", ".log")
PACKED = ".gz"
GZIP = b"\x1f\x8b"
LENIENT = "surrogatepass"
"""Half a character costs the event it stands in, not the archive."""
BOM = b"\xef\xbb\xbf"


class UnreadableArchive(Exception):
    """Say why an archive cannot be read on: which file, where, and what was expected."""


def files_in(path: Path) -> list[Path]:
    """List the file itself, or all files of a folder in order of path, but hidden ones."""
    if not path.is_dir():
        return [path]
    inside = (each for each in path.rglob("*") if each.is_file())
    return sorted(
        f for f in inside if not any(p.startswith(".") for p in f.relative_to(path).parts)
    )


def payloads_in(path: Path, raw: io.BufferedReader) -> Iterator[bytes]:
    """Read the payloads of one open file, also a packed one; raises UnreadableArchive.

    One document if its first line begins a JSON value that ends in another line, or the text of
    an old .NET client, and the name does not say otherwise; else JSON lines. Those of a file in
    UTF-16 or UTF-32 are read in UTF-8.
    """
    packed = raw.peek(len(GZIP))[: len(GZIP)] == GZIP
    name = path.with_suffix("") if path.suffix == PACKED else path
    try:
        with _in_utf8(io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw) as file:
            first = _first_line(file, path)
            if name.suffix in LINES or not _is_opening(first):
                yield from lines_of(_all_lines(first, file), path.name)
            elif (whole := first + _rest(file, len(first), path)).strip():
                yield whole
    except UnicodeDecodeError as error:
        expected = f"expected {error.encoding.upper()} as it begins, got other bytes"
        raise UnreadableArchive(f"{path.name}: cannot be read on; {expected}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableArchive(f"{path.name}: cannot be read on ({error})") from error


class LineFile(Protocol):
    """Read a stream of bytes, by lines or not."""

    def readline(self, size: int, /) -> bytes:
        """Read a line, or the beginning of a longer one."""
        ...

    def read(self, size: int, /) -> bytes:
        """Read what follows."""
        ...


class RecodedFile:
    """Read a text as UTF-8, so many characters at a time."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def readline(self, size: int, /) -> bytes:
        """Read a line, or the beginning of a longer one."""
        return self._text.readline(size).encode("utf-8", LENIENT)

    def read(self, size: int, /) -> bytes:
        """Read what follows."""
        return self._text.read(size).encode("utf-8", LENIENT)


@contextmanager
def _in_utf8(file: io.BufferedReader) -> Iterator[LineFile]:
    encoding = json.detect_encoding(file.peek(4)[:4])
    if not encoding.startswith(("utf-16", "utf-32")):
        yield file
        return
    text = io.TextIOWrapper(file, encoding, LENIENT, newline="\n")
    try:
        yield RecodedFile(text)
    finally:
        text.detach()


def lines_of(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Read each line that is not blank; raises UnreadableArchive for one without an end."""
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_PAYLOAD:
            raise UnreadableArchive(f"{name}:{number}: {_EXPECTED}, got a longer line")
        if line.strip():
            yield line.strip(b"\r\n").removeprefix(BOM)


def bounded_lines(file: LineFile) -> Iterator[bytes]:
    """Read the lines of a stream, each at most one byte longer than a payload may be."""
    while line := file.readline(LONGEST_PAYLOAD + 1):
        yield line


_EXPECTED = f"expected payloads of at most {LONGEST_PAYLOAD // 1024 // 1024} MiB"


def _first_line(file: LineFile, path: Path) -> bytes:
    for line in bounded_lines(file):
        if len(line) > LONGEST_PAYLOAD:
            raise UnreadableArchive(f"{path.name}:1: {_EXPECTED}, got a longer line")
        if line.strip():
            return line.removeprefix(BOM)
    return b""


def _all_lines(first: bytes, file: LineFile) -> Iterator[bytes]:
    yield first
    yield from bounded_lines(file)


def _rest(file: LineFile, read: int, path: Path) -> bytes:
    rest = file.read(LONGEST_PAYLOAD + 1)
    if read + len(rest) > LONGEST_PAYLOAD:
        raise UnreadableArchive(f"{path.name}: {_EXPECTED}, got a longer document")
    return rest


def _is_opening(line: bytes) -> bool:
    """Tell whether an object, an array or a wrapped text begins here and does not end."""
    if WRAPPER.match(line):
        return True
    if not line.lstrip().startswith((b"{", b"[")):
        return False
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return False


PAYLOADS_PER_COMMIT = 512
BYTES_PER_COMMIT = 8 * 1024 * 1024
WAITING_AT_MOST = 2_048
"""Letters an import lets wait: a letter that comes meanwhile waits behind these and no more."""


def bring_in(
    letters: Letters,
    source: str,
    payloads: Iterable[bytes],
    clock: Callable[[], int],
    make_room: Callable[[], object],
) -> Iterator[range]:
    """Keep payloads as imported letters of a source; yields the receipts of each commit.

    `make_room` is called before each commit, and returns once fewer than WAITING_AT_MOST wait.
    Stopped half-way, what was yielded is kept; the same payloads again change nothing.
    """
    for batch in _batches(payloads):
        make_room()
        now = clock()
        kept = letters.keep([Arrival(source, now, {}, body) for body in batch], imported=True)
        yield range(kept[0], kept[-1] + 1)


def became(letters: Letters, receipts: Iterable[range]) -> Counter[str]:
    """Read how many letters there were, and what became of their events, by state."""
    found: Counter[str] = Counter()
    for batch in receipts:
        found["letters"] += len(batch)
        for outcomes in letters.outcomes(batch[0], batch[-1]):
            found.update(outcome.state for outcome in outcomes)
    return found


def _batches(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for payload in payloads:
        batch.append(payload)
        size += len(payload)
        if len(batch) >= PAYLOADS_PER_COMMIT or size >= BYTES_PER_COMMIT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
