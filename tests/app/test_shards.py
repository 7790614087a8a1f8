"""Several who share the letters of one ledger leave the rows that one alone leaves.

Sending is left out: its order is that of the log, in which only those of one learner have one. They
are in one process here, and whose turn it is, who comes, freezes and is robbed is chosen.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bench import feed
from service.app.app import App, settings_of
from service.incoming import intake
from service.incoming.letter import Arrival
from service.incoming.letters import unaccounted
from service.learners import course, enrollment
from service.learners.directory.people import PersonRow
from service.ledger.postgresql.postgres_store import PostgresStore
from service.ledger.store import LeaseLost
from service.rules.notification import SENT
from tests.app.test_both_engines import AT_A_TIME, LogOfStreams, academy, log_of
from tests.campaigns import WHOLE, campaign, length
from tests.installation import DAY, DONE, HOUR, START, Installation, completed
from tests.learners.test_merged_records import audit
from tests.merged_people import merge_letter
from tests.postgres import Cluster

LETTERS = 120
DAYS = (1, 8, 15)
FEW_LETTERS = 7
SAW = re.compile(rb',"saw":\{[^}]*\}')
"""Which versions of what stands beside them an ask of the clock, or the event of an enrolment, has
read: who works alone need not say it, and of those who share each is at another point. It is all
that is left out."""

FREEZE = "UPDATE shards SET until = '-infinity' WHERE owner = %s"


class Team:
    """Some who work on one ledger: the first at once, others when it is their turn."""

    def __init__(self, here: Installation, others: int, address: str) -> None:
        self._address = address
        folders = [here.folder / f"other{n}" for n in range(others)]
        environs = [{**here.environ, "COURSEBELL_DATA": str(folder)} for folder in folders]
        self.apps = [here.app, *(App(settings_of(environ)) for environ in environs)]
        self._office = here.app

    def turn(self, app: App, what: str, now: int) -> None:
        """One step of one of them; who lost a shard begins anew."""
        if what == "freeze":
            owner = app.ledger.lease._writer.lanes._holder.owner  # type: ignore[attr-defined]
            with psycopg.connect(self._address) as session:
                session.execute(FREEZE, (owner,))
            return
        try:
            if app.ledger.lease.acquire() and what == "take":
                app.intake.take(now)
        except LeaseLost:
            app.writer.forget()

    def finish(self, now: int) -> None:
        """All take until nothing waits; then whoever has the office does the rest."""
        while self.apps[0].letters.oldest_waiting() is not None:
            for app in self.apps:
                self.turn(app, "take", now)
        for app in self.apps * 2:
            self.turn(app, "balance", now)
        office = next(app for app in self.apps if app.intake.is_office)
        if office is not self._office:
            office.open_channels()
            office.recover(now)
            self._office = office
        office.ask(now)

    def close(self) -> None:
        for app in self.apps[1:]:
            app.close()


@contextmanager
def team(folder: Path, address: str, shards: int, others: int) -> Iterator[Team]:
    PostgresStore(address, folder / "made", shards=shards).close()
    with academy(folder / "one", address) as here:
        found = Team(here, others, address)
        yield found
        found.close()


@cache
def alone() -> LogOfStreams:
    """What one process on SQLite makes of the letters."""
    with academy(Path(mkdtemp()) / "alone") as here:
        told = feed.Feed(1, START)
        for some in chunks(told):
            here.app.letters.keep(some)
            here.app.take(some[-1].received_at)
            here.app.ask(some[-1].received_at)
        for days in DAYS:
            here.app.ask(told.now + days * DAY + HOUR)
        return log_of(here.app)


def chunks(told: feed.Feed) -> list[list[Arrival]]:
    letters = list(told.letters(LETTERS))
    return [letters[n : n + AT_A_TIME] for n in range(0, LETTERS, AT_A_TIME)]


TURNS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["take", "take", "take", "balance", "freeze"])),
    max_size=25,
)


@pytest.mark.parametrize("shards", [1, 2, 8, 16] if WHOLE else [2, 16])
@campaign
@settings(max_examples=length(25), deadline=None, phases=[Phase.generate, Phase.explicit])
@given(st.integers(0, 3), st.lists(TURNS, min_size=3, max_size=3))
def test_the_same_letters_leave_the_same_rows_whoever_takes_them(
    tmp_path_factory: pytest.TempPathFactory,
    cluster: Cluster,
    shards: int,
    others: int,
    turns: list[list[tuple[int, str]]],
) -> None:
    folder, address = tmp_path_factory.mktemp("team"), cluster.schema()
    with (
        pytest.MonkeyPatch.context() as patch,
        team(folder, address, shards, others) as found,
    ):
        patch.setattr(intake, "LETTERS_PER_ROUND", FEW_LETTERS)
        told = feed.Feed(1, START)
        for some, of_these in zip(chunks(told), turns, strict=True):
            now = some[-1].received_at
            found.apps[0].letters.keep(some)
            for who, what in of_these:
                found.turn(found.apps[who % len(found.apps)], what, now)
            found.finish(now)
        for days in DAYS:
            found.finish(told.now + days * DAY + HOUR)
        rows = {(*row[:3], SAW.sub(b"", row[3])) for row in log_of(found.apps[0])}
        counts = found.apps[0].letters.counts()
    assert counts["waiting"] == 0 and counts["taken"] + counts["set_aside"] == LETTERS
    assert (sorted(alone() - rows)[:3], sorted(rows - alone())[:3]) == ([], [])


SHAPES = {**enrollment.SHAPES, **course.SHAPES}
PAIRS = {"a": "b", "c": "d", "e": "f"}
"""Whose record is merged into whose."""


def letters_of_pairs() -> list[Arrival]:
    """Each of a pair begins a course and ends it; in between their records are merged."""
    told = [
        event
        for n, (merged, into) in enumerate(PAIRS.items())
        for at in [START + 100 * n]
        for event in (
            audit(merged, at + 1, "enrol", state="Create"),
            audit(into, at + 2, "enrol", state="Create"),
            merge_letter(merged, into, at + 3, mid=f"LP.m{n}"),
            audit(merged, at + 4),
            audit(into, at + 5),
        )
    ]
    return [
        Arrival("sunbird", START + 999, {}, json.dumps(told[n : n + 2]).encode())
        for n in range(0, len(told), 2)
    ]


@campaign
@settings(max_examples=length(50), deadline=None, phases=[Phase.generate, Phase.explicit])
@given(st.permutations(letters_of_pairs()), TURNS)
def test_records_of_one_person_in_two_shards_lose_nothing_and_are_told_once(
    tmp_path_factory: pytest.TempPathFactory,
    cluster: Cluster,
    letters: list[Arrival],
    turns: list[tuple[int, str]],
) -> None:
    folder, address = tmp_path_factory.mktemp("team"), cluster.schema()
    (folder / "one").mkdir()
    people = [PersonRow(id, "sunbird", email=f"{id}@example.org") for id in "abcdef"]
    with (
        pytest.MonkeyPatch.context() as patch,
        Installation(folder / "one", DONE, COURSEBELL_DATABASE_URL=address) as here,
    ):
        here.import_people(people)
        patch.setattr(intake, "LETTERS_PER_ROUND", 2)
        found = Team(here, 2, address)
        here.app.letters.keep(letters)
        for who, what in turns:
            found.turn(found.apps[who % 3], what, START + DAY)
        found.finish(START + DAY)
        office = next(app for app in found.apps if app.intake.is_office)
        office.tick(START + DAY)
        bodies = [body for *_, body in office.store.follow(0, SHAPES)]
        sent = [n for n in here.notifications() if n["state"] == SENT]
        counts = office.letters.counts()
        found.close()
    places = [(body.letter, body.item) for body in bodies]
    assert len(places) == len(set(places)) == 5 * len(PAIRS)
    assert counts == {"accepted": 8, "taken": 8, "set_aside": 0, "waiting": 0}
    assert len(sent) == len(PAIRS)


def test_what_one_reads_a_while_after_another_is_taken_by_one_of_them(
    tmp_path: Path, postgres_address: str
) -> None:
    """The one finds from the future what is not for the other, as clocks differ and queues lag."""
    learners, at = range(100, 130), START + DAY + HOUR
    (tmp_path / "one").mkdir()
    with Installation(tmp_path / "one", DONE, COURSEBELL_DATABASE_URL=postgres_address) as here:
        found, letters = Team(here, 1, postgres_address), here.app.letters
        for app in found.apps * 2:
            found.turn(app, "balance", START)
        n = here.post(*(completed(at, learner) for learner in learners), at=START)
        for app, now in zip(found.apps, (START, START + 2 * HOUR), strict=True):
            assert len(app.ledger.lease.held) == 8
            found.turn(app, "take", now)
        found.finish(START + 2 * HOUR)
        early = [each["state"] for each in (letters.show(n) or {})["events"]]
        assert set(early) == {"recorded", "set_aside"}
        for app in found.apps:
            found.turn(app, "take", at)
        found.finish(at)
        assert {each["state"] for each in (letters.show(n) or {})["events"]} == {"recorded"}
        found.close()


def test_what_all_have_passed_is_taken_without_a_pause(
    tmp_path: Path, postgres_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the office may be far ahead of the others."""
    (tmp_path / "one").mkdir()
    with Installation(tmp_path / "one", DONE, COURSEBELL_DATABASE_URL=postgres_address) as here:
        monkeypatch.setattr(intake, "LETTERS_PER_ROUND", 2)
        found, letters = Team(here, 1, postgres_address), here.app.letters
        for app in found.apps * 2:
            found.turn(app, "balance", START)
        for learner in range(100, 110):
            here.post(completed(START, learner), at=START)
        for app in found.apps:
            while app.intake.take(START):
                pass
        assert letters.counts()["waiting"] == 10
        while found.apps[0].intake.take(START):
            pass
        assert letters.counts() == {"accepted": 10, "taken": 10, "set_aside": 0, "waiting": 0}
        found.close()


def test_parts_of_a_letter_are_put_together_set_aside_and_tried_again(
    tmp_path: Path, postgres_address: str
) -> None:
    """Each of its events is another's, one is of no use and one from the future."""
    learners, ahead = range(100, 130), START + 3 * DAY
    events = [completed(START, learner) for learner in learners]
    events[7] = {**events[7], "data": {}}
    events[9] = completed(ahead, 109)
    (tmp_path / "one").mkdir()
    with Installation(tmp_path / "one", DONE, COURSEBELL_DATABASE_URL=postgres_address) as here:
        found, letters = Team(here, 2, postgres_address), here.app.letters
        for app in found.apps * 2:
            found.turn(app, "balance", START)
        assert all(len(app.ledger.lease.held) < 16 for app in found.apps)
        n = here.post(*events, at=START)

        def became(now: int) -> list[str]:
            for app in found.apps:
                found.turn(app, "take", now)
            found.finish(now)
            told = letters.show(n) or {}
            assert len(told["events"]) == len(learners)
            assert unaccounted(letters.counts()) == 0
            return [each["state"] for each in told["events"]]

        expected = ["recorded"] * len(learners)
        expected[7] = expected[9] = "set_aside"
        for app in found.apps[:2] * 2:
            found.turn(app, "take", START)
        assert letters.counts()["waiting"] == 1
        assert became(START) == expected
        assert letters.retry([n]) == 1 and became(START + DAY) == expected
        expected[9] = "recorded"
        assert became(ahead + DAY) == expected
        assert [row["events"] for row in here.app.asides.reasons(9)] == [1]
        assert letters.feeds.all()[0].recorded == len(learners) - 1
        found.close()
