"""Who has left is not written to, and neither is who left the group: whatever was owed before."""

from email import message_from_string
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest

from service.learners.directory.people import PersonRow
from tests.installation import (
    DAY,
    DONE,
    HOUR,
    MINUTE,
    START,
    STILL,
    Installation,
    enrolled,
    progressed,
)
from tests.installation import completed as done
from tests.sending.digest_rules import CLOSING, PUPILS, TEAM
from tests.sending.digest_rules import office as digest_office

ADA = PersonRow("77", name="Ada", email="ada@example.org", manager="90", groups=("Ops",))
HELEN = PersonRow("78", name="Helen", email="helen@example.org", groups=("Ops",))
BOSS = PersonRow("90", name="Boss", email="boss@example.org", manager="91")
CHIEF = PersonRow("91", name="Chief", email="chief@example.org", manager="92")
HEAD = PersonRow("92", name="Head", email="head@example.org")
EVERYBODY = (ADA, HELEN, BOSS, CHIEF, HEAD)
ABOVE = """
  - id: boss
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completion}
"""
GROUP = ABOVE.replace("to: manager", "to: 'group:Ops'")
LATER = "    send_window: late\n"
HOURS = """time_intervals:
  late:
    - {weekdays: [mon, tue, wed, thu, fri], from: "20:00", until: "21:00"}"""
EVENING = START + 11 * HOUR


def gone(row: PersonRow, left_as: str = "deleted") -> PersonRow:
    return PersonRow(row.lms_id, left_as=left_as)


def told(office: Installation) -> list[str]:
    """The addresses that mail has gone to."""
    drawer = sorted((office.folder / "data/drawer").glob("*.eml"))
    return sorted(parseaddr(message_from_string(p.read_text())["To"])[1] for p in drawer)


def outcomes(office: Installation) -> list[tuple[str, str | None]]:
    return [(row["state"], row["reason"]) for row in office.notifications()]


def office_of(folder: Path, rules: str, *rows: PersonRow, **more: Any) -> Installation:
    office = Installation(folder, rules, **more)
    office.import_people(rows or EVERYBODY)
    return office


@pytest.mark.parametrize("left_as", ["deleted", "suspended", "missing", "left"])
def test_a_learner_who_left_is_not_written_to(tmp_path: Path, left_as: str) -> None:
    with office_of(tmp_path, DONE) as office:
        office.import_people([gone(ADA, left_as)])
        office.post(done(START, 77), done(START, 78))
        office.tick()

        assert told(office) == ["helen@example.org"]
        assert sorted(outcomes(office)) == [("sent", None), ("suppressed", "left")]


def test_who_leaves_between_decision_and_sending_is_not_written_to(tmp_path: Path) -> None:
    with office_of(tmp_path, DONE + LATER, head=HOURS) as office:
        office.post(done(START, 77))
        office.tick()
        assert office.states() == ["scheduled"]
        office.import_people([gone(ADA)])
        office.tick(EVENING)

        assert (told(office), outcomes(office)) == ([], [("suppressed", "left")])


def test_who_is_back_is_written_to_again(tmp_path: Path) -> None:
    with office_of(tmp_path, DONE) as office:
        office.import_people([gone(ADA)])
        office.import_people([PersonRow("77", left_as="")])
        office.post(done(START, 77))
        office.tick()

        assert told(office) == ["ada@example.org"]


@pytest.mark.parametrize(
    "role, left, to",
    [
        ("manager", (), "boss"),
        ("manager", (BOSS,), "chief"),
        ("manager", (BOSS, CHIEF), "head"),
        ("manager", (BOSS, CHIEF, HEAD), None),
        ("managers_manager", (BOSS,), "head"),
        ("managers_manager", (CHIEF,), "head"),
        ("managers_manager", (CHIEF, HEAD), None),
        ("manager", (ADA,), "boss"),
    ],
)
def test_a_manager_who_left_is_passed_over_to_theirs(
    tmp_path: Path, role: str, left: tuple[PersonRow, ...], to: str | None
) -> None:
    with office_of(tmp_path, ABOVE.replace("to: manager", f"to: {role}")) as office:
        office.import_people(map(gone, left))
        office.post(done(START, 77))
        office.tick()

        assert told(office) == ([f"{to}@example.org"] if to else [])
        assert outcomes(office) == [("sent", None) if to else ("suppressed", "left")]


def test_a_manager_whose_account_was_made_anew_is_there_under_the_new_id(tmp_path: Path) -> None:
    ada = PersonRow("77", name="Ada", email="ada@example.org", manager="boss@example.org")
    anew = PersonRow("99", name="Boss", email="boss@example.org")
    with office_of(tmp_path, ABOVE, ada, BOSS, CHIEF, gone(BOSS), anew) as office:
        office.post(done(START, 77))
        office.tick()

        assert told(office) == ["boss@example.org"]


def test_managers_who_left_in_a_circle_have_nobody_above(tmp_path: Path) -> None:
    circle = PersonRow("91", left_as="deleted", manager="90")
    with office_of(tmp_path, ABOVE, *EVERYBODY, circle, gone(BOSS)) as office:
        office.post(done(START, 77))
        office.tick()

        assert outcomes(office) == [("suppressed", "left")]


def test_a_learner_who_leads_who_left_is_not_their_own_manager(tmp_path: Path) -> None:
    boss = PersonRow("90", left_as="deleted", manager="77")
    with office_of(tmp_path, ABOVE, *EVERYBODY, boss) as office:
        office.post(done(START, 77))
        office.tick()

        assert (told(office), outcomes(office)) == ([], [("waiting_address", "no address")])


def test_what_waits_for_an_address_of_somebody_who_left_ends_at_once(tmp_path: Path) -> None:
    nameless = PersonRow("77", name="Ada")
    with office_of(tmp_path, DONE, nameless) as office:
        office.post(done(START, 77))
        office.tick()
        assert office.states() == ["waiting_address"]
        office.import_people([gone(ADA)])
        office.tick(START + HOUR)

        assert outcomes(office) == [("suppressed", "left")]


def test_who_left_the_group_is_not_told_and_who_joined_since_neither(tmp_path: Path) -> None:
    with office_of(tmp_path, GROUP + LATER, head=HOURS) as office:
        office.post(done(START, 77))
        office.tick()
        office.import_people(
            [PersonRow("77", groups=()), PersonRow("90", groups=("Ops",)), gone(CHIEF)]
        )
        office.tick(EVENING)

        assert told(office) == ["helen@example.org"]
        assert sorted(outcomes(office)) == [("sent", None), ("suppressed", "left_group")]


def test_a_closer_row_takes_somebody_out_of_a_group_or_keeps_them(tmp_path: Path) -> None:
    with office_of(tmp_path, GROUP + LATER, head=HOURS) as office:
        office.post(done(START, 77))
        office.tick()
        office.import_people(
            [
                PersonRow("77", "adobe", email="ada@example.org", groups=("Sales",)),
                PersonRow("78", "adobe", email="helen@example.org", groups=("Ops",)),
            ]
        )
        office.tick(EVENING)

        assert told(office) == ["helen@example.org"]


def test_who_left_counts_as_no_member(tmp_path: Path) -> None:
    with office_of(tmp_path, GROUP) as office:
        office.import_people([gone(HELEN)])
        office.post(done(START, 77))
        office.tick()

        assert (told(office), outcomes(office)) == (["ada@example.org"], [("sent", None)])


@pytest.mark.parametrize("left, holds", [((BOSS,), True), ((BOSS, CHIEF, HEAD), False)])
def test_who_left_counts_as_no_manager(
    tmp_path: Path, left: tuple[PersonRow, ...], *, holds: bool
) -> None:
    rules = DONE.replace("    notify", "    conditions: [{learner.has_manager: true}]\n    notify")
    with office_of(tmp_path, rules) as office:
        office.import_people(map(gone, left))
        office.post(done(START, 77))
        office.tick()

        assert bool(office.notifications()) is holds


def test_a_list_of_a_manager_who_left_goes_to_theirs_once(tmp_path: Path) -> None:
    boss = PersonRow("1", name="Marie", email="marie@example.org", manager="2")
    chief = PersonRow("2", name="Irene", email="irene@example.org")
    with digest_office(tmp_path, TEAM) as office:
        office.import_people([*PUPILS, boss, chief])
        office.post(done(START, 70), done(START, 71))
        office.tick(START)
        office.import_people([gone(boss)])
        office.post(done(START + HOUR, 72), at=START + HOUR)
        office.tick(START + HOUR)
        office.tick(CLOSING + MINUTE)
        office.tick(CLOSING + 2 * DAY)

        (mail,) = [text for text in office.drawer() if "Pupil" in text]
        assert told(office) == ["irene@example.org"]
        assert all(f"Pupil {n}" in mail for n in (70, 71, 72))
        states = sorted(outcomes(office), key=str)
        assert states == [("dropped", "digest")] * 3 + [("sent", None)]


def test_a_list_made_up_for_a_manager_who_leaves_then_goes_to_theirs(tmp_path: Path) -> None:
    boss = PersonRow("1", name="Marie", email="marie@example.org", manager="2")
    chief = PersonRow("2", name="Irene", email="irene@example.org")
    with digest_office(tmp_path, TEAM) as office:
        office.import_people([*PUPILS, boss, chief])
        office.post(done(START, 70))
        office.tick(START)
        office.app.digest_closer.close(CLOSING + MINUTE)
        office.import_people([gone(boss)])
        office.tick(CLOSING + 2 * MINUTE)

        assert told(office) == ["irene@example.org"]


def test_a_list_of_nobody_any_more_is_not_made_up(tmp_path: Path) -> None:
    boss = PersonRow("1", name="Marie", email="marie@example.org")
    with digest_office(tmp_path, TEAM) as office:
        office.import_people([*PUPILS, boss])
        office.post(done(START, 70))
        office.tick(START)
        office.import_people([gone(boss)])
        office.tick(CLOSING + MINUTE)

        assert (told(office), outcomes(office)) == ([], [("suppressed", "left")])


def test_what_somebody_did_who_left_is_told_to_managers_and_rooms(tmp_path: Path) -> None:
    rules = ABOVE + "      - {post: room, template: seat_free}\n"
    with office_of(tmp_path, rules) as office:
        office.import_people([gone(ADA)])
        office.post(done(START, 77))
        office.tick()

        assert office.states() == ["sent", "sent"]


TEAM_STILL = STILL.replace("to: learner", "to: manager").replace("stalled}", "stalled_manager}")
STEPS = STILL + "    escalation:\n      - {after: 7d, to: manager, via: email, template: stalled}\n"
WEEK = 7 * DAY + HOUR


def pass_time(office: Installation, begin: int, end: int) -> None:
    for at in (*range(begin, end, 12 * HOUR), end):
        office.tick(at)


@pytest.mark.parametrize("rules", [STILL, TEAM_STILL])
def test_silences_of_those_who_left_are_told_to_nobody(tmp_path: Path, rules: str) -> None:
    with office_of(tmp_path, rules) as office:
        office.post(enrolled(START, 77), enrolled(START, 78))
        office.tick()
        office.import_people([gone(ADA)])
        pass_time(office, START, START + 3 * WEEK)

        learners = office.app.people.lms_ids(n["person"] for n in office.notifications())
        assert set(learners.values()) <= {"78"}


def test_a_silence_owed_to_a_manager_ends_when_the_learner_leaves(tmp_path: Path) -> None:
    with office_of(tmp_path, TEAM_STILL + LATER, head=HOURS) as office:
        office.post(enrolled(START, 77))
        office.tick()
        office.tick(START + WEEK)
        assert office.states() == ["scheduled"]
        office.import_people([gone(ADA)])
        office.tick(START + WEEK + 11 * HOUR)

        assert (told(office), outcomes(office)) == ([], [("cancelled", "learner_left")])


def test_no_step_of_an_escalation_follows_for_who_left(tmp_path: Path) -> None:
    with office_of(tmp_path, STEPS) as office:
        office.post(enrolled(START, 77))
        office.tick()
        office.tick(START + WEEK)
        office.import_people([gone(ADA)])
        pass_time(office, START + WEEK, START + 4 * WEEK)

        assert told(office) == ["ada@example.org"]
        assert office.states() == ["sent"]


def test_who_is_back_is_silent_from_what_they_do_next_and_nothing_old_is_told(
    tmp_path: Path,
) -> None:
    with office_of(tmp_path, STEPS) as office:
        office.post(enrolled(START, 77))
        office.tick()
        office.import_people([gone(ADA)])
        pass_time(office, START, START + 2 * WEEK)
        office.import_people([PersonRow("77", left_as="")])
        office.reopen(START + 2 * WEEK)
        pass_time(office, START + 2 * WEEK, START + 4 * WEEK)
        assert told(office) == []

        again = START + 4 * WEEK
        office.post(progressed(again, 77, 10), at=again)
        office.tick(again)
        pass_time(office, again, again + WEEK)
        assert told(office) == ["ada@example.org"]


def test_a_silence_that_is_due_after_the_return_is_told(tmp_path: Path) -> None:
    with office_of(tmp_path, STILL) as office:
        office.post(enrolled(START, 77))
        office.import_people([gone(ADA)])
        pass_time(office, START, START + 5 * DAY)
        office.import_people([PersonRow("77", left_as="")])
        pass_time(office, START + 5 * DAY, START + WEEK)

        assert told(office) == ["ada@example.org"]
