"""Many people at once are who they are one by one, whatever rows there are about them."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from service.learners.directory.courses import Courses
from service.learners.directory.people import People, PersonRow
from service.learners.directory.reported import ReportedValue
from service.learners.facts import Contact
from service.ledger.sqlite.sqlite_store import SqliteStore

KEYS = st.tuples(st.sampled_from(["", "adobe", "sunbird"]), st.sampled_from(["", "1"]))
ROWS = st.builds(
    lambda key, lms_id, name, email: PersonRow(lms_id, *key, name=name, email=email),
    KEYS, st.sampled_from("123"), st.sampled_from([None, "Ada", "Grace"]),
    st.sampled_from([None, "", "ada@example.org", "grace@example.org"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=8), st.integers())
def test_everybody_is_who_they_are_alone(tmp_path_factory, rows, seed):
    chance = random.Random(seed)
    ledger = SqliteStore(tmp_path_factory.mktemp("people") / "ledger.db")
    people = People(ledger)
    Courses(ledger)
    met = [(people.new_id(chance.randrange(10**12)), ("adobe", "1", n)) for n in "12"]
    with ledger.transaction() as cursor:
        people.meet(cursor, met)
        people.store(cursor, rows, 1)
        said = ReportedValue(Contact("Grace", "grace@example.org", {}), 5, 5)
        cursor.executemany(*people.contacts.changes({met[0][0]: said}))
    every = {row.id for row in people.page(limit=100)}
    found = people.everybody(100)
    assert found == people.several(every) == {id: people.get(id) for id in every}
    ledger.close()
