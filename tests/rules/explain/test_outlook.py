"""What waits for somebody who has left is said to end unsent, and so it ends."""

from pathlib import Path

import pytest

from tests.installation import DAY, DONE, HOUR, START, STILL, Installation, completed, enrolled
from tests.rules.explain.explained import asked, why
from tests.sending.digest_rules import TEAM
from tests.sending.digest_rules import office as digest_office
from tests.sending.test_muting import later, run
from tests.sending.test_who_left import ADA, GROUP, HELEN, HOURS, LATER, PersonRow, gone

NAMELESS = PersonRow("77", name="Ada", groups=("Ops",))
BOSS = PersonRow("1", name="Marie", email="marie@example.org")
WEEK = 7 * DAY + HOUR
WAITING = {
    "collapse": (DONE.replace("    notify:", "    collapse: 10m\n    notify:"), ADA, "scheduled"),
    "send_window late": (DONE + LATER, ADA, "scheduled"),
    "no address": (DONE, NAMELESS, "waiting_address"),
    "muted": (DONE, ADA, "held"),
}


@pytest.mark.parametrize("reason", WAITING)
def test_it_says_of_each_kind_of_waiting_how_it_will_end(tmp_path: Path, reason: str) -> None:
    rules, ada, state = WAITING[reason]
    with Installation(tmp_path, rules, head=HOURS) as office:
        office.import_people([ada])
        if state == "held":
            run(office, "mute", "--all")
        office.post(completed(START, 77))
        office.tick()
        (waits,) = office.notifications()
        assert (waits["state"], waits["reason"], why(office).notes) == (state, reason, [])
        office.import_people([gone(ADA)])

        (note,) = why(office).notes
        assert note == (
            "who was to read it has left; instead of being sent it ends `suppressed: left`, "
            "unless they are back by then"
        )
        (occasion,) = asked(office, "done", START + HOUR, learner="77").matters[0].occasions
        assert not occasion.told and occasion.verdict.endswith(note)
        run(office, "unmute", "--all")
        office.tick(later(office) if state == "held" else START + 12 * HOUR)
        (ended,) = office.notifications()
        assert (ended["state"], ended["reason"], why(office).notes) == ("suppressed", "left", [])


def test_it_says_so_of_who_left_the_group_and_not_of_who_is_in_it(tmp_path: Path) -> None:
    with Installation(tmp_path, GROUP + LATER, head=HOURS) as office:
        office.import_people([ADA, HELEN])
        office.post(completed(START, 77))
        office.tick()
        office.import_people([PersonRow("77", groups=())])
        notes = [note for place in (0, 1) for note in why(office, place).notes]
        assert [each.split("; ")[0] for each in notes] == ["who was to read it has left the group"]
        assert "`suppressed: left_group`" in notes[0]


def test_it_says_so_of_a_silence_of_a_learner_who_left(tmp_path: Path) -> None:
    rules = STILL.replace("to: learner", "to: manager") + LATER
    with Installation(tmp_path, rules, head=HOURS) as office:
        office.import_people([PersonRow("77", name="Ada", manager="1"), BOSS])
        office.post(enrolled(START, 77))
        office.tick()
        office.tick(START + WEEK)
        office.import_people([gone(ADA)])
        assert "`cancelled: learner_left`" in why(office).notes[0]
        office.tick(START + WEEK + 11 * HOUR)
        assert office.notifications()[0]["reason"] == "learner_left"


def test_it_says_so_of_what_waits_for_the_list_of_a_manager_with_nobody_above(
    tmp_path: Path,
) -> None:
    with digest_office(tmp_path, TEAM) as office:
        office.post(completed(START, 70))
        office.tick(START)
        office.import_people([gone(BOSS)])
        assert "`suppressed: left`" in why(office).notes[0]
        office.import_people([PersonRow("1", left_as="", manager="2"), PersonRow("2", name="I.")])
        office.import_people([gone(BOSS)])
        assert why(office).notes == []
