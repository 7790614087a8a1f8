"""Feeds in lanes: what several processes count of one source is added up, on either engine."""

import pytest

from service.incoming.feeds import BOUNDS_MS, Feeds, FeedTally
from service.incoming.letter import Arrival
from service.incoming.letters import Letters
from service.ledger.sql import Statement
from tests.installation import HOUR, MINUTE, START
from tests.ledger.stores import Opened


@pytest.fixture
def feeds(ledger: Opened) -> Feeds:
    return Feeds(ledger)


def write(ledger: Opened, *statements: Statement) -> None:
    with ledger.transaction() as cursor:
        for each in statements:
            cursor.executemany(*each)


def arrivals(*sources: str) -> list[Arrival]:
    return [Arrival(source, START + n, {}, b"") for n, source in enumerate(sources)]


def tally(state: str, occurred_at: int) -> FeedTally:
    found = FeedTally()
    found.count(state, occurred_at, START + HOUR)
    return found


def test_letters_and_skipped_messages_are_added_and_the_last_one_is_known(
    ledger: Opened, feeds: Feeds
) -> None:
    letters = Letters(ledger)
    letters.keep(arrivals("sunbird", "adobe", "adobe"))
    letters.keep(arrivals("adobe"), skipped={"sunbird": 5, "adobe": 1})
    letters.keep(arrivals("adobe", "canvas"), imported=True)
    write(ledger, feeds.skipped({"sunbird": 2}))

    found = {each.source: (each.letters, each.skipped, each.last_letter) for each in feeds.all()}
    assert found == {"adobe": (3, 1, 4), "sunbird": (1, 7, 1)}
    assert {source: each.letter for source, each in feeds.heard().items()} == {
        "adobe": 4, "sunbird": 1,
    }  # fmt: skip


def test_what_became_of_events_is_added_with_how_late_they_were(
    ledger: Opened, feeds: Feeds
) -> None:
    write(ledger, feeds.taken({"adobe": tally("recorded", START + HOUR)}))
    write(ledger, feeds.taken({"adobe": tally("superseded", START), "sunbird": FeedTally()}))

    adobe, sunbird, silent = feeds.all(["canvas"])[0], *feeds.all(["canvas"])[1:][::-1]
    assert (adobe.recorded, adobe.superseded, adobe.out_of_order) == (1, 1, 1)
    late = [0] * (len(BOUNDS_MS) + 1)
    late[0] = late[BOUNDS_MS.index(HOUR)] = 1
    assert adobe.lateness == tuple(late)
    assert (adobe.late_by(0.9), HOUR // MINUTE) == (HOUR, 60)
    assert (sunbird.source, sunbird.recorded, silent.letters) == ("sunbird", 0, 0)
