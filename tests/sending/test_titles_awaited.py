"""A message waits a while for the title of its course, while the LMS is being asked for it."""

import pytest

from service.learners.directory.courses import CourseRow
from tests.installation import ADA, COURSE, DONE, MINUTE, START, Installation, completed


@pytest.fixture
def office(tmp_path, sink):
    with Installation(tmp_path, DONE, email=sink.url) as office:
        office.import_people([ADA])
        office.app.courses.awaits = lambda *course: course == ("adobe", "1234", COURSE)
        office.post(completed(START, 77))
        office.tick()
        yield office


def test_it_leaves_with_the_title_as_soon_as_that_has_come(office, sink):
    (row,) = office.notifications()
    assert (row["state"], row["reason"]) == ("scheduled", "title")

    with office.app.ledger.transaction() as cursor:
        office.app.courses.store(cursor, [CourseRow(COURSE, "adobe", title="Safety")], START)
    office.tick(START + 2 * MINUTE)

    assert office.states() == ["sent"]
    (mail,) = sink.wait_for(1)
    assert mail.parsed["Subject"] == "Completed: Safety"


def test_it_leaves_without_after_a_quarter_of_an_hour(office, sink):
    office.tick(START + 14 * MINUTE)
    assert office.states() == ["scheduled"]

    office.tick(START + 15 * MINUTE)

    assert office.states() == ["sent"]
    (mail,) = sink.wait_for(1)
    assert COURSE in mail.parsed["Subject"]
    assert office.history() == [
        *("notification.owed", "notification.deferred"),
        *("notification.attempt_started", "notification.attempt_ended"),
    ]


def test_nobody_waits_where_the_title_is_known(tmp_path, sink):
    with Installation(tmp_path, DONE, email=sink.url) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick()
        assert office.states() == ["sent"]
