"""What a message stands for is named, or counted: never cut, and never left unsaid."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.sending.templates.context import shortened
from service.sending.templates.fitting import Fits, Wording, anything, fitting
from service.sending.templates.templates import RenderedMessage, Templates

LOOP = "{% for item in items %}\n{{ item.learner.name }}\n{% endfor %}\n"
MORE = "{% if more %}and {{ more }} more{% endif %}"
SIGNED = "\n--\nThe academy\n"


def fitted(folder: Path, fits: Fits, values: Mapping[str, Any], **files: str) -> RenderedMessage:
    """Written with these files, `body_de_txt` for body.de.txt; the last locale is the reader's."""
    place = folder / "list" / "email"
    place.mkdir(parents=True)
    for name, words in files.items():
        (place / name.replace("_", ".")).write_text(words)
    locales = [name.split("_")[1] for name in files if name.count("_") == 2]
    wording = Wording(Templates(folder), "list", "email", locales[-1] if locales else None)
    return fitting(wording, {"items": [], "others": [], "more": 0, **values}, fits)


def pupils(count: int) -> list[dict[str, Any]]:
    return [{"learner": {"name": f"Pupil {number} Lovelace"}} for number in range(count)]


def at_most(characters: int) -> Fits:
    return lambda message: len(message.subject) + len(message.text.strip()) <= characters


@pytest.mark.parametrize(("most", "named"), [(1_000, 40), (200, 11), (40, 1), (12, 0)])
def test_as_many_as_fit_are_named_and_the_others_counted(
    tmp_path: Path, most: int, named: int
) -> None:
    told = fitted(tmp_path, at_most(most), {"items": pupils(40)}, body_txt=LOOP + MORE).text
    assert re.findall(r"Pupil (\d+) Lovelace\n", told) == [str(n) for n in range(named)]
    assert ("more" in told) == (named < 40)
    assert named == 40 or f"and {40 - named} more" in told


def test_what_a_list_leaves_out_already_counts_too(tmp_path: Path) -> None:
    values = {"items": pupils(10), "more": 70}
    told = fitted(tmp_path, at_most(100), values, body_txt=LOOP + MORE).text
    assert f"and {80 - told.count('Lovelace')} more" in told


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"body_txt": LOOP}, "\n\nand 31 more\n"),
        ({"body_txt": LOOP, "body_de_txt": LOOP}, "\n\nund 31 weitere\n"),
        ({"body_txt": LOOP, "body_fr_txt": LOOP}, "\n\n+31\n"),
        ({"body_txt": LOOP + SIGNED}, "\n\nand 31 more\n\n--\nThe academy\n"),
    ],
)
def test_a_template_that_knows_of_no_limit_is_given_the_words(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    short = lambda message: message.text.count("Lovelace") <= 9  # noqa: E731
    assert fitted(tmp_path, short, {"items": pupils(40)}, **files).text.endswith(words)


def test_so_is_its_html(tmp_path: Path) -> None:
    page = f"<html><body>{LOOP}</body></html>"
    values = {"items": pupils(3), "more": 4}
    message = fitted(tmp_path, anything, values, body_txt=LOOP + MORE, body_html=page)
    assert message.html and message.html.endswith("<p>and 4 more</p></body></html>")
    assert message.text.count("and 4 more") == 1


def test_words_that_are_included_count_as_those_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "_list").mkdir()
    (tmp_path / "_list" / "all.txt").write_text(LOOP + MORE)
    body = '{% include "_list/all.txt" %}'
    told = fitted(tmp_path, anything, {"items": pupils(2), "more": 4}, body_txt=body).text
    assert told == "Pupil 0 Lovelace\nPupil 1 Lovelace\nand 4 more\n"


def test_words_that_say_nothing_of_others_are_followed_by_their_number(tmp_path: Path) -> None:
    values = {"others": ["Logic", "Algebra"]}
    told = fitted(tmp_path, anything, values, body_txt="Enrolled." + SIGNED).text
    assert told == "Enrolled.\n\nand 2 more\n\n--\nThe academy\n"


def test_a_list_of_none_that_has_no_words_for_more_is_given_them(tmp_path: Path) -> None:
    body = "New{% if items %}: " + LOOP + MORE + "{% endif %}"
    told = fitted(tmp_path, at_most(18), {"items": pupils(3)}, body_txt=body).text
    assert told == "New\n\nand 3 more\n"


def test_a_list_beyond_what_templates_may_do_is_shortened_and_not_given_up(tmp_path: Path) -> None:
    items = [{**pupil, "course": {"tags": ["tag"] * 100}} for pupil in pupils(200)]
    tags = "{{ item.learner.name }}{% for tag in item.course.tags %}.{% endfor %}\n"
    body = "{% for item in items %}" + tags + "{% endfor %}" + MORE
    told = fitted(tmp_path, anything, {"items": items}, body_txt=body).text
    assert f"and {200 - told.count('Lovelace')} more" in told


def test_words_too_long_without_any_list_are_cut_where_it_shows(tmp_path: Path) -> None:
    told = fitted(tmp_path, at_most(100), {}, body_txt="First.\n" + "Ada Lovelace. " * 50).text
    assert len(told) <= 100
    assert told.startswith("First.\nAda Lovelace.") and told.endswith(("Ada…", "Lovelace.…"))


def test_words_too_long_around_a_list_still_say_how_many(tmp_path: Path) -> None:
    body = "A long preface. " * 20 + "\n" + LOOP + MORE
    told = fitted(tmp_path, at_most(60), {"items": pupils(7)}, body_txt=body).text
    assert len(told) <= 60 and told.endswith("…\nand 7 more")


def test_a_subject_too_long_is_cut_at_last(tmp_path: Path) -> None:
    files = {"body_txt": "Well done. " * 9, "subject_txt": "Ada Lovelace completed it " * 7}
    message = fitted(tmp_path, at_most(80), {}, **files)
    assert message.text == "…" and message.subject.endswith("…")
    assert len(message.subject) == 79 or message.subject[:-1].split()[-1] in files["subject_txt"]


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("Ada Lovelace completed Logic", 20, "Ada Lovelace…"),
        ("Ada Lovelace completed Logic", 23, "Ada Lovelace completed…"),
        ("Ada\nGrace and Alan", 16, "Ada\nGrace and…"),
        ("Ada, Grace\nand Alan", 16, "Ada, Grace…"),
        ("A" * 30, 10, "A" * 9 + "…"),
        ("x" * 8 + "e\N{COMBINING ACUTE ACCENT}" + "x" * 9, 10, "x" * 8 + "…"),
        ("x" * 7 + "👩🏽‍🚀" + "x" * 9, 10, "x" * 7 + "…"),
        ("x" * 8 + "🇩🇪" + "x" * 9, 10, "x" * 8 + "…"),
        ("x" * 7 + "🇩🇪" + "x" * 9, 10, "x" * 7 + "🇩🇪…"),
        ("क्षमा" * 5, 7, "क्षमा…"),
    ],
)
def test_a_cut_parts_no_words_and_nothing_seen_as_one_character(
    text: str, most: int, cut: str
) -> None:
    assert shortened(text, most) == cut
    assert len(cut) <= most
