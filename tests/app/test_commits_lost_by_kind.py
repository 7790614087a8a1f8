"""On PostgreSQL: what the service writes is there once, though its COMMIT or the answer is lost.

A day with each kind of transaction in it is played through a wire which loses one of them, and
played again on SQLite where nothing is lost: the same rows, and as many mails.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from eventsourcing.persistence import PersistenceError

from service.app.agreed_files import FilesAgreed
from service.app.app import App, settings_of
from service.learners.directory import people, people_table
from service.learners.directory.people import PersonRow
from service.sending import delivery
from service.sending.operator import mute, unmute
from tests.app.test_both_engines import POSITION, LogOfStreams
from tests.campaigns import campaign, length
from tests.installation import DAY, HOUR, MINUTE, START, Installation, completed, enrolled
from tests.lossy_wire import ANSWERS, LOSE_ANSWER, LOSE_COMMIT, PASS, LossyWire
from tests.postgres import Cluster
from tests.waiting import until

RULES = """
  - id: done
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
  - id: still
    trigger: {stalled_for: 7d}
    notify:
      - {to: learner, via: email, template: stalled}
  - id: listed
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completions, digest: {every: day, at: "10:00"}}
"""
PLACE = re.compile(rb"%s|%s" % (POSITION.pattern, rb'"turn":\d+,?'))
"""Where an event stands in the log, or a mail in the order of sending, which is that of the log."""

PLACES = 4
"""Of a step the first COMMIT is lost, or the second; of sending a mail there are four."""

TRIES = 5
LEARNER = 100
SHARED = range(10, 18)
"""Learners of several shards."""


class Academy(Installation):
    """On PostgreSQL another process may share the work: `workers` are both."""

    workers: list[App]


class Step(NamedTuple):
    """A kind of transaction, done on the nth day at a time of it."""

    kind: str
    hours: int
    does: Callable[[Academy, int, int], object]


def post(here: Installation, n: int, at: int) -> None:
    here.post(
        enrolled(at - 1, LEARNER + n), completed(at, LEARNER + n),
        enrolled(at - 10 * DAY, LEARNER + n, course=f"course:{n}", session=f"course:{n}_1"), at=at,
    )  # fmt: skip


def post_to_many(here: Academy, n: int, at: int) -> None:
    """One letter about learners of both who share the work."""
    course = {"course": f"course:s{n}", "session": f"course:s{n}_1"}
    here.post(*(completed(at, learner, **course) for learner in SHARED), at=at)


def share(here: Academy, n: int, at: int) -> None:
    """Let the other have its part of the work."""
    for each in here.workers * 3:
        each.ledger.lease.acquire()
    parts = [len(each.ledger.lease.held) for each in here.workers]
    assert sum(parts) == here.app.ledger.lease.shards and all(parts)


def keep_parts(here: Academy, n: int, at: int) -> None:
    for each in here.workers:
        each.intake.take(at)
    parts = here.app.ledger.reader().execute("SELECT count(*) FROM parts").fetchone()[0]
    assert len(here.workers) == 1 or parts == len(here.workers)


def leave_the_work(here: Academy, n: int, at: int) -> None:
    """The other goes, and has to be killed if it cannot say so; its part is taken over."""
    for each in here.workers[1:]:
        with suppress(PersistenceError):
            each.ledger.lease.release()
        each.ledger.lease.release()
    lease = here.app.ledger.lease
    until(lambda: lease.acquire() and len(lease.held) == lease.shards, "its session is gone, too")


def ask(here: Installation, n: int, at: int) -> None:
    here.app.views.catch_up()
    here.app.ask(at)


def deliver(here: Installation, n: int, at: int) -> None:
    here.app.views.catch_up()
    here.app.deliver(at)


def close_digests(here: Installation, n: int, at: int) -> None:
    here.app.views.catch_up()
    here.app.close_digests(at)


def choose(here: Installation, n: int, at: int) -> None:
    address = f"reader{n}@example.org"
    here.app.choice_requests.change(address, lambda c: c.stopping({"done"}), at, by="reader")


def import_people(here: Installation, n: int, at: int) -> None:
    here.import_people([person(f"new{n}")], at)


def let_speak(here: Installation, n: int, at: int) -> None:
    unmute(here.app.store, here.app.views, "still", at)


STEPS = (
    Step("keep at the door", 0, post),
    Step("decide", 0, lambda here, n, at: here.app.take(at)),
    Step("mute", 0, lambda here, n, at: mute(here.app.store, "still", at)),
    Step("ask the clock", 1, ask),
    Step("let speak again", 1, let_speak),
    Step("claim, and what came of it", 1, deliver),
    Step("close digests", 2, close_digests),
    Step("claim, and what came of it", 2, deliver),
    Step("import people", 3, import_people),
    Step("choose", 3, choose),
    Step("share the work", 4, share),
    Step("keep at the door", 4, post_to_many),
    Step("keep a part of a letter", 4, keep_parts),
    Step("put parts together", 4, lambda here, n, at: here.app.take(at)),
    Step("leave the work", 4, leave_the_work),
)


def person(id: str) -> PersonRow:
    return PersonRow(id, "adobe", "1234", name=f"of {id}", email=f"{id}@example.org", manager="1")


@contextmanager
def academy(folder: Path, days: int, database_url: str = "") -> Iterator[Academy]:
    """An installation with its people; ids are made by a count, as chance would tell logs apart."""
    numbers = count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "steady_clock", lambda: 0)
        for room in (people, people_table):
            patch.setattr(room, "random_id", lambda _: f"{START // 1000:08x}{next(numbers):024x}")
        folder.mkdir()
        with Academy(folder, RULES, COURSEBELL_DATABASE_URL=database_url) as here:
            learners = [person(str(n)) for n in (*SHARED, *range(LEARNER, LEARNER + days))]
            here.import_people([person("1"), *learners])
            here.workers = [here.app]
            if database_url:
                environ = {**here.environ, "COURSEBELL_DATA": str(folder / "other")}
                here.workers.append(App(settings_of(environ)))
            yield here
            for each in here.workers[1:]:
                each.close()


class Losses:
    """Loses one COMMIT of a step, or its answer; `lost` counts them by kind."""

    def __init__(self, fate: str) -> None:
        self.lost = Counter[str]()
        self._fate, self._left = fate, 0

    def next(self, _: int) -> str:
        self._left -= 1
        return PASS if self._left else self._fate

    @contextmanager
    def of(self, kind: str, place: int) -> Iterator[None]:
        """Lose the COMMIT of this place, if there are so many."""
        self._left = place
        yield
        self.lost[kind] += self._left <= 0
        self._left = 0


def insist(step: Step, here: Academy, n: int, at: int) -> None:
    """Do a step as those do who repeat it: the sender of a letter, a thread, a person."""
    for _ in range(TRIES):
        try:
            step.does(here, n, at)
        except PersistenceError as error:
            assert "nothing is kept" in str(error), "a step that may be kept is not repeated so"
        else:
            return
    raise AssertionError(f"{step.kind}: did not succeed in {TRIES} tries")


def played(here: Academy, days: int, losses: Losses) -> LogOfStreams:
    for n in range(days):
        for step in STEPS:
            with losses.of(step.kind, 1 + n % PLACES):
                insist(step, here, n, START + n * DAY + step.hours * HOUR)
    here.app.views.catch_up()
    here.app.deliver(START + days * DAY + 4 * HOUR + MINUTE)
    readers = dict(here.app.ledger.reader().execute("SELECT stream, address FROM choosers"))
    return {
        (readers.get(stream, stream), version, topic, PLACE.sub(b"", state))
        for _, stream, version, topic, state in here.app.ledger.log(0, 2**40)
        if topic != FilesAgreed.TOPIC
    }


def tables(here: Academy) -> dict[str, list[tuple]]:
    """What is kept beside the log, but for ids by chance."""
    asked = {
        "letters": "SELECT n, source, received_at, body FROM letters ORDER BY n",
        "people": "SELECT source, account, lms_id, name, email FROM people ORDER BY 1, 2, 3",
        "choosers": "SELECT address FROM choosers ORDER BY 1",
        "feeds": "SELECT source, SUM(letters), SUM(recorded) FROM feed_lanes GROUP BY source",
    }
    reader = here.app.ledger.reader()
    return {name: [*reader.execute(sql)] for name, sql in asked.items()}


@campaign
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("fate", [LOSE_COMMIT, LOSE_ANSWER])
def test_every_kind_of_transaction_is_there_once(
    tmp_path: Path, cluster: Cluster, postgres_address: str, fate: str
) -> None:
    days = length(200, PLACES)
    with academy(tmp_path / "one", days) as here:
        expected, beside, mails = played(here, days, Losses(PASS)), tables(here), len(here.drawer())
    losses = Losses(fate)
    wire = LossyWire(cluster.socket, losses.next, counted=ANSWERS)
    with academy(tmp_path / "other", days, cluster.through(wire, postgres_address)) as here:
        found = played(here, days, losses)
        assert (tables(here), len(here.drawer())) == (beside, mails)
    wire.close()
    assert (sorted(expected - found)[:3], sorted(found - expected)[:3]) == ([], [])
    assert {step.kind for step in STEPS} == {kind for kind, lost in losses.lost.items() if lost}
    assert mails >= 2 * days
