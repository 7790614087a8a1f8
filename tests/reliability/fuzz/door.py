"""The door under fuzz: letters of every source, spoilt in their parts, their bytes and heads."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hypothesis import strategies as st

from tests.api.test_description import DOCUMENT
from tests.incoming.sources.dialects import DIALECTS, Dialect
from tests.incoming.sources.spoilt_letters import change, json_texts, parted, written
from tests.installation import DONE, FREE
from tests.real_service import RealService
from tests.reliability.fuzz.target import Check, Target, bounded
from tests.waiting import until

TICKS = os.sysconf("SC_CLK_TCK")
ENCODINGS = ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-32", "latin-1", "cp037"]
TYPES = [
    *["application/json"] * 20, "application/json; charset=utf-16", "text/plain", "", "*/*",
    "application/json; charset=x-no", "application/cloudevents+json", "application/json;" * 50,
]  # fmt: skip
PACKINGS = [*[""] * 14, "gzip", "gzip of half", "said gzip", "deflate", "br", "gzip, gzip"]


class Letter(NamedTuple):
    """A request to the door of a source."""

    source: str
    body: bytes
    headers: dict[str, str]
    chunked: bool


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    dialect = draw(st.sampled_from(DIALECTS))
    body = draw(st.one_of(bodies(dialect), bodies(dialect), st.binary(), json_texts.map(encoded)))
    packing = draw(st.sampled_from(PACKINGS))
    headers = {"Content-Type": draw(st.sampled_from(TYPES))}
    if packing:
        headers["Content-Encoding"] = packing.removeprefix("said ").removesuffix(" of half")
    if packing.startswith("gzip"):
        body = gzip.compress(body, 1)
    if packing == "gzip of half":
        body = body[: len(body) // 2]
    return Letter(dialect.source.name, body, headers, draw(st.booleans()))


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def bodies(draw: st.DrawFn, dialect: Dialect) -> bytes:
    events = draw(st.lists(st.sampled_from(dialect.events), min_size=1, max_size=4))
    whole = parted(json.loads(dialect.letter(*events)))
    drawn: Any = draw(st.data())
    for _ in range(draw(st.integers(0, 4))):
        change(whole, drawn)
    text = written(whole)
    encoding = draw(st.sampled_from(ENCODINGS))
    handling = (
        "surrogatepass" if encoding.startswith("utf") and encoding != "utf-8-sig" else "replace"
    )
    body = bytearray(text.encode(encoding, handling))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3])) if body else 0):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body)


class Door:
    """One connection to a service, opened anew when the service has closed it."""

    def __init__(self, service: RealService) -> None:
        self.service = service
        self.answers: Counter[int] = Counter()
        self._wire = HTTPConnection(urlsplit(service.address).netloc, timeout=60)

    def work(self) -> float:
        """How many seconds the service has worked."""
        spent = (
            Path(f"/proc/{self.service.process.pid}/stat").read_text().rpartition(")")[2].split()
        )
        return (int(spent[11]) + int(spent[12])) / TICKS

    def check(self, letter: Letter) -> str:
        described = DOCUMENT["paths"][f"/webhooks/{letter.source}"]["post"]["responses"]
        with bounded(self.work):
            status, said = self._answer(letter)
        self.answers[status] += 1
        assert str(status) in described, f"{status} is not described: {said[:300]!r}"
        assert status in (202, 404) or json.loads(said)["detail"], "refused without a reason"
        assert self.service.process.poll() is None, "the service is gone"
        return str(status)

    def _answer(self, letter: Letter) -> tuple[int, bytes]:
        halves = letter.body[: len(letter.body) // 2], letter.body[len(letter.body) // 2 :]
        body: Any = (part for part in halves if part) if letter.chunked else letter.body
        self._wire.request("POST", f"/webhooks/{letter.source}", body, letter.headers)
        answer = self._wire.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self._wire.close()

    def look_back(self) -> None:
        """Every 202 is a letter that is taken or set aside by now, and nothing is missing."""
        until(self.service.is_settled, "every letter is taken or set aside", 120)
        assert self.service.numbers()["coursebell_letters_accepted_total"] == self.answers[202]
        assert self.service.get("/readyz")["checks"]
        assert self.service.stop() == 0
        assert self.service.command("fsck").returncode == 0


@contextmanager
def opened(folder: Path) -> Iterator[Check]:
    doors = {
        f"COURSEBELL_{name}_ALLOW_UNAUTHENTICATED": "true"
        for name in ("COMMUNITY_TRAINING", "SUNBIRD")
    }
    with RealService(folder, DONE + FREE, **doors) as service, closing(Door(service)) as door:
        yield door.check
        door.look_back()


DOOR = Target("letters of the three sources, over real HTTP", letters(), opened)
