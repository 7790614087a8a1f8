"""The rules see each event of a letter as things stood at that event, not at the letter's end."""

from tests.installation import DONE, FREE, START, Installation, completed, seats, unenrolled


def test_a_seat_that_was_free_for_a_moment_is_decided_as_of_that_moment(tmp_path):
    rules = FREE.replace("notify", "conditions:\n      - instance.waitlist_count: 0\n    notify")
    with Installation(tmp_path, rules) as office:
        office.post(seats(START, 10), seats(START + 1, 9), seats(START + 2, 10, waiting=4))
        office.app.take(START)

        assert [n["rule"] for n in office.notifications()] == ["free"]


def test_a_completion_in_the_same_letter_as_the_end_of_the_enrolment_is_told(tmp_path):
    rules = DONE.replace("notify", "conditions:\n      - enrollment.status: completed\n    notify")
    with Installation(tmp_path, rules) as office:
        office.post(completed(START, 77), unenrolled(START + 1, 77))
        office.tick()

        assert [n["state"] for n in office.notifications()] == ["waiting_address"]


def test_how_letters_are_split_into_rounds_changes_no_decision(tmp_path):
    story = [seats(START + n, 10 - n % 2) for n in range(9)]
    ids = []
    for name, letters in (("one", [story]), ("many", [[event] for event in story])):
        (tmp_path / name).mkdir()
        with Installation(tmp_path / name, FREE) as office:
            for letter in letters:
                office.post(*letter)
                office.app.take(START)
            ids.append({n["id"] for n in office.notifications()})

    assert ids[0] == ids[1]
    assert len(ids[0]) == 4
