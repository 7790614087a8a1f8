"""Records that are merged: within a batch, by two writers, and as of a moment of the past."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.incoming.letter import Arrival
from service.learners.directory.merges import Merges, PastMerges
from service.learners.directory.people import PersonRow
from service.learners.facts import PlacedFact
from service.learners.neighbours import Neighbours
from service.ledger.sqlite.sqlite_store import SqliteStore
from service.ledger.store import Append
from tests.installation import DONE, START, Installation
from tests.merged_people import ACCOUNT, merge, merge_fact, merge_letter


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, DONE) as found:
        yield found


def audit(learner: str, at: int, type: str = "enrol-complete", **edata: str) -> dict[str, Any]:
    """An event of Sunbird about one batch."""
    cdata = [{"type": "CourseBatch", "id": "b-1"}, {"type": "Course", "id": "do_7"}]
    user = {"type": "User", "id": learner}
    return {
        "eid": "AUDIT", "ets": at, "mid": f"LP.{at}", "actor": user, "object": user,
        "context": {"cdata": cdata}, "edata": {"type": type, **edata},
    }  # fmt: skip


def take(here: Installation, *events: dict[str, Any]) -> list[str]:
    """What became of the events of one letter."""
    at = max(event["ets"] for event in events)
    arrival = Arrival("sunbird", at, {}, json.dumps(events).encode())
    (n,) = here.app.letters.keep([arrival])
    here.app.take(at)
    found = here.app.letters.show(n) or {}
    return [each["state"] for each in found["events"]]


def ids(here: Installation, *learners: str) -> list[str]:
    known = here.app.people.known([("sunbird", "", each) for each in learners])
    return [known["sunbird", "", each] for each in learners]


def streams(here: Installation, record: str) -> list[str]:
    return Neighbours(here.app.store).enrollments(record)


def test_in_one_batch_what_follows_a_merge_is_of_one_learner(here: Installation) -> None:
    begin = audit("a", START, "enrol", state="Create")
    later = audit("a", START + 3)
    other = audit("b", START + 4)
    told = take(here, begin, merge_letter("a", "b", START + 1), later, other)
    assert told == ["recorded"] * 4
    a, b = ids(here, "a", "b")
    assert (len(streams(here, a)), streams(here, b)) == (1, [])
    assert len(here.notifications()) == 1
    assert take(here, begin, later) == ["duplicate"] * 2


def test_the_one_that_counts_begins_what_is_new(here: Installation) -> None:
    take(here, merge_letter("a", "b", START))
    take(here, audit("a", START + 1, "enrol", state="Create"))
    a, b = ids(here, "a", "b")
    assert (streams(here, a), len(streams(here, b))) == ([], 1)


def test_a_completion_told_of_both_is_told_once(here: Installation) -> None:
    """Sunbird moves what an account had, and then tells the completion of the other one."""
    take(here, audit("a", START), audit("b", START, "enrol", state="Create"))
    take(here, merge_letter("a", "b", START + 1))
    here.tick(START + 1)
    take(here, audit("b", START + 2))
    here.import_people([PersonRow("b", "sunbird", email="b@example.org")])
    here.tick(START + 2)
    assert sorted(here.states()) == ["cancelled", "sent"]


def test_merged_on_in_whatever_order_the_letters_come(here: Installation) -> None:
    take(here, merge_letter("b", "c", START + 1))
    take(here, merge_letter("a", "b", START))
    a, b, c = ids(here, "a", "b", "c")
    people = here.app.people
    assert people.records_of(a) == people.records_of(c) == [c, b, a]
    assert take(here, merge_letter("c", "a", START + 2)) == ["set_aside"]
    assert take(here, merge_letter("a", "c", START + 2)) == ["superseded"]


def test_a_merge_turned_round_within_a_batch_holds_up_nothing(here: Installation) -> None:
    merge(here, 2, 1)
    facts = [(1, 3), (1, None), (2, None), (1, 2)]
    told = [
        PlacedFact(merge_fact(person, into, START + at), 0, at)
        for at, (person, into) in enumerate(facts, start=1)
    ]
    outcomes = here.app.writer.write(told, START + 9, lambda _: ())
    assert [each.state for each in outcomes] == ["recorded"] * 4
    one, two = (here.app.people.known([(*ACCOUNT, id)])[*ACCOUNT, id] for id in ("1", "2"))
    assert here.app.people.records_of(one) == [two, one]


@pytest.mark.parametrize(
    ("theirs", "state", "counts"),
    [((4, 3), "set_aside", 3), ((3, 5), "set_aside", 5), ((1, None), "recorded", 4)],
)
def test_two_writers_merge_one_after_the_other(
    here: Installation, theirs: tuple[int, int | None], state: str, counts: int
) -> None:
    """The second one has read before the first commits, and begins anew if that is about it."""
    for person, into in ((1, 3), (2, 4), (6, 5)):
        merge(here, person, into)
    app, left = here.app, [theirs]
    changes = app.people.merges.changes
    found = {str(n): app.people.known([(*ACCOUNT, str(n))])[*ACCOUNT, str(n)] for n in range(1, 7)}

    def meanwhile(*of: Any) -> Any:
        while left:
            person, into = left.pop()
            other = SqliteStore(app.ledger.path)
            links = {found[str(person)]: found[str(into)] if into else ""}
            other.append(Append(tables=list(Merges(other).changes(links))))
            other.close()
        return changes(*of)

    app.people.merges.changes = meanwhile  # type: ignore[method-assign]
    told = PlacedFact(merge_fact(3, 4, START + 5), 0, 0)
    (outcome,) = app.writer.write([told], START + 5, lambda _: ())
    assert outcome.state == state
    assert app.people.records_of(found["3"])[0] == found[str(counts)]


def test_the_record_that_counts_is_filled_by_the_other(here: Installation) -> None:
    here.import_people([
        PersonRow("77", *ACCOUNT, name="Ada Byron", email="old@example.org", groups=("a", "b"),
                  fields={"site": "York", "floor": "2"}, left_as="deleted", manager="78"),
        PersonRow("78", *ACCOUNT, name="Ada Lovelace", groups=("b", "c"), fields={"site": "Bath"}),
    ])  # fmt: skip
    merge(here, 77, 78)
    people, app = here.app.people, here.app
    found = people.get(people.known([(*ACCOUNT, "77")])[*ACCOUNT, "77"])
    assert found is not None
    assert (found.lms_id, found.name, found.email) == ("78", "Ada Lovelace", "old@example.org")
    assert (found.groups, found.left_as) == (("b", "c", "a"), None)
    assert found.fields == {"site": "Bath", "floor": "2"}
    assert app.writer.lookup.manager(found) is None
    every = people.everybody(10)
    assert {each.lms_id for each in every.values() if each} == {"78"}
    assert people.several(every) == people.several([]) == {}, "each is asked for alone"
    assert people.in_group("a", "", "") == people.in_group("c", "", "") == [found.id]


def test_of_the_past_it_is_known_who_was_one_person_then(here: Installation) -> None:
    merge(here, 77, 78)
    merge(here, 77, None, START + 1)
    merge(here, 77, 79, START + 2)
    links = Neighbours(here.app.store).ever_merged()
    known = here.app.people.known([(*ACCOUNT, id) for id in ("77", "78", "79")])
    old, new, last = (known[*ACCOUNT, id] for id in ("77", "78", "79"))
    then = [
        PastMerges(links, lambda at=link.position: at, here.app.people.merges).records_of(old)  # type: ignore[misc]
        for link in links
    ]
    assert then == [[new, old], [old], [last, old]]
