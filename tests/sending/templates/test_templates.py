"""The shipped templates read well, in each language, with little known and with hostile names."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from service.sending.templates.sample import ALONE, SAMPLE
from service.sending.templates.templates import TemplateProblem, Templates

LOCALES = ("en", "de", "fr", "es", "hi", "ar")
LISTS = ("team_completions", "team_stalled")
MAILS = (
    "completed", "enrolled", "not_passed", "stalled", "stalled_again", "stalled_manager",
    "team_completion", "team_not_passed", *LISTS,
)  # fmt: skip
BOTH = ("channel_failing", "feed_silent", "letter_set_aside", "seat_free")
PAGES = (*MAILS, "seat_free")
FORMS = [*((name, "email") for name in PAGES), ("almost_full", "chat"), ("seat_free", "chat")]
COURSE_URL, WATCH_URL = SAMPLE["course"]["url"], SAMPLE["instance"]["watch_url"]
CHOICES_URL = SAMPLE["recipient"]["choices_url"]


class Page(HTMLParser):
    """What a page shows and where it points."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src", "background", "action"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def known(**groups: Any) -> dict[str, Any]:
    return {**SAMPLE, **groups}


def test_the_shipped_templates_have_no_problem(shipped: Templates) -> None:
    assert shipped.problems() == []
    mails = {name: {"email"} for name in MAILS}
    both = {name: {"email", "chat"} for name in BOTH}
    assert shipped.forms == mails | both | {"almost_full": {"chat"}}


def test_a_completion_reads_like_this(shipped: Templates) -> None:
    others = {"others": ["Algebra in Ten Lessons"], "more": 2}
    message = shipped.render("completed", "email", "en-GB", {**ALONE, **others})
    assert message.subject == "Completed: Logic for Everyone"
    assert message.text == (
        "Hello Ada Lovelace,\n\n"
        "Completed: Logic for Everyone\n\n"
        "You have completed this course. Well done. There is nothing more to do.\n\n"
        "Completed: 8 November 2024\n"
        "Score: 87%\n\n"
        "Completed along with it:\n"
        "- Algebra in Ten Lessons\n"
        "and 2 more\n\n"
        "Open the course:\n"
        "https://lms.example.org/course/123\n\n"
        "--\n"
        "You get this message because it is about your own learning.\n"
        "Choose what you get, and when:\n"
        "https://coursebell.example.org/choices/sample\n"
        "Replies to this message are not read.\n"
    )


@pytest.mark.parametrize(
    ("wanted", "greeting"),
    [
        ("de-AT", "Guten Tag"),
        ("de_DE", "Guten Tag"),
        ("DE", "Guten Tag"),
        ("fr-CA", "Bonjour"),
        ("es", "Hola"),
        ("hi-IN", "नमस्ते"),
        ("ar-EG", "مرحبًا"),
        ("nl", "Hello"),
        ("en-US", "Hello"),
        ("", "Hello"),
        (None, "Hello"),
        ("../../etc/passwd", "Hello"),
    ],
)
def test_the_language_nearest_to_the_wanted_one_is_chosen(
    shipped: Templates, wanted: str | None, greeting: str
) -> None:
    assert shipped.render("stalled", "email", wanted, SAMPLE).text.startswith(greeting)


def test_german_writes_german_dates_and_figures(shipped: Templates) -> None:
    text = shipped.render("completed", "email", "de", ALONE).text
    assert "Abgeschlossen: 8. November 2024" in text
    assert "Ergebnis: 87\N{NO-BREAK SPACE}%" in text


def test_a_day_is_the_readers_day(shipped: Templates) -> None:
    late = {"completed_at": 1_731_106_800_000}  # 8 November 2024, 23:00 UTC
    for zone, day in (("Europe/Berlin", "9"), ("America/Lima", "8"), ("No/Where", "8")):
        values = {"enrollment": late, "recipient": {"timezone": zone}}
        text = shipped.render("completed", "email", None, values).text
        assert f"Completed: {day} November 2024" in text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("template", "form"), FORMS)
@pytest.mark.parametrize("course", [{}, {"id": "course:123"}, {"id": "c", "title": None}])
def test_what_is_not_known_is_not_missed(
    shipped: Templates, template: str, form: str, locale: str, course: dict[str, Any]
) -> None:
    values = {"course": course, "items": [{"course": course}, {}]}
    message = shipped.render(template, form, locale, values)
    words = f"{message.subject}\n{message.text}\n{Page(message.html or '').text}"
    assert "None" not in words and "none" not in words
    assert not re.search(r" [,.]|  +\S|\( | \)|:\s*$", message.text.replace("\n", " \n"))
    assert message.subject


def test_a_nameless_learner_is_greeted_and_a_course_without_title_is_named_by_its_id(
    shipped: Templates,
) -> None:
    text = shipped.render("completed", "email", None, {"course": {"id": "course:123"}}).text
    assert text.startswith("Hello,\n\nCompleted: course:123\n\nYou have completed this course.")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", PAGES)
def test_the_page_needs_nothing_from_the_network(
    shipped: Templates, template: str, locale: str
) -> None:
    html = shipped.render(template, "email", locale, SAMPLE).html or ""
    page = Page(html)
    assert not {"img", "script", "link", "iframe", "form"} & set(page.tags)
    assert CHOICES_URL in page.links and set(page.links) - {WATCH_URL, CHOICES_URL} <= {COURSE_URL}
    assert "url(" not in html and "@import" not in html
    assert "prefers-color-scheme: dark" in html and 'content="light dark"' in html
    assert f'lang="{locale}"' in html and 'role="presentation"' in html
    assert re.search(r"<h1[^>]+style=", html)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><a href="https://evil.example">',
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "{{ 7*7 }}{% for x in y %}",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("template", PAGES)
def test_markup_in_a_name_is_text(shipped: Templates, template: str, hostile: str) -> None:
    said = {
        "course": {"id": "c", "title": hostile, "url": "https://lms.example.org/c"},
        "learner": {"name": hostile},
    }
    values = known(**said, recipient={"name": hostile}, others=[hostile], items=[said])
    message = shipped.render(template, "email", None, values)
    page = Page(message.html or "")
    assert set(page.links) - {WATCH_URL} == {"https://lms.example.org/c"}
    assert not {"img", "script"} & set(page.tags)
    assert hostile in message.text and "49" not in message.text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        'https://a.example/"onmouseover=x',
        "https://a.example/ b",
        "//evil.example",
        "https://" + "x" * 3_000,
        7,
    ],
)
def test_a_link_that_is_no_web_address_is_left_out(shipped: Templates, url: Any) -> None:
    message = shipped.render(
        "completed", "email", None, {**ALONE, "course": {"id": "c", "url": url}}
    )
    assert Page(message.html or "").links == [CHOICES_URL]
    assert "Open the course" not in message.text


@pytest.mark.parametrize("name", ["Ada https://evil.example", "www.evil.example", "ftp://x"])
def test_a_name_with_a_link_in_it_is_no_name(shipped: Templates, name: str) -> None:
    values = known(recipient={"name": name})
    assert shipped.render("completed", "email", None, values).text.startswith("Hello,\n")


@pytest.mark.parametrize(
    "title",
    [
        "Logic\r\nBcc: eve@example.net",
        "Lo\0gic",
        "Logic\u2028\u2029x",
        "\u202ecigoL\u202c",
        "Log\x1b[31mic",
        "x" * 10_000,
        "é\ud800",
    ],
)
def test_a_subject_is_one_short_clean_line(shipped: Templates, title: str) -> None:
    message = shipped.render("completed", "email", None, known(course={"id": "c", "title": title}))
    assert len(message.subject) <= 200
    assert message.subject.isprintable()
    message.text.encode()
    assert all(len(line) < 400 for line in message.text.split("\n"))


def test_a_cut_title_says_so_and_joiners_stay(shipped: Templates) -> None:
    long = shipped.render("seat_free", "chat", None, {"course": {"title": "क\u200d्ष " * 100}}).text
    assert "…" in long and "\u200d" in long


def test_a_template_that_is_not_there_is_a_problem_without_personal_data(
    shipped: Templates,
) -> None:
    with pytest.raises(TemplateProblem, match=r"expected a body\.txt") as problem:
        shipped.render("nothing", "email", None, SAMPLE)
    assert "Ada" not in str(problem.value)


@pytest.mark.parametrize(
    ("seats", "words"),
    [(1, "A seat is free in Logic"), (3, "3 seats are free in Logic"), (None, "A seat is free in")],
)
def test_free_seats_are_counted(shipped: Templates, seats: int | None, words: str) -> None:
    values = {"course": {"title": "Logic"}, "instance": {"seats_available": seats}}
    assert shipped.render("seat_free", "chat", None, values).text.startswith(words)


@pytest.mark.parametrize(
    ("seats", "words"),
    [(0, "No seat is"), (1, "Only one seat is"), (2, "Only 2 seats are"), (None, "Few seats are")],
)
def test_the_last_seats_are_counted(shipped: Templates, seats: int | None, words: str) -> None:
    values = {"course": {"title": "Logic"}, "instance": {"seats_available": seats}}
    assert shipped.render("almost_full", "chat", None, values).text.startswith(words)


def test_a_file_that_came_or_went_is_seen_though_no_words_changed(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    for name in ("subject.txt", "body.txt"):
        path = folder / "note/email" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("words")
    assert Templates(folder).problems() == []
    (folder / "note.txt").write_text("misplaced")
    assert len(Templates(folder).problems()) == 1
    (folder / "note.txt").unlink()
    (folder / "note/email/body.html").write_bytes(b"\xff")
    assert len(Templates(folder).problems()) == 1
    (folder / "note/email/body.html").unlink()
    assert Templates(folder).problems() == []
