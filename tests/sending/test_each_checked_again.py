"""Each message of a batch is looked at again just before it leaves; a dead server costs little."""

import pytest

from service.sending.channels.channel import OutgoingMessage, SendResult
from service.sending.streams import after
from tests.installation import (
    DONE,
    HOUR,
    MINUTE,
    START,
    Installation,
    PersonRow,
    completed,
    revoked,
)
from tests.sending.test_released import Desk
from tests.smtp_sink import SmtpSink

USERS = range(1, 61)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def office(tmp_path, desk):
    with Installation(tmp_path, DONE) as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people(
            PersonRow(str(user), name=f"N {user}", email=f"{user}@example.org") for user in USERS
        )
        yield office


def owe(office: Installation, *users: int) -> None:
    """Completions that are decided and in the views, not yet delivered."""
    office.post(*(completed(START, user) for user in users))
    office.app.take(START)
    office.app.views.catch_up()


def round_at(office: Installation, now: int) -> int:
    moved: int = office.app.deliveries["email"].deliver(now)
    office.app.views.catch_up()
    return moved


def test_what_becomes_untrue_while_the_batch_leaves_is_not_sent(office, desk):
    owe(office, 1, 2, 3)

    def two_unenrol(outgoing: OutgoingMessage) -> None:
        desk.first = lambda outgoing: None
        assert outgoing.address is not None
        others = {1, 2, 3} - {int(outgoing.address.partition("@")[0])}
        office.post(*(revoked(START + 1, user) for user in others))
        office.app.take(START + 2)

    desk.first = two_unenrol
    round_at(office, START + 2)

    assert len(desk.sent) == 1
    assert sorted(office.states()) == ["cancelled", "cancelled", "sent"]


def test_what_moved_but_still_holds_leaves_once(office, desk):
    owe(office, 1, 2)
    desk.first = lambda _: (
        office.post(completed(START + 1, 1, False), completed(START + 1, 2, False)),
        office.app.take(START + 2),
    )
    round_at(office, START + 2)

    assert office.states() == ["sent", "sent"]
    assert len({outgoing.notification for outgoing in desk.sent}) == len(desk.sent) == 2


def test_a_rule_taken_out_while_the_batch_leaves_stops_the_rest(office, desk):
    owe(office, 1, 2, 3)

    def no_more(_: OutgoingMessage) -> None:
        desk.first = lambda outgoing: None
        office.write_rules(DONE.replace("mode: live", "").replace("id: done", "id: other"))
        office.app.reload(START + 1)

    desk.first = no_more
    round_at(office, START + 2)

    assert len(desk.sent) == 1
    assert sorted(office.states()) == ["scheduled", "scheduled", "sent"]
    round_at(office, START + 10 * MINUTE + 1)
    assert sorted(office.states()) == ["cancelled", "cancelled", "sent"]


def test_what_is_left_after_a_minute_is_given_back_and_tested_again(office, desk, monkeypatch):
    owe(office, 1, 2, 3, 4)
    clock = iter(range(0, 10_000_000, 20_000))
    monkeypatch.setattr("service.sending.delivery.steady_clock", lambda: next(clock))
    round_at(office, START)

    assert sorted(office.states()) == ["owed", "owed", "sent", "sent"]
    assert [row["attempts"] for row in office.notifications() if row["state"] == "owed"] == [0, 0]
    round_at(office, START + 2 * MINUTE)
    assert office.states() == ["sent"] * 4


def test_a_dead_server_costs_one_try_a_minute(office, desk, monkeypatch):
    monkeypatch.setattr("service.sending.delivery.steady_clock", lambda: 0)
    owe(office, *USERS)
    refused = SendResult("transient", text="connection refused", about_channel=True)
    desk.answers = [refused] * 3

    assert round_at(office, START) == 50
    assert len(desk.sent) == 1
    before = office.app.ledger.end()
    assert [round_at(office, START + second * 1000) for second in range(1, 60)] == [0] * 59
    assert office.app.ledger.end() == before

    assert round_at(office, START + MINUTE) == 1
    assert len(desk.sent) == 2
    assert office.app.ledger.end() == before + 2
    office.tick(START + 5 * MINUTE)
    office.tick(START + 7 * MINUTE)
    office.tick(START + 2 * HOUR)

    assert office.states() == ["sent"] * 60
    assert len(desk.sent) == 63


def test_one_recipients_refusal_holds_up_nobody(office, desk):
    owe(office, 1, 2, 3)
    desk.answers = [SendResult("transient", 451), SendResult("unknown")]
    round_at(office, START)

    assert sorted(office.states()) == ["owed", "owed", "sent"]


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(0.0, MINUTE), (30.0, MINUTE), (90.0, 90_000), (10**6, 60 * MINUTE), (None, MINUTE)],
)
def test_it_is_never_tried_sooner_than_by_our_own_schedule(office, asked, waits):
    owe(office, 1)
    (found,) = office.app.notification_streams.notifications([office.notifications()[0]["id"]])
    end = after(SendResult("transient", 503, retry_after=asked), found, "chat", START)

    assert end.next_at == START + waits


def test_a_mail_server_that_is_gone_is_trouble_of_the_channel_and_a_refusal_is_not(tmp_path):
    with SmtpSink() as sink, Installation(tmp_path, DONE, email=sink.url) as office:
        office.import_people(
            PersonRow(str(user), name=f"N {user}", email=f"{user}@example.org") for user in USERS
        )
        owe(office, 1, 2, 3)
        sink.down()
        round_at(office, START)
        reasons = [row["reason"] for row in office.notifications()]
        assert sorted(reasons) == ["not_tried", "not_tried", "transient"]

        sink.up()
        sink.on("RCPT", "451 4.7.1 later", times=1)
        office.tick(START + 2 * MINUTE)

        assert sorted(office.states()) == ["owed", "sent", "sent"]
