"""Log lines: an event, fields and a sentence; nothing of a library's or an error's own words."""

import json
import logging
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.cli.output.log_lines import JsonLines, PlainLines
from tests.installation import ROOT, START

CANARY = "ada.lovelace@example.org"


def record(message: str = "said", *args: object, **more: Any) -> logging.LogRecord:
    told = {"created": START / 1000, "levelname": "WARNING", "msg": message, "args": args}
    return logging.makeLogRecord(told | more)


def failed(error: Exception) -> Any:
    try:
        raise error
    except Exception:
        return sys.exc_info()


def in_json(of: logging.LogRecord) -> dict[str, Any]:
    line = JsonLines().format(of)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def test_both_forms_say_the_same() -> None:
    of = record("it was %s", "refused", event="door.refused", source="adobe", count=12)

    assert PlainLines().format(of) == (
        "2026-11-16 09:00:00Z warning door.refused source=adobe count=12  it was refused"
    )
    assert in_json(of) == {
        "at": "2026-11-16T09:00:00.000+00:00",
        "level": "warning",
        "event": "door.refused",
        "source": "adobe",
        "count": 12,
        "message": "it was refused",
    }


def test_a_field_without_a_value_is_left_out() -> None:
    of = record("it fails", event="channel.failing", code=None, failed=0)

    assert PlainLines().format(of).endswith("channel.failing failed=0  it fails")
    assert in_json(of).keys() == {"at", "level", "event", "failed", "message"}


def test_nothing_breaks_out_of_its_line_or_its_field() -> None:
    of = record("one\ntwo\x1b[31m", event="x.y", path='a b"c\n=d', kept=Path("/data"))

    line = PlainLines().format(of)

    assert line.endswith(r'x.y path="a b\"c\n=d" kept=/data  one two [31m')
    assert in_json(of)["path"] == 'a b"c\n=d' and in_json(of)["kept"] == "/data"


@pytest.mark.parametrize(
    ("words", "args", "said"),
    [
        ("Failed to parse headers (url=%s): %s", ("https://h/T0/s3cret", CANARY),
         "Failed to parse headers (url=…): …"),
        ('%s://%s:%s "%s %s %s" %s', ("https", "h", 443, "POST", "/s3cret", "HTTP/1.1", 200),
         '…://…:443 "POST … …" 200'),
        ("Started server process [%d]", (7,), "Started server process [7]"),
        ("%d of %s", (CANARY, CANARY), ""),
        (f"Exception in callback keep(Arrival('{CANARY}'))", (), "Exception in callback keep"),
        (f"Task exception was never retrieved\nfuture: {CANARY}", (),
         "Task exception was never retrieved"),
        ("%(name)s", ({"name": CANARY},), ""),
        ("%s [%s] %s", ("CONFWARN", "rdkafka#1", f"[thrd:sasl://{CANARY}]"), "CONFWARN […] …"),
    ],
)  # fmt: skip
def test_of_a_library_only_its_own_words_are_said(
    words: str, args: tuple[object, ...], said: str
) -> None:
    of = record(words, *args, name="urllib3.connectionpool", color_message=CANARY)

    found = in_json(of)

    assert (found["event"], found["logger"]) == ("library", "urllib3.connectionpool")
    assert found["message"] == said
    assert CANARY not in PlainLines().format(of) + json.dumps(found)


def test_a_trace_has_types_and_lines_and_no_words() -> None:
    error = ValueError(CANARY)
    error.__cause__ = KeyError(CANARY)
    of = record("it failed", event="letter.broken", exc_info=failed(error))

    assert re.fullmatch(
        r"ValueError at test_log_lines\.py:\d+, after KeyError at ", in_json(of)["trace"]
    )
    assert CANARY not in JsonLines().format(of) + PlainLines().format(of)


def test_what_the_system_says_of_a_disk_is_said() -> None:
    full = in_json(record(event="x.y", exc_info=failed(OSError(28, "No space left on device"))))
    locked = in_json(record(event="x.y", exc_info=failed(sqlite3.OperationalError("is locked"))))

    assert full["trace"].startswith("OSError (No space left on device) at ")
    assert locked["trace"].startswith("OperationalError (is locked) at ")


PROGRAM = """
import threading
from service.cli.output.log_lines import configure

def fails():
    raise ValueError("ada.lovelace@example.org")

configure("json", "info")
thread = threading.Thread(target=fails)
thread.start()
thread.join()
fails()
"""


def test_what_ends_a_thread_or_the_program_is_a_line_without_its_words() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, check=False
    )

    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["program.failed", "program.failed"]
    assert all(line["trace"].startswith("ValueError at ") for line in lines)
    assert CANARY not in ended.stderr
