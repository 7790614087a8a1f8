"""One letter in other bytes, by whatever door it comes: the same facts, and the bytes are kept."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.incoming.archive_import import UnreadableArchive, payloads_in
from service.incoming.letter import Arrival
from service.incoming.sources.sunbird import Sunbird
from tests.incoming.sources import sunbird_payloads as sunbird
from tests.incoming.sources.dialects import BOM, BYTE_FORMS, Dialect, every_dialect, every_form
from tests.installation import DONE, START, Installation, body, completed, enrolled

JSON = "application/json"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as opened:
        yield opened


def became(room: Installation, letter: bytes, type: str = JSON, source: str = "adobe") -> list[str]:
    """The states of a letter's events, or why one was set aside."""
    (receipt,) = room.app.letters.keep([Arrival(source, START, {"content-type": type}, letter)])
    room.app.intake.take(START)
    assert room.app.letters.body(receipt) == letter
    shown = room.app.letters.show(receipt)
    assert shown is not None
    return [each["reason"] or each["state"] for each in shown["events"]]


@every_dialect
def test_what_comes_again_in_other_bytes_is_a_duplicate(
    room: Installation, dialect: Dialect
) -> None:
    letter, source = dialect.letter(*dialect.story), dialect.source.name
    first = became(room, letter, source=source)
    assert "recorded" in first and len(first) == len(dialect.story)
    for form in BYTE_FORMS.values():
        assert became(room, form(letter), source=source) == ["duplicate"] * len(first)


@every_form
def test_a_letter_set_aside_is_read_when_it_is_tried_again(
    room: Installation, form: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = form(body(enrolled(START, 77)))
    with monkeypatch.context() as before:
        before.setattr("service.incoming.sources.parsing.utf8_json", lambda body: body)
        (reason,) = became(room, letter)
        assert reason.startswith("not JSON")
    assert room.app.letters.retry([1]) == 1
    room.app.intake.take(START)
    assert [each["state"] for each in (room.app.letters.show(1) or {})["events"]] == ["recorded"]


@pytest.mark.parametrize("mark", [BOM, ""])
def test_half_a_character_costs_its_event_alone(room: Installation, mark: str) -> None:
    letter = body(enrolled(START, 77), completed(START, 78)).decode().replace("SELF", "\ud800")
    states = became(room, (mark + letter).encode("utf-16-le", "surrogatepass"))
    assert states == ["not JSON: expected UTF-8, got other bytes", "recorded"]


@pytest.mark.parametrize(
    ("type", "encoding", "reason"),
    [
        ("application/json; charset=iso-8859-1", "latin-1", "recorded"),
        ('application/json;odd=1;Charset="ISO-8859-1"', "latin-1", "recorded"),
        ("application/json; charset=Windows-1252", "cp1252", "recorded"),
        ("application/json; charset=windows-1252", "utf-8", "recorded"),
        ("application/json; charset=windows-1252", "utf-16", "recorded"),
        ("application/json; charset=utf-16", "utf-16-be", "recorded"),
        ("application/json; charset=utf-16", "utf-8", "recorded"),
        ("application/json; charset=ibm037", "cp037", "recorded"),
        ("application/json; charset=punycode", "latin-1", "expected UTF-8"),
        ("application/json; charset=no-such", "latin-1", "expected UTF-8"),
        ("application/json; charset=utf-8", "latin-1", "expected UTF-8"),
        ("application/json", "latin-1", "expected UTF-8"),
    ],
)
def test_the_charset_that_is_said_counts_where_the_bytes_are_not_utf_8(
    room: Installation, type: str, encoding: str, reason: str
) -> None:
    """RFC 8259 knows none, so it cannot spoil what is JSON as it should be."""
    letter = (
        body(enrolled(START, 77, course="course:é", session="course:é_1"))
        .decode()
        .replace("\\u00e9", "é")
    )
    (state,) = became(room, letter.encode(encoding), type)
    assert reason in state
    if reason == "recorded":
        assert [fact.course for fact in _identities(room)] == ["course:é"]


def _identities(room: Installation) -> Iterator[object]:
    log = room.app.store.follow(0)
    return (event.body.about for event in log if event.body.topic == "enrollment.enrolled")


@every_form
def test_telemetry_that_is_not_for_us_is_left_in_the_queue(form: Callable[[bytes], bytes]) -> None:
    """In other bytes too: a topic may carry much of it."""
    log = json.dumps({"eid": "LOG", "edata": {}}).encode()
    assert not Sunbird().wants(form(log))
    assert Sunbird().wants(form(sunbird.letter(sunbird.event("enrol", "Create"))))


ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("indent", [None, 2], ids=["lines", "document"])
def test_an_archive_of_other_bytes_holds_the_same_payloads(
    tmp_path: Path, encoding: str, indent: int | None, pack: Callable[[bytes], bytes]
) -> None:
    """U+2028 ends a line for some, and no line of JSON."""
    told = [[enrolled(START, 77, course="\u2028é")], [completed(START, 77)]][: 1 if indent else 2]
    text = "\n".join(json.dumps(each, indent=indent, ensure_ascii=False) for each in told)
    (path := tmp_path / "archive.json").write_bytes(pack(text.encode(encoding)))
    with path.open("rb") as raw:
        assert [json.loads(payload) for payload in payloads_in(path, raw)] == told
        assert not raw.closed


def test_an_archive_that_is_cut_off_says_where(tmp_path: Path) -> None:
    (path := tmp_path / "archive.jsonl").write_bytes("[]\n[]".encode("utf-16")[:-1])
    with path.open("rb") as raw, pytest.raises(UnreadableArchive) as refused:
        list(payloads_in(path, raw))
    assert str(refused.value) == (
        "archive.jsonl: cannot be read on; expected UTF-16-LE as it begins, got other bytes"
    )


@pytest.mark.parametrize("form", [name for name in BYTE_FORMS if name.startswith("wrapped")])
def test_a_file_may_be_one_message_as_the_queue_had_it(tmp_path: Path, form: str) -> None:
    """Its length may be that of a line's end, and its text may have lines."""
    text = json.dumps([enrolled(START, 77)], indent=1).encode().ljust(0x0A0A)
    (path := tmp_path / "message.bin").write_bytes(BYTE_FORMS[form](text))
    with path.open("rb") as raw:
        assert list(payloads_in(path, raw)) == [BYTE_FORMS[form](text)]
