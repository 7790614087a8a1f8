"""What a bundle says of itself: why each thing came, true for its reader, and in which order."""

import re
from pathlib import Path

from service.learners.directory.people import PersonRow
from tests.installation import MINUTE, START, Installation, completed, enrolled
from tests.sending.test_released import Desk

HEAD = "defaults: {bundle: 30m}"
ADA = PersonRow(
    "77", "adobe", "1234", name="Ada Lovelace", email="ada@example.org", manager="boss@example.org"
)
BOSS = PersonRow("1", name="Marie Curie", email="boss@example.org")
GRACE = PersonRow("78", name="Grace Hopper", email="grace@example.org", manager="ada@example.org")
BEA = PersonRow("79", name="Bea", email="bea@example.org", manager="boss@example.org")
RULES = """
  - id: done
    description: A course was completed
    trigger: {event: enrollment.completed}
    notify:
      - {to: manager, via: email, template: team_completion}
  - id: welcome
    description: Your new courses
    trigger: {event: enrollment.enrolled}
    notify:
      - {to: learner, via: email, template: enrolled}
  - id: news
    description: Course news
    trigger: {event: enrollment.completed}
    notify:
      - {to: learner, via: email, template: completed}
"""


def told(folder: Path, *letters: bytes, rules: str = RULES) -> dict[str | None, list[str]]:
    """The texts that leave after half an hour, by address."""
    folder.mkdir(exist_ok=True)
    desk, found = Desk(), Installation(folder, rules, head=HEAD)
    with found as office:
        office.app.deliveries["email"]._channel = desk
        office.import_people([ADA, GRACE, BEA, BOSS])
        office.post(*letters)
        office.tick(START)
        office.tick(START + 30 * MINUTE)
    mails: dict[str | None, list[str]] = {}
    for sent in desk.sent:
        html = re.sub(r"<[^>]+>", "", sent.message.html or "")
        for line in sent.message.text.partition("\n--\n")[2].splitlines():
            assert line.removeprefix("- ").removesuffix(":") in html, "the HTML says the same"
        mails.setdefault(sent.address, []).append(sent.message.text)
    return mails


def test_the_foot_says_as_whom_each_thing_came_and_for_which_rules(tmp_path: Path) -> None:
    letters = (enrolled(START, 77), completed(START, 77, course="c2"), completed(START, 78))
    mails = told(tmp_path, *letters)

    (mine,) = mails["ada@example.org"]
    assert (
        "You get this message for several reasons:\n"
        "- you are the manager of people it names: A course was completed\n"
        "- it is about your own learning: Your new courses · Course news\n"
    ) in mine
    (team,) = mails["boss@example.org"]
    assert (
        "You get this message because you are the manager of the person or people it names.\n"
        "It was sent for this reason: A course was completed\n"
    ) in team
    (grace,) = mails["grace@example.org"]
    assert "because it is about your own learning.\nIt was sent for this reason: Course" in grace


def test_several_rules_that_tell_the_same_reader_as_one_are_all_named(tmp_path: Path) -> None:
    mails = told(tmp_path, enrolled(START, 78), completed(START, 78, course="c2"))
    (mine,) = mails["grace@example.org"]
    assert (
        "because it is about your own learning.\n"
        "It was sent for these reasons: Your new courses · Course news\n"
    ) in mine


def test_things_of_one_moment_stand_by_learner_and_course(tmp_path: Path) -> None:
    courses = ["Zen", "alchemy", "Botany", "chess", "Yoga", "drawing"]
    letters = [enrolled(START, 77, course=each, session=f"{each}_1") for each in courses]
    (mine,) = told(tmp_path / "learner", *letters)["ada@example.org"]
    assert re.findall(r"^- course:(\w+)$", mine, re.MULTILINE) == sorted(courses, key=str.casefold)

    letters = [
        completed(START, who, course=course, session=f"{course}_1")
        for course in courses[:2]
        for who in (79, 77)
    ]
    (team,) = told(tmp_path / "manager", *letters)["boss@example.org"]
    assert re.findall(r"^- (\w+).*?: course:(\w+)", team, re.MULTILINE) == [
        ("Ada", "alchemy"), ("Ada", "Zen"), ("Bea", "alchemy"), ("Bea", "Zen"),
    ]  # fmt: skip
