"""From the ask to the mail: a watcher is told once, with a link to ask again."""

import re
from threading import Barrier, Thread

import pytest

from service.learners.directory.people import PersonRow
from service.learners.instance import Instance
from service.learners.watchlist import Watchlist
from tests.installation import (
    ADA,
    COURSE,
    GRACE,
    HOUR,
    MINUTE,
    SESSION,
    START,
    Installation,
    completed,
    seats,
)

RULES = """
  - id: free
    trigger: {change: instance.seats_available, from: {lte: 0}, to: {gt: 0}}
    notify:
      - {to: watchers, via: email, template: seat_free}
"""
PUBLIC = "https://bell.example.org"
TOLD = {"COURSEBELL_PUBLIC_URL": PUBLIC, "COURSEBELL_ADMIN_TOKEN": "token"}
INSTANCE = Instance.stream("adobe", "1234", COURSE, SESSION)


@pytest.fixture
def office(tmp_path, sink):
    with Installation(tmp_path, RULES, email=sink.url, **TOLD) as office:
        office.import_people([ADA, GRACE])
        office.post(seats(START, 10))
        office.tick()
        yield office


def person(office, lms_id="77"):
    return office.app.watch_requests.meet(("adobe", "1234", lms_id), START)


def ask(office, lms_id="77", at=START):
    office.app.watch_requests.ask(INSTANCE, person(office, lms_id), at)


def stop(office, lms_id="77"):
    office.app.watch_requests.stop(INSTANCE, person(office, lms_id), START)


def free(office, at):
    """A seat is free, and the message leaves; then it is taken."""
    office.post(seats(at, 9))
    office.tick(at)
    office.post(seats(at + 1, 10))
    office.tick(at + 1)


def waiting(office):
    return [each.person for each in office.app.watch_requests.all(INSTANCE)]


def test_a_watcher_is_told_once_and_again_only_when_asked_again(office, sink):
    ask(office)
    ask(office)
    assert waiting(office) == [person(office)]

    for hours in range(1, 4):
        free(office, START + hours * HOUR)
    assert len(sink.to("ada@example.org")) == 1
    assert waiting(office) == []

    ask(office)
    free(office, START + 5 * HOUR)
    assert len(sink.to("ada@example.org")) == 2
    assert sink.to("grace@example.org") == []


def test_two_seats_in_one_delivery_are_one_message(office, sink):
    ask(office)
    at = START + HOUR
    office.post(seats(at, 9), seats(at + 1, 10), seats(at + 2, 8))
    office.tick(at + 2)

    assert len(sink.to("ada@example.org")) == 1
    assert office.states() == ["sent"]


def test_who_could_not_be_told_in_time_waits_for_the_next_seat(office, sink):
    ask(office)
    sink.down()
    free(office, START + HOUR)
    assert waiting(office) == [person(office)]
    sink.up()
    office.tick(START + 2 * HOUR)  # the seat is gone: what was owed is cancelled
    assert office.states() == ["cancelled"]

    free(office, START + 3 * HOUR)

    assert office.states() == ["cancelled", "sent"]
    assert len(sink.to("ada@example.org")) == 1
    assert waiting(office) == []


def test_while_a_message_is_on_its_way_a_second_ask_is_the_same_wish(office, sink):
    ask(office)
    sink.down()
    office.post(seats(START + HOUR, 9))
    office.tick(START + HOUR)
    ask(office)
    (standing,) = office.app.watch_requests.all(INSTANCE)
    assert standing.notification == office.notifications()[0]["id"]

    sink.up()
    office.tick(START + 2 * HOUR)
    free(office, START + 3 * HOUR)

    assert len(sink.to("ada@example.org")) == 1


def test_who_stops_in_time_is_not_told(office, sink):
    ask(office)
    ask(office, "78")
    sink.down()
    office.post(seats(START + HOUR, 9))
    office.tick(START + HOUR)
    stop(office)
    stop(office)
    sink.up()
    office.tick(START + HOUR + 10 * MINUTE)

    reasons = {n["recipient"]: (n["state"], n["reason"]) for n in office.notifications()}
    assert reasons[person(office)] == ("cancelled", "watch_over")
    assert reasons[person(office, "78")][0] == "sent"
    assert sink.to("ada@example.org") == []


def test_someone_nobody_knows_is_met_and_told_when_an_address_comes(office, sink):
    ask(office, "99")
    free_at = START + HOUR
    office.post(seats(free_at, 9))
    office.tick(free_at)
    assert office.states() == ["waiting_address"]

    office.import_people([PersonRow("99", name="Alan", email="alan@example.org")])
    office.app.deliveries["email"].look_again(free_at)
    office.tick(free_at + MINUTE)

    assert len(sink.to("alan@example.org")) == 1
    met = person(office, "99")
    office.post(completed(free_at, 99), at=free_at + MINUTE)
    office.tick(free_at + 2 * MINUTE)
    assert person(office, "99") == met


def test_the_mail_has_a_link_by_which_its_reader_asks_again(office, sink):
    ask(office)
    free(office, START + HOUR)

    (mail,) = sink.to("ada@example.org")
    text = str(mail.parsed.get_body(("plain",)).get_content())
    (token,) = re.findall(rf"{PUBLIC}/watch/(\S+)", text)

    assert office.app.links.watch.read(token) == (person(office), INSTANCE)
    assert "Hello Ada Lovelace" in text


def test_restarting_and_rebuilding_tell_nobody_twice(office, sink):
    ask(office)
    free(office, START + HOUR)
    office.reopen(START + 2 * HOUR)
    free(office, START + 3 * HOUR)

    assert len(sink.to("ada@example.org")) == 1


def test_asks_while_the_service_decides_are_neither_lost_nor_told_twice(office, sink):
    """Asks of eight threads, as of the API, while letters about the seats are taken."""
    together = Barrier(9)
    keys = [str(200 + n) for n in range(8)]
    office.import_people([PersonRow(key, email=f"{key}@example.org") for key in keys])

    def asking(key: str) -> None:
        together.wait()
        ask(office, key)
        ask(office, key)

    threads = [Thread(target=asking, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    together.wait()
    for n in range(1, 30):
        free(office, START + n * HOUR)
    for thread in threads:
        thread.join()
    free(office, START + 40 * HOUR)
    free(office, START + 41 * HOUR)

    assert [len(sink.to(f"{key}@example.org")) for key in keys] == [1] * 8
    stream = office.app.ledger.stream(Watchlist.stream(INSTANCE))
    assert [version for _, _, version, *_ in stream] == list(range(1, len(stream) + 1))
    assert sum(topic == "watch.asked" for *_, topic, _ in stream) == 8
