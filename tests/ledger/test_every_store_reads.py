"""Every store reads as `Store` says, whatever the engine: the same tests for both."""

import threading
from itertools import pairwise

import msgspec
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from service.ledger.library_recorder import LibraryRecorder
from service.ledger.sql import STORE_ERRORS
from service.ledger.store import Append
from tests.ledger.stores import BOTH_WAYS, kept, padding, row


def test_one_stream_is_read_forward_backward_and_in_part(store):
    for version in range(1, 6):
        store.append(Append(rows=[row("other", version), row("ada", version, b"%d" % version)]))
    versions = lambda **how: [version for _, _, version, *_ in store.stream("ada", **how)]  # noqa: E731
    assert versions() == [1, 2, 3, 4, 5]
    assert versions(after=2, until=4) == [3, 4]
    assert versions(newest_first=True, limit=2) == [5, 4]
    assert store.stream("nobody") == []
    assert [r for r in store.log(0, 99) if r[1] == "ada"] == store.stream("ada")


def test_a_page_of_the_log_is_behind_a_position_and_of_topics(store):
    for n in range(1, 6):
        store.append(Append(rows=[row(f"s{n}", 1, topic="odd"), row(f"s{n}", 2, topic="even")]))
    log = store.log(0, 99)
    places = [position for position, *_ in log]
    assert len(log) == 10 and places == sorted(places)
    for n, position in enumerate(places):
        assert store.log(position, 3) == log[n + 1 : n + 4]
        assert store.log(0, 99, until=position) == log[: n + 1]
    assert store.log(places[1], 3, ["odd"]) == log[2:8:2]
    assert store.log(places[-1], 9) == store.log(0, 9, ["none"]) == []


def test_many_streams_are_read_at_once_each_in_order(store):
    store.append(Append(rows=[row(f"s{n}", v) for v in (1, 2) for n in range(6_000)]))
    wanted = [f"s{n}" for n in range(5_999, 0, -1)]
    found = [(stream, version) for stream, version, *_ in store.streams(wanted)]
    assert len(found) == 2 * 5_999 and ("s0", 1) not in found
    assert all(one[0] != two[0] or one[1] < two[1] for one, two in pairwise(found))
    newest = store.newest([*wanted, "nobody"])
    assert (set(newest), newest["nobody"], newest["s1"]) == ({*wanted, "nobody"}, 0, 2)
    assert (store.newest([]), [*store.streams([])]) == ({}, [])


@BOTH_WAYS
def test_texts_come_back_as_they_were_and_compare_by_bytes(store, more):
    odd = ["it's", '"so"', "back\\slash", "tab\tand\nline", "𝔸da 😀", "Ada", "ada", "%s", ":n", "?"]
    state = bytes(range(256)) * 3
    store.append(Append(rows=[*padding(more), *(row(id, 1, state, topic=id) for id in odd)]))
    assert {(s, t, b) for s, _, t, b in store.streams(odd)} == {(id, id, state) for id in odd}
    store.append(Append(rows=[row(id) for id in ("e1", "e10", "E1", "e\u00e9", "f", "e~")]))
    assert store.ids("e", 9) == ["e1", "e10"]
    assert store.ids("e", 1) == ["e1"]
    assert store.ids("E", 9) == ["E1"]
    texts = [("ada", name, name) for name in odd]
    store.append(Append(erasable=texts))
    assert store.erasable("ada") == dict.fromkeys(odd) | {name: name for name in odd}
    assert store.erasable("Ada") == {}


def test_first_events_are_found_by_what_is_in_them(store):
    others = [row("e1", 2, b"it"), row("e2", 1, b"not"), row("f1", 1, b"it")]
    store.append(Append(rows=[row("e1", 1, b"has \x00 it"), *others]))
    assert [*store.firsts("e", b"\x00 it")] == [row("e1", 1, b"has \x00 it")]
    assert [*store.firsts("e", b"IT")] == []


def test_what_is_read_as_of_one_moment_is_of_one_commit(store, opened):
    other = opened()
    other.append(Append(rows=[row("ada")]))
    with store.one_moment():
        assert store.newest(["ada"]) == {"ada": 1}
        other.append(Append(rows=[row("ada", 2)]))
        assert (store.newest(["ada"]), len(kept(store))) == ({"ada": 1}, 1)
    assert store.newest(["ada"]) == {"ada": 2}
    with pytest.raises(ZeroDivisionError), store.one_moment():
        raise ZeroDivisionError
    store.append(Append(rows=[row("ada", 3)]))
    assert store.newest(["ada"]) == {"ada": 3}


def test_a_reading_connection_cannot_write(store):
    with pytest.raises(STORE_ERRORS):
        store.reader().execute("INSERT INTO erasable VALUES ('a', 'b', 'c')")
    assert store.erasable("a") == {}


def test_whoever_waits_for_a_commit_is_woken_by_it(store):
    seen, woken = store.wait(-1, 0.0), []
    assert store.wait(seen, 0.0) == seen
    waiting = threading.Thread(target=lambda: woken.append(store.wait(seen, 30)))
    waiting.start()
    store.append(Append(rows=[row("ada")]))
    waiting.join(10)
    assert woken and woken[0] != seen
    assert store.wait(woken[0], 0.0) == woken[0]


def test_what_need_not_be_seen_at_once_wakes_nobody(store):
    seen = store.wait(-1, 0.0)
    store.append(Append(rows=[row("ada")], waking=False))
    with store.transaction(waking=False):
        pass
    assert (store.wait(seen, 0.0), kept(store)) == (seen, [("ada", 1)])
    store.wake()
    assert store.wait(seen, 0.0) != seen


def test_opening_twice_changes_nothing(store, opened):
    store.append(Append(rows=[row("ada")]))
    again = opened()
    assert kept(again) == [("ada", 1)]
    again.append(Append(rows=[row("ada", 2)]))
    assert kept(store) == [("ada", 1), ("ada", 2)]


def test_the_librarys_recorder_works_on_it(store):
    recorder = LibraryRecorder(store)
    events = [StoredEvent(f"s{n}", 1, "odd" if n % 2 else "even", b"%d" % n) for n in range(1, 8)]
    given = list(recorder.insert_events(events))
    found = recorder.select_notifications(None, 99)
    assert [each.id for each in found] == given == sorted(given)
    assert [each.originator_id for each in found] == [each.originator_id for each in events]
    assert recorder.max_notification_id() == given[-1]
    assert recorder.select_events("s1") == events[:1]
    with pytest.raises(IntegrityError):
        recorder.insert_events(events[3:4])


def test_nothing_is_found_by_an_id_with_nul(store):
    """A letter or a request may have one, and no engine may fail by it."""
    store.create("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY);")
    store.append(Append(rows=[row("ada")]))
    for id in ("ada\0", "\0", "\0ada"):
        assert store.stream(id) == [*store.streams([id, "b"])] == store.ids(id, 9) == []
        assert store.newest([id]) == {id: 0} and store.erasable(id) == {}
        assert store.log(0, 9, [id]) == [] and [*store.firsts(id, b"x\0")] == []
        reader = store.reader()
        assert reader.execute("SELECT name FROM things WHERE name = ?", (id,)).fetchall() == []
        any_of = f"SELECT COUNT(*) FROM things WHERE {reader.dialect.any_of('name')}"
        assert reader.execute(any_of, ([id, "b"],)).fetchone() == (0,)


def test_a_text_with_nul_is_kept_in_a_table(store):
    """On PostgreSQL with another sign in its place, by either name; ids of the log are refused."""
    store.create("CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY);")
    put, odd = "INSERT INTO things (name) VALUES (?)", "a\0b"
    store.append(Append(tables=[(put, [(odd,)])], erasable=[("s", "f", odd)]))
    found = store.reader().execute("SELECT name FROM things WHERE name = ?", (odd,)).fetchall()
    assert found in ([(odd,)], [("a\ufffdb",)])
    assert store.erasable("s")["f"] in (odd, "a\ufffdb")


@pytest.mark.parametrize("text", ["a\0b", "\0\0", "\\\0", "\\u0000", "\\\\\0x", "\\\\u0000"])
def test_an_event_with_nul_in_a_text_is_kept_and_read_where_it_is(store, text):
    """SQLite reads such a text up to there."""
    state = msgspec.json.encode({"other": text, "said": {"name": text}})
    dialect = store.reader().dialect
    name = dialect.text_in("state", "said", "name")
    store.create(f"CREATE INDEX IF NOT EXISTS by_name ON {dialect.log} ({name});")
    store.append(Append(rows=[row("ada", state=state)]))
    ((found,),) = store.reader().execute(f"SELECT {name} FROM stored_events").fetchall()
    assert found in (text.replace("\0", "\ufffd"), text.partition("\0")[0])
    assert store.stream("ada")[0][-1] == state
