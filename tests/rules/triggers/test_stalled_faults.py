"""The clock when the ledger fails: who moved is asked about later, and nobody is forgotten."""

import sqlite3

import pytest

from service.learners.enrollment_views import EnrollmentViews
from service.ledger.views import Views
from service.sending.queue import SendQueue
from tests.installation import DAY, DONE, MINUTE, START, STILL, Installation, enrolled

FAR = START + 20 * DAY


@pytest.fixture
def office(tmp_path):
    """The mark stands at thirteen days ago, and a learner silent since before that is late news."""
    with Installation(tmp_path, STILL) as office:
        office.tick(FAR)
        office.post(enrolled(START + DAY, 77), at=FAR)
        office.app.take(FAR)
        office.app.views.catch_up()
        yield office


def test_who_moved_before_an_ask_that_failed_is_asked_about_in_the_next(office, monkeypatch):
    def refused(decisions):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(office.app.writer, "commit", refused)
    with pytest.raises(sqlite3.OperationalError):
        office.tick(FAR)
    monkeypatch.undo()

    office.tick(FAR)

    assert len(office.notifications()) == 1


def test_who_moved_before_new_rules_and_a_crash_is_asked_about_after_it(office):
    office.write_rules(STILL + DONE)
    assert office.app.reload(FAR)

    office.reopen(FAR + MINUTE)
    office.tick(FAR + MINUTE)

    assert len(office.notifications()) == 1


def test_who_moved_is_asked_about_whoever_has_followed_the_log(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.tick(FAR)
        office.post(enrolled(START + DAY, 77), at=FAR)
        office.app.take(FAR)
        parts = [EnrollmentViews(), SendQueue()]
        other = Views(office.app.views.path, office.app.store, parts, owner=False)
        other.catch_up()
        other.close()

        office.tick(FAR)

        assert len(office.notifications()) == 1
