"""What every source owes: golden letters, the same facts however packed, keys without persons."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import pytest

from service.incoming.sources.source import Ignored, Mine, SetAside, Whose, whose
from service.learners.facts import Fact
from service.rules.fields import FIELDS
from tests.incoming.sources.dialects import (
    DIALECTS,
    RECEIVED_AT,
    Dialect,
    every_dialect,
    every_form,
    record,
    same_reference,
    wrapped,
)
from tests.incoming.sources.golden_letters import GOLDEN, expected_beside, shown

LETTERS = [
    pytest.param(dialect, path, id=f"{dialect.source.name}/{path.stem}")
    for dialect in DIALECTS
    for path in sorted((GOLDEN / dialect.source.name).glob("*.json"))
    if not path.name.endswith(".facts.json")
]


@pytest.mark.parametrize(("dialect", "path"), LETTERS)
def test_a_golden_letter_says_what_it_has_always_said(dialect: Dialect, path: Path) -> None:
    """Other keys would turn every letter delivered again into a conflict: never change them.

    `python -m tests.incoming.sources.golden_letters` writes the items anew; read the difference.
    """
    items = dialect.source.read(path.read_bytes(), RECEIVED_AT)
    assert shown(items) == json.loads(expected_beside(path).read_text())


@every_dialect
def test_every_letter_has_its_items_beside_it(dialect: Dialect) -> None:
    names = {path.name for path in (GOLDEN / dialect.source.name).iterdir()}
    letters = {name for name in names if not name.endswith(".facts.json")}
    assert len(letters) >= 9
    assert names - letters == {name.replace(".json", ".facts.json") for name in letters}


@every_form
@pytest.mark.parametrize(("dialect", "path"), LETTERS)
def test_a_golden_letter_says_the_same_in_every_form_of_bytes(
    dialect: Dialect, path: Path, form: Callable[[bytes], bytes]
) -> None:
    body = form(path.read_bytes())
    assert shown(dialect.source.read(body, RECEIVED_AT)) == json.loads(
        expected_beside(path).read_text()
    )
    assert dialect.source.wants(body) == dialect.source.wants(path.read_bytes())


@every_dialect
@pytest.mark.parametrize("length", [*range(120, 130), 255])
def test_a_wrapper_is_opened_however_long_its_text_is(dialect: Dialect, length: int) -> None:
    """The length stands before the text, where 123 looks like an opening bracket."""
    spaced = b"[]" if dialect.source.name != "adobe" else b'{"events":[]}'
    for kind in (0x98, 0x99):
        body = wrapped(record(kind, spaced.ljust(length), 1))
        assert dialect.source.read(body, RECEIVED_AT) == []
    event = dialect.letter(dialect.events[0])
    whole = event.ljust(max(length, len(event)))
    assert dialect.source.read(wrapped(record(0x9B, whole, 2)), RECEIVED_AT) == [
        dialect.fact(dialect.events[0])
    ]


@every_dialect
@every_form
def test_what_is_cut_off_is_set_aside_whole_in_every_form(
    dialect: Dialect, form: Callable[[bytes], bytes]
) -> None:
    body = form(dialect.letter(dialect.events[0]))
    (item,) = dialect.source.read(body[:-8], RECEIVED_AT)
    assert isinstance(item, SetAside) and item.reason.startswith("not JSON: ")


@every_dialect
@every_form
def test_an_empty_body_says_nothing_in_every_form(
    dialect: Dialect, form: Callable[[bytes], bytes]
) -> None:
    for text in (b"", b" \r\n  "):
        assert dialect.source.read(form(text), RECEIVED_AT) == []


@pytest.mark.parametrize(("dialect", "path"), LETTERS)
def test_reading_twice_gives_equal_items(dialect: Dialect, path: Path) -> None:
    body = path.read_bytes()
    assert dialect.source.read(body, RECEIVED_AT) == dialect.source.read(body, RECEIVED_AT)


SHARERS = 3


def taken_by(who: int) -> Mine:
    return lambda whose: crc32(repr(whose).encode()) % SHARERS == who


@pytest.mark.parametrize("cut", [0, 8])
@pytest.mark.parametrize(("dialect", "path"), LETTERS)
def test_of_those_who_share_a_letter_just_one_reads_each_event(
    dialect: Dialect, path: Path, cut: int
) -> None:
    body = path.read_bytes()
    body = body[: len(body) - cut]
    shares = [dialect.source.read_own(body, RECEIVED_AT, taken_by(n)) for n in range(SHARERS)]
    events = [[each for each in said if each] for said in zip(*shares, strict=True)]
    assert events == [[item] for item in dialect.source.read(body, RECEIVED_AT)]


@every_dialect
def test_what_one_learner_does_is_one_sharers(dialect: Dialect) -> None:
    asked: list[Whose | None] = []
    facts = [dialect.fact(event) for event in dialect.events]
    dialect.source.read_own(
        dialect.letter(*dialect.events), RECEIVED_AT, lambda whose: bool(asked.append(whose))
    )
    assert asked == [whose(fact) for fact in facts]


@every_dialect
def test_in_one_letter_or_in_many_events_are_the_same_facts(dialect: Dialect) -> None:
    events = [*dialect.events, *dialect.story]
    alone = [dialect.fact(event) for event in events]
    assert dialect.read(*events) == alone
    assert dialect.read(*reversed(events)) == alone[::-1]
    assert dialect.read(*events[:2], *events[2:], events[0]) == [*alone, alone[0]]


@every_dialect
def test_different_facts_have_different_keys(dialect: Dialect) -> None:
    keys = {dialect.fact(event).key for event in dialect.events}
    assert len(keys) == len(dialect.events)
    assert not any(same_reference(one, other) for one, other in pairwise(sorted(keys)))


@every_dialect
def test_a_key_does_not_say_whose_fact_it_is(dialect: Dialect) -> None:
    """Whoever has the log has all the rest of it, and LMS ids are few enough to try them all."""
    for event in dialect.events:
        one, other = (dialect.fact(dialect.by(event, learner)) for learner in (1, 2))
        assert one.key == other.key
        assert (one.person is None) or one.person != other.person


@every_dialect
def test_what_surrounds_an_event_does_not_change_it(dialect: Dialect) -> None:
    for event in dialect.events:
        spaced = json.dumps(json.loads(dialect.letter({"new": {"a": [1]}, **event})), indent=3)
        assert dialect.source.read(b"\n" + spaced.encode(), RECEIVED_AT) == dialect.read(event)


@every_dialect
@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_an_empty_body_says_nothing(dialect: Dialect, body: bytes) -> None:
    assert dialect.source.read(body, RECEIVED_AT) == []


@every_dialect
@pytest.mark.parametrize("event", [None, 5, True, "COURSE_COMPLETED", [], {}, [{}]])
def test_an_event_that_is_none_is_set_aside_alone(dialect: Dialect, event: object) -> None:
    good = dialect.events[0]
    odd, fact = dialect.read(event, good)
    assert isinstance(odd, SetAside) and odd.reason
    assert fact == dialect.fact(good)


@every_dialect
@pytest.mark.parametrize(
    "kind", ["QUIZ_TAKEN", "", "\u202e", "x" * 500, "\x00", "LOGIN_", "\U0001f514"]
)
def test_a_kind_nobody_knows_costs_no_other_event_and_has_a_reason(
    dialect: Dialect, kind: str
) -> None:
    before, odd, after = dialect.read(dialect.events[0], dialect.unknown(kind), dialect.events[1])
    assert isinstance(odd, Ignored | SetAside)
    assert odd.reason and len(odd.name) <= 60
    assert [before, after] == [dialect.fact(event) for event in dialect.events[:2]]


@every_dialect
def test_a_source_fills_fields_that_rules_can_read(dialect: Dialect) -> None:
    assert dialect.source.fills <= FIELDS.keys()


@every_dialect
def test_a_source_wants_whatever_is_a_fact_or_cannot_be_read(dialect: Dialect) -> None:
    for event in dialect.events:
        assert dialect.source.wants(dialect.letter(event))
        assert dialect.source.wants(json.dumps(event).encode())
    for body in (b"", b"{", b"\xff\xfe", b"null", b"[[[", b'{"eid":7}', b'"\\ud800"'):
        assert dialect.source.wants(body)


@every_dialect
def test_a_facts_envelope_is_whole(dialect: Dialect) -> None:
    for event in [*dialect.events, *dialect.story]:
        fact = dialect.fact(event)
        assert isinstance(fact, Fact)
        assert fact.source == dialect.source.name and len(fact.key) == 32
        assert bool(fact.course) == bool(fact.kind)
        assert 0 < fact.occurred_at <= RECEIVED_AT
