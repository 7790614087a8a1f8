"""Write log lines: an event, its fields and a sentence, for people or for programs."""

import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Any

import msgspec

from service.cli.output.console import printable
from service.cli.output.text import local_time
from service.ledger.sql import words_of

OF_EVERY_RECORD = {*vars(logging.makeLogRecord({})), "event", "message", "asctime", "taskName"}
PLAIN_VALUE = re.compile(r"[\w.:/+\-]+")
NUMBER_OR_CODE = re.compile(r"-?\d+(\.\d+)?|[A-Z][A-Z_]+")
"""What is shown of what a library puts into its words: `2`, `POST`, `CONFWARN`."""

BEFORE_ANY_VALUE = re.compile(r"[\w .,;-]*")
CAUSES = 4
STEPS = 12

Line = dict[str, Any]

log = logging.getLogger(__name__)


def line_of(record: logging.LogRecord) -> Line:
    """Give the parts of a record's line: `event`, the fields that have a value, and `message`.

    A line without an event is a library's. Of its words only those are taken that stand in the
    library's code, with numbers and codes: what it puts in may be an address or a password.
    """
    event = getattr(record, "event", None)
    line: Line = {"event": event or "library"}
    if event:
        given = {k: v for k, v in vars(record).items() if k not in OF_EVERY_RECORD}
        line |= {name: value for name, value in given.items() if value is not None}
        words = record.getMessage()
    else:
        line["logger"] = record.name
        words = _words_of_library(record)
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        line["trace"] = trace_of(error)
    return {**line, "message": words}


def _words_of_library(record: logging.LogRecord) -> str:
    pattern = str(record.msg)
    given = record.args
    if not given or not hasattr(given, "__len__") or isinstance(given, Mapping):
        found = BEFORE_ANY_VALUE.match(pattern)
        return found[0].strip() if found else ""
    try:
        return pattern % tuple(map(_number_or_code, given))
    except (TypeError, ValueError):
        return ""


def _number_or_code(value: object) -> object:
    """Give the value if nobody's name can be in it; a pattern such as %d takes nothing else."""
    return value if NUMBER_OR_CODE.fullmatch(str(value)) else "…"


def trace_of(error: BaseException) -> str:
    """Say what failed and where, by types and lines of code: words of an error may quote anything.

    SQLite's and the system's own are said; they quote nothing that came in.
    """
    return ", after ".join(
        f"{_in_words(each)} at {' > '.join(_steps(each))}" for each in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(CAUSES):
        if found is None:
            return
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _in_words(error: BaseException) -> str:
    own = words_of(error) or getattr(error, "strerror", None)
    return f"{type(error).__name__} ({own})" if own else type(error).__name__


def _steps(error: BaseException) -> list[str]:
    last = extract_tb(error.__traceback__)[-STEPS:]
    return [f"{Path(step.filename).name}:{step.lineno}" for step in last]


def line_for_programs(line: Line, at: float, level: str) -> str:
    """Write a line as one JSON object; `at` in seconds since 1970 UTC."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode({"at": moment, "level": level, **line}, enc_hook=str).decode()


class JsonLines(logging.Formatter):
    """Log one JSON object a line; nothing in a message can break out of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as JSON."""
        return line_for_programs(line_of(record), record.created, record.levelname.lower())


class PlainLines(logging.Formatter):
    """Log one line for a person, with the time in the zone of the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, event, fields and the sentence, nothing of it on a second line."""
        line = line_of(record)
        event, words, trace = line.pop("event"), line.pop("message"), line.pop("trace", "")
        moment = local_time(datetime.fromtimestamp(record.created, UTC))
        fields = "".join(f" {name}={_value(value)}" for name, value in line.items())
        said = f"{words}  {trace}".strip()
        return printable(f"{moment} {record.levelname.lower()} {event}{fields}  {said}")


def _value(value: object) -> str:
    text = str(value)
    return text if PLAIN_VALUE.fullmatch(text) else msgspec.json.encode(text).decode()


def configure(form: str, level: str) -> None:
    """Send every log line to stderr; `form` is `text` or `json`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _failed
    threading.excepthook = lambda ended: _failed(*ended[:3])
    # It writes rooms, URLs and their tokens into its words; what came of a call we say ourselves.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)


def _failed(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Log what ends a thread: Python would print its words, whatever they quote."""
    if kind is not SystemExit and error is not None:
        about = {"event": "program.failed"}
        log.critical("the program failed", exc_info=(kind, error, trace), extra=about)
