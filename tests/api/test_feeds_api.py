"""Feeds over HTTP and in the metrics: every source, with what became of its events."""

from tests.api.conftest import Client
from tests.installation import MINUTE, START, Installation, completed, event

SOURCES = ["adobe", "community-training", "sunbird"]


def test_every_source_is_listed_also_one_that_never_spoke(client: Client) -> None:
    items = client.get("/api/v1/feeds").json()["items"]

    assert [each["source"] for each in items] == SOURCES
    assert items[0]["last_letter_at"] is None and items[0]["letters"] == 0


def test_a_feed_says_what_became_of_its_events_and_how_late_they_came(
    client: Client, office: Installation
) -> None:
    office.post(completed(START, 77), event("BOGUS", START), at=START + 2 * MINUTE)
    office.tick(START + 2 * MINUTE)

    feed = client.get("/api/v1/feeds").json()["items"][0]

    assert feed["last_letter_at"] == "2026-11-16T09:02:00Z"
    assert (feed["letters"], feed["recorded"], feed["set_aside"]) == (1, 1, 1)
    assert [late for late in feed["lateness"] if late["events"]] == [
        {"within_seconds": 300, "events": 1}
    ]
    assert feed["lateness"][-1]["within_seconds"] is None


def test_the_metrics_tell_the_same(client: Client, office: Installation) -> None:
    office.post(completed(START, 77), event("BOGUS", START), at=START + 2 * MINUTE)
    office.app.letters.keep([], skipped={"sunbird": 7})
    office.tick(START + 2 * MINUTE)

    found = client.numbers()

    assert found['coursebell_feed_letters_total{source="adobe"}'] == 1
    assert found['coursebell_feed_skipped_total{source="sunbird"}'] == 7
    events = 'coursebell_feed_events_total{{source="adobe",state="{}"}}'
    assert found[events.format("recorded")] == found[events.format("set_aside")] == 1
    last = found['coursebell_feed_last_letter_timestamp_seconds{source="adobe"}']
    assert last * 1000 == START + 2 * MINUTE
    assert 'coursebell_feed_last_letter_timestamp_seconds{source="sunbird"}' not in found
    late = 'coursebell_feed_lateness_seconds_bucket{{le="{}",source="adobe"}}'
    assert (found[late.format("60.0")], found[late.format("300.0")]) == (0, 1)
    assert found[late.format("+Inf")] == 1
