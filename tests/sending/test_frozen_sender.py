"""A sender that sleeps after its claim: what another has taken over by then is not sent again."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.app.app import App, settings_of
from tests.installation import HOUR, MINUTE, START, Installation, completed
from tests.smtp_sink import SmtpSink

SLEPT = 16 * MINUTE
"""Longer than a claim holds."""


@pytest.fixture
def other(office: Installation) -> Iterator[App]:
    """A second service on the same ledger."""
    app = App(settings_of(office.environ))
    app.open_channels()
    yield app
    app.close()


def deliver(app: App, now: int) -> None:
    app.views.catch_up()
    worker = app.deliveries.in_use["email"]
    while worker.deliver(now):
        app.views.catch_up()


def sleeping(office: Installation, monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> None:
    """The worker sleeps once it has read the clock for its first message."""
    planner, awake = office.app.deliveries.in_use["email"]._planner, False
    look = planner.at_the_last_moment

    def asleep(*ready: Any) -> Any:
        nonlocal awake
        if not awake:
            awake = True
            meanwhile()
        return look(*ready)

    monkeypatch.setattr(planner, "at_the_last_moment", asleep)


def test_what_another_has_sent_meanwhile_is_not_sent_by_who_wakes(
    office: Installation, other: App, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_over() -> None:
        deliver(other, START + SLEPT)
        deliver(other, START + SLEPT + 2 * MINUTE)

    office.post(completed(START, 77))
    office.app.take(START)
    sleeping(office, monkeypatch, taken_over)
    deliver(office.app, START)

    assert len(sink.to("ada@example.org")) == 1
    office.tick(START + HOUR)
    assert office.states() == ["sent"]
    assert len(sink.to("ada@example.org")) == 1


def test_who_slept_longer_than_a_plan_holds_sends_nothing_of_it(
    office: Installation, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0, SLEPT])
    monkeypatch.setattr("service.sending.delivery.steady_clock", lambda: next(clock, SLEPT))
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    office.app.deliveries.in_use["email"].deliver(START)
    assert (office.states(), sink.to("ada@example.org")) == (["owed"], [])
    assert office.history() == [
        "notification.owed", "notification.attempt_started", "notification.attempt_ended",
    ]  # fmt: skip

    monkeypatch.undo()
    office.tick(START + SLEPT)
    assert office.states() == ["sent"]
    assert len(sink.to("ada@example.org")) == 1


def test_who_slept_before_its_claim_sends_nothing_by_a_claim_that_is_over(
    office: Installation, sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, steady = office.app.deliveries.in_use["email"], [0]
    monkeypatch.setattr("service.sending.delivery.steady_clock", lambda: steady[-1])
    monkeypatch.setattr(worker, "settle", lambda: steady.append(SLEPT))
    office.post(completed(START, 77))
    office.app.take(START)
    office.app.views.catch_up()
    worker.deliver(START)
    assert (office.states(), sink.to("ada@example.org")) == (["owed"], [])
