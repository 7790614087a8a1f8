"""What a list tells and what is recorded as told agree, in a room that takes so much."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.learners.directory.people import PersonRow
from tests.chat_room import Room
from tests.installation import MINUTE, ROOT, START, Installation, completed, enrolled
from tests.sending.digest_rules import CLOSING, TEAM
from tests.sending.digest_rules import office as installed

ROOM = TEAM.replace("to: manager, via: email", "post: room").replace(
    'at: "08:30"', 'at: "08:30", max_items: 200'
)
NAMES = [
    PersonRow(str(n), name=f"P{n} *Anna_B* & O'Neil E{n}", email=f"p{n}@example.org")
    for n in range(100, 300)
]


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as room:
        yield room


def mattermost(room: Room) -> str:
    """A service that takes 4,000 characters."""
    return f"mmost://127.0.0.1:{room.port}/3ccdd113474722377935511fc85d3dd4"


def told(desk: Installation, users: range) -> None:
    desk.import_people(NAMES)
    desk.post(*(completed(START + user, user) for user in users))
    desk.tick(START + MINUTE)
    desk.tick(CLOSING)


def ends(desk: Installation) -> dict[tuple[str, str | None], int]:
    rows = [(row["state"], row["reason"]) for row in desk.notifications()]
    return {each: rows.count(each) for each in rows}


@pytest.mark.parametrize("count", [1, 80, 90, 100, 200])
def test_a_room_is_told_of_all_and_so_it_is_recorded(
    tmp_path: Path, room: Room, count: int
) -> None:
    with installed(tmp_path, ROOM, COURSEBELL_CHAT_URL=mattermost(room)) as desk:
        told(desk, range(100, 100 + count))

        (post,) = room.posts
        named = re.findall(r"P(\d+) \*Anna_B\* & O'Neil E(\d+): course:7", post["text"])
        assert len(post["text"]) <= 4_000
        assert all(first == last for first, last in named)
        assert len(named) == post["text"].count("Anna")
        more = re.findall(r"and (\d+) more$", post["text"])
        assert len(named) + sum(map(int, more)) == count
        assert ends(desk) == {("dropped", "digest"): count, ("sent", None): 1}


def test_what_was_refused_is_not_told_and_said_the_same_way_again(
    tmp_path: Path, room: Room
) -> None:
    with installed(tmp_path, ROOM, COURSEBELL_CHAT_URL=mattermost(room)) as desk:
        room.status = 503
        told(desk, range(100, 220))
        assert desk.states().count("owed") == 1 and "sent" not in desk.states()

        room.status = 200
        desk.tick(CLOSING + 5 * MINUTE)
        desk.tick(CLOSING + 60 * MINUTE)

        first, second = room.posts
        assert first["text"] == second["text"]
        assert ends(desk) == {("dropped", "digest"): 120, ("sent", None): 1}


def test_a_collapsed_message_names_what_fits_and_counts_the_others(
    tmp_path: Path, room: Room
) -> None:
    rules = """
  - id: done
    trigger: {event: enrollment.completed}
    collapse: 10m
    notify:
      - {post: room, template: list}
"""
    with installed(tmp_path, rules, COURSEBELL_CHAT_URL=mattermost(room)) as desk:
        words = "{{ course.title }}\n{% for title in others %}\n{{ title }}\n{% endfor %}"
        (tmp_path / "templates/list/chat/body.txt").write_text(words)
        desk.reopen()
        courses = [f"course:{n}{'x' * 60}" for n in range(100, 230)]
        desk.post(*(completed(START, 100, course=c, session=f"{c}_1") for c in courses))
        desk.tick(START)
        desk.tick(START + 11 * MINUTE)

        (post,) = room.posts
        named = re.findall(r"course:\d+x{60}\b", post["text"])
        assert named and len(named) == post["text"].count("course:")
        assert post["text"].endswith(f"and {130 - len(named)} more")
        assert ends(desk) == {("dropped", "collapsed"): 129, ("sent", None): 1}


def test_a_template_without_words_for_the_others_does_not_hide_them(tmp_path: Path) -> None:
    rules = """
  - id: new
    trigger: {event: enrollment.enrolled}
    collapse: 10m
    notify:
      - {to: learner, via: email, template: one}
"""
    folder = tmp_path / "templates"
    shutil.copytree(ROOT / "templates", folder)
    (folder / "one/email").mkdir(parents=True)
    for name in ("subject.txt", "body.txt", "body.html"):
        (folder / "one/email" / name).write_text("{{ course.title }} has begun.")
    with Installation(tmp_path, rules, COURSEBELL_TEMPLATES=str(folder)) as desk:
        desk.import_people(NAMES[:1])
        courses = ["course:7", "course:8", "course:9"]
        desk.post(*(enrolled(START, 100, course=c, session=f"{c}_1") for c in courses))
        desk.tick(START)
        desk.tick(START + 11 * MINUTE)

        (mail,) = desk.drawer()
        assert mail.count("and 2 more") == 2, "in the text and in the HTML"


def test_one_message_too_long_for_its_room_ends_where_it_shows(tmp_path: Path, room: Room) -> None:
    rules = ROOM[: ROOM.index(", digest:")] + "}\n"
    with installed(tmp_path, rules, COURSEBELL_CHAT_URL=mattermost(room)) as desk:
        words = "Dear all,\n" + "{{ learner.name }} has completed it. " * 200
        (tmp_path / "templates/list/chat/body.txt").write_text(words)
        desk.reopen()
        told(desk, range(100, 101))

        (post,) = room.posts
        assert 3_900 < len(post["text"]) <= 4_000
        assert post["text"].endswith("…") and not post["text"][-2].isspace()
