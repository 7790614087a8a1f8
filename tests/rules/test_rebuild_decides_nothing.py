"""Views are disposable: without them, and with other rules, the past is not decided again."""

from tests.installation import ADA, DAY, DONE, START, STILL, Installation, completed, enrolled

STRICT = DONE.replace("notify", "conditions:\n      - course.tags: {contains: none}\n    notify")


def without_views(office: Installation) -> None:
    office.app.close()
    for suffix in ("", "-wal", "-shm"):
        (office.folder / f"data/views.db{suffix}").unlink(missing_ok=True)


def test_deleting_the_views_with_looser_rules_sends_nothing_about_the_past(tmp_path):
    with Installation(tmp_path, STRICT) as office:
        office.import_people([ADA])
        office.post(*(completed(START, user) for user in range(70, 80)))
        office.tick()
        assert office.states() == []

        office.write_rules(DONE)
        without_views(office)
        office.open(START + DAY)
        office.tick(START + DAY)

        assert office.states() == []
        assert len(list(office.app.views.reader()["enrollments"].rows)) == 10


def test_deleting_the_views_asks_nobody_again_about_silences_already_asked(tmp_path):
    with Installation(tmp_path, STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 77))
        office.tick()
        office.tick(START + 8 * DAY)
        assert office.states() == ["sent"]

        office.write_rules(STILL + "      - {to: manager, via: email, template: team_completion}\n")
        without_views(office)
        office.open(START + 9 * DAY)
        office.tick(START + 9 * DAY)

        assert office.states() == ["sent"]


def test_views_deleted_under_a_running_service_come_back_from_the_log(tmp_path):
    with Installation(tmp_path, DONE) as office:
        office.import_people([ADA])
        office.post(completed(START, 77))
        office.tick()
        before = office.notifications()

        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"data/views.db{suffix}").unlink(missing_ok=True)
        office.tick(START + DAY)

        assert office.notifications() == before
        assert len(office.drawer()) == 1


def test_a_rebuild_gives_the_same_rows_and_sends_nothing(tmp_path):
    with Installation(tmp_path, DONE + STILL) as office:
        office.import_people([ADA])
        office.post(enrolled(START, 78), completed(START, 77))
        office.tick()
        office.tick(START + 8 * DAY)
        before = office.notifications()
        drawer = office.drawer()

        office.app.views.rebuild()
        office.tick(START + 8 * DAY)

        assert office.notifications() == before
        assert office.drawer() == drawer
