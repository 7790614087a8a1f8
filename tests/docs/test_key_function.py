"""The key function of docs/scale.md gives what the service shares its work by."""

import json
import re
from typing import Any, NamedTuple
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from service.app.app import SOURCES
from service.incoming.intake import shard_of
from service.incoming.sources.source import Item, whose
from service.learners.facts import Fact
from service.learners.text_form import text_form
from tests.installation import COURSE, ROOT, SESSION, START, body, completed, event, seats

PAGE = (ROOT / "docs/scale.md").read_text()
ROW = re.compile(r"^\| ([a-z-]+) \| (\d*) ?\| (\S+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
READERS = {source.name: source for source in SOURCES}
POLYNOMIAL = 0xEDB88320


class Vector(NamedTuple):
    source: str
    account: str
    about: str
    crc: int
    of_16: int
    of_3: int


VECTORS = [Vector(*row[:3], *map(int, row[3:])) for row in ROW.findall(PAGE)]


def sunbird(learner: str, *, object_is_user: bool = True) -> bytes:
    user, course = {"type": "User", "id": learner}, {"type": "Course", "id": "do_7"}
    told = {
        "eid": "AUDIT", "ets": START, "mid": "LP.1", "actor": user,
        "object": user if object_is_user else course,
        "context": {"cdata": [{"type": "CourseBatch", "id": "b-1"}, course]},
        "edata": {"type": "enrol-complete"},
    }  # fmt: skip
    return json.dumps(told).encode()


def community(learner: Any) -> bytes:
    told = {"UserId": learner, "CourseId": 7, "CompletionDate": "2026-11-16T08:00:00"}
    return json.dumps({"EventType": "COURSE_COMPLETION", "MessageBody": told}).encode()


def adobe(learner: Any) -> bytes:
    return body(completed(START, learner))


SAID = {
    ("adobe", "77"): [adobe(77), adobe("77"), adobe(" 77 "), adobe(77.0)],
    ("adobe", SESSION): [body(seats(START, 1))],
    ("adobe", COURSE): [body(event("LEARNING_OBJECT_MODIFICATION", START, loId=COURSE))],
    ("community-training", "5"): [community(5), community("5")],
    **{
        ("sunbird", id): [
            sunbird(id),
            sunbird(f"f:keycloak:{id}"),
            sunbird(normalize("NFD", id), object_is_user=False),
        ]
        for id in ("874ed8a5-782e-4f6c-8f36-e0288455901e", "Zoë-5", "पवन-9")
    },
}
"""How letters may spell whom and what the vectors are about."""


def shard(item: Item, shards: int) -> int:
    """As the service shares it out; the number of the letter does not matter."""
    return shard_of(whose(item), 1, shards)


def crc32(data: bytes) -> int:
    """As ISO 3309 has it, bit by bit."""
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (POLYNOMIAL if found & 1 else 0)
    return found ^ 0xFFFFFFFF


def key(source: str, account: str, about: str) -> bytes:
    """As the page's Java makes it."""
    return "\x1f".join((source, account, normalize("NFC", about.strip()))).encode()


def test_the_page_has_a_vector_for_each_kind() -> None:
    assert {(each.source, each.about) for each in VECTORS} == set(SAID)
    assert len(VECTORS) == len(SAID)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: f"{each.source} {each.about}")
def test_letters_go_to_the_shard_that_the_page_names(vector: Vector) -> None:
    items = [
        item
        for letter in SAID[vector.source, vector.about]
        for item in READERS[vector.source].read(letter, START)
    ]
    found = {(shard(item, 16), shard(item, 3)) for item in items}
    assert found == {(vector.of_16, vector.of_3)}
    assert all(isinstance(item, Fact) and item.account == vector.account for item in items)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: f"{each.source} {each.about}")
def test_the_page_names_what_its_function_gives(vector: Vector) -> None:
    found = crc32(key(vector.source, vector.account, vector.about))
    assert (found, found % 16, found % 3) == (vector.crc, vector.of_16, vector.of_3)


IDS = st.text(st.characters(exclude_categories=("C",)), max_size=40).map(text_form).filter(bool)


@given(st.sampled_from(sorted(READERS)), st.sampled_from(["", "1234"]), IDS, st.integers(1, 32))
def test_the_function_gives_the_shard_of_any_learner(
    source: str, account: str, learner: str, shards: int
) -> None:
    (fact,) = READERS["adobe"].read(adobe(77), START)
    fact = structs.replace(fact, source=source, account=account, person=learner)
    assert shard(fact, shards) == crc32(key(source, account, learner)) % shards
