"""A bundle that is tried again, refused, given up or left by a worker that died."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.network.wire import steady_clock
from service.rules.explain.steps_in_words import in_words
from service.rules.notification import AttemptStarted, Redriven
from service.sending.channels import SendResult
from service.sending.operator import mute, unmute
from tests.installation import ADA, HOUR, MINUTE, START, Installation, completed, enrolled
from tests.sending.test_bundles import (
    EIGHT,
    GRACE,
    HEAD,
    LEARNER_DONE,
    RULES,
    WELCOMED,
    Desk,
    begin,
    opened,
    to,
    told,
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def office(tmp_path: Path, desk: Desk) -> Iterator[Installation]:
    with opened(tmp_path, desk) as found:
        yield found


def test_a_message_tried_again_still_tells_of_all_that_holds(office, desk):
    desk.answers = [SendResult("transient", 451)]
    begin(office)
    office.tick(START + 30 * MINUTE)
    assert told(office)[WELCOMED] == ("dropped", "bundle")
    office.tick(START + 32 * MINUTE)

    first, again = to(desk, "ada@example.org")
    assert first == again
    assert told(office)[LEARNER_DONE] == ("sent", None)


def test_what_may_not_leave_when_it_is_tried_again_is_let_go_of(office, desk):
    """Its rule was muted meanwhile: it is held, and not counted as told."""
    desk.answers = [SendResult("transient", 451)]
    begin(office)
    office.tick(START + 30 * MINUTE)
    mute(office.app.store, "welcome", START + 31 * MINUTE)
    office.tick(START + 32 * MINUTE)
    office.tick(START + 33 * MINUTE)

    assert "course:7" not in to(desk, "ada@example.org")[1]
    assert told(office)[WELCOMED] == ("held", "muted")
    assert told(office)[LEARNER_DONE] == ("sent", None)


@pytest.mark.parametrize("claimed", [False, True], ids=["tried again", "claimed"])
def test_what_speaks_and_must_wait_holds_nobody_else_back(office, desk, claimed):
    """Its rule was muted meanwhile, and that of the others was not."""
    desk.answers = [SendResult("transient", 451)] * (not claimed)
    begin(office)
    now = START + 30 * MINUTE
    if claimed:
        delivery = office.app.deliveries["email"]
        ready, _ = delivery._claimed(now)
        mute(office.app.store, "done", now)
        delivery._send(ready, now, begun=steady_clock(), stopping=lambda: False)
    else:
        office.tick(now)
        mute(office.app.store, "done", now)
    for minutes in (1, 2):
        office.tick(now + minutes * MINUTE)

    assert told(office)[LEARNER_DONE] == ("held", "muted")
    assert told(office)[WELCOMED] == ("sent", None)
    ids = {(n["rule"], n["recipient"]): n["id"] for n in office.notifications()}
    words = [in_words(event) for event in office.app.store.stream(ids[WELCOMED])]
    assert f"released: notification {ids[LEARNER_DONE]} does not stand for it any more" in words
    unmute(office.app.store, office.app.views, "done", now + HOUR)
    office.tick(now + HOUR)
    assert ["course:7" in mail for mail in to(desk, "ada@example.org")][-2:] == [True, False]


def test_what_speaks_and_is_of_a_rule_that_is_gone_loses_nobody_else(office, desk):
    desk.answers = [SendResult("transient", 451)]
    begin(office)
    office.tick(START + 30 * MINUTE)
    office.write_rules(RULES[RULES.index("  - id: welcome") :])
    office.app.reload(START + 30 * MINUTE)
    office.app.cancel_removed(START + 2 * HOUR)
    office.tick(START + 2 * HOUR)

    assert told(office)[LEARNER_DONE] == ("cancelled", "rule_removed")
    assert told(office)[WELCOMED] == ("sent", None)


def test_whose_reader_is_another_when_it_is_tried_again_is_let_go_of(office, desk):
    desk.answers = [SendResult("transient", 451)] * 3
    office.post(completed(START, 77), completed(START + 1, 78))
    office.tick(START)
    office.tick(START + 31 * MINUTE)
    office.import_people([replace(GRACE, manager="chief@example.org")])
    office.tick(START + 33 * MINUTE)
    office.tick(START + 34 * MINUTE)

    assert "Grace" in to(desk, "chief@example.org")[-1]
    assert "Grace" not in to(desk, "boss@example.org")[-1]
    assert sorted(office.states()) == ["sent"] * 4


def test_what_is_given_up_gives_back_what_it_was_to_stand_for(office, desk):
    desk.answers = [SendResult("permanent", 554)]
    begin(office)
    office.tick(START + 30 * MINUTE)
    office.tick(START + 31 * MINUTE)

    assert told(office)[LEARNER_DONE] == ("given_up", "permanent 554")
    assert told(office)[WELCOMED] == ("sent", None)
    assert "course:7" in to(desk, "ada@example.org")[-1]


def test_words_that_cannot_be_made_cost_their_own_thing_alone(tmp_path, desk):
    words = {"completed": "done", "enrolled": "{{ 1 // (0 if course.id == 'course:7' else 1) }}"}
    for name, text in (words | {"team_completion": "team"}).items():
        place = tmp_path / "templates" / name / "email"
        place.mkdir(parents=True)
        (place / "subject.txt").write_text(name)
        (place / "body.txt").write_text(text)
    told_by = {"COURSEBELL_TEMPLATES": str(tmp_path / "templates")}
    with Installation(tmp_path, RULES, head=HEAD, **told_by) as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA])
        begin(office)
        office.tick(START + 30 * MINUTE)
        office.tick(START + 50 * MINUTE)

        assert told(office)[WELCOMED][0] == "given_up"
        assert told(office)[LEARNER_DONE] == ("sent", None)
        assert to(desk, "ada@example.org") == ["done\n"]


def test_a_claim_that_a_dead_worker_left_is_told_once_more_and_whole(office, desk):
    begin(office)
    desk.first = lambda outgoing: 1 / 0
    office.tick(START + 30 * MINUTE)
    assert told(office)[WELCOMED] == ("dropped", "bundle")
    desk.first = lambda outgoing: None
    office.tick(START + 40 * MINUTE)

    (mail,) = to(desk, "ada@example.org")
    assert "course:7" in mail
    claims = [
        body
        for row in office.notifications()
        for body in office.app.store.stream(row["id"])
        if isinstance(body, AttemptStarted)
    ]
    assert sum(len(claim.speaks_for) for claim in claims) == 1
    assert not any(
        isinstance(body, Redriven)
        for row in office.notifications()
        for body in office.app.store.stream(row["id"])
    )


def test_what_was_handed_back_joins_others_with_all_it_speaks_for(office, desk):
    """The channel failed before its turn, and then a rule that was muted speaks again."""
    mute(office.app.store, "done", START)
    nine = {"course": "course:9", "session": "course:9_1"}
    office.post(enrolled(START, 78), enrolled(START, 77), enrolled(START, 77, **EIGHT))
    office.post(completed(START, 77, **nine))
    office.tick(START)
    desk.answers = [SendResult("transient", about_channel=True)]
    office.tick(START + 30 * MINUTE)
    assert to(desk, "ada@example.org") == []
    assert "dropped" in office.states()

    unmute(office.app.store, office.app.views, "done", START + 31 * MINUTE)
    office.tick(START + 32 * MINUTE)
    office.tick(START + 33 * MINUTE)

    (mail,) = to(desk, "ada@example.org")
    assert all(f"course:{n}" in mail for n in (7, 8, 9))
