"""Catalogues: what a language says, and what is wrong in one, with its place."""

from pathlib import Path
from typing import Any

import pytest
from babel import Locale

from service.sending.templates.catalogues import Catalogues, pages_in_english
from service.sending.templates.context import gaps_of
from service.sending.templates.templates import Templates
from tests.installation import ROOT

EN = """
hello: "Hello {name}"
days:
  one: "{n} day"
  other: "{n} days"
plain: "Words"
"""
LANGUAGES = {path.stem: path.read_text() for path in (ROOT / "templates/_languages").iterdir()}


def problems(text: str, tag: str = "fr", english: str = EN) -> list[str]:
    files = {"_languages/en.yaml": english, f"_languages/{tag}.yaml": text}
    return Catalogues(files).problems


MISTAKES = {
    "a key that English has not": (
        'helo: "x"',
        "fr.yaml:1:1: the English catalogue has no key 'helo', so nothing says it; did you "
        "mean 'hello'?",
    ),
    "a gap that English has not": (
        'hello: "Bonjour {nom}"',
        "fr.yaml:1:8: nobody fills the gap {nom}; English has name",
    ),
    "a brace alone": (
        'hello: "Bonjour {"',
        "fr.yaml:1:8: expected gaps like {course}; a { or } alone is none",
    ),
    "a form that the language has not": (
        'days: {few: "x", other: "y"}',
        "fr.yaml:1:8: 'few' is no form of number here; use one, many or other",
    ),
    "no form for the rest": (
        'days: {one: "x"}',
        "fr.yaml:1:7: the form 'other' is missing, which holds for all numbers",
    ),
    "words that are a list": ("hello: [a]", "fr.yaml:1:8: expected words; got a list"),
    "no words": ("hello:", "fr.yaml:1:1: no words"),
    "a list": (
        "- a",
        "fr.yaml:1:1: expected lines like 'key: words'; the file holds something else",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_at_its_place(case: str) -> None:
    text, told = MISTAKES[case]
    assert problems(text) == [f"_languages/{told}"]


def test_a_language_nobody_knows_and_a_folder_without_english_are_told() -> None:
    assert "CLDR knows no 'qqq'" in problems("", "qqq")[0]
    (told,) = Catalogues({"_languages/fr.yaml": 'a: "b"'}).problems
    assert told == "_languages/en.yaml: expected the words in English, found no such file"


def test_arabic_has_six_forms_and_takes_no_seventh() -> None:
    forms = "\n".join(f'  {form}: "x"' for form in ("zero", "one", "two", "few", "many", "other"))
    assert problems(f"days:\n{forms}\n", "ar") == []
    assert problems(f'days:\n{forms}\n  none: "x"\n', "ar")


def test_what_a_language_lacks_is_english_and_is_listed() -> None:
    read = Catalogues({"_languages/en.yaml": EN, "_languages/fr.yaml": 'hello: "Bonjour {name}"'})
    language = read.language("fr", "fr-ca")
    assert language.phrase("hello", None).said({"name": "Ada"}, language, False) == "Bonjour Ada"
    assert language.phrase("days", 1).said({"n": 1}, language, False) == "1 day"
    pages = [*pages_in_english()]
    assert read.missing("fr-CA") == ["days", "plain", *pages]
    assert read.missing("nl") == ["hello", "days", "plain", *pages]


def test_pages_have_english_words_whatever_a_folder_has_and_it_may_have_its_own() -> None:
    plain = Catalogues({}).language("fr", "fr")
    own = Catalogues({"_languages/en.yaml": 'page.choices.save: "Keep"'}).language("fr", "fr")
    assert [each.phrase("page.choices.save", None).parts for each in (plain, own)] == [
        ("Save",),
        ("Keep",),
    ]
    (told,) = problems("", english='page.choices.sve: "Keep"')
    assert told.endswith("so nothing says it; did you mean 'page.choices.save'?")
    (told,) = problems("", english='page.choices.about: "To {adress}"')
    assert told.endswith("nobody fills the gap {adress}; did you mean 'address'?")


def test_a_broken_file_is_told_once_and_by_itself() -> None:
    broken = {"_languages/en.yaml": EN, "_languages/fr.yaml": 'a: "x\n', "_languages/de.yaml": ""}
    (told,) = (read := Catalogues(broken)).problems
    assert told == "_languages/fr.yaml:1:4: a quote is opened and never closed"
    assert read.mistakes("fr-CA") == [told] and read.mistakes("de") == read.mistakes("nl") == []
    english = {"_languages/en.yaml": 'a: "x\n', "_languages/fr.yaml": 'hello: "x"'}
    (told,) = (read := Catalogues(english)).problems
    assert read.mistakes("fr") == [told]


@pytest.mark.parametrize("text", ["", "# to be translated\n"])
def test_a_file_with_nothing_in_it_leaves_all_to_english(text: str) -> None:
    assert problems(text) == []


def test_keys_may_be_written_with_dots() -> None:
    english = 'a:\n  b: "x"\n'
    assert problems('a.b: "y"', english=english) == []


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_shipped_language_says_all_with_every_gap_and_form(tag: str) -> None:
    read = Catalogues({f"_languages/{each}.yaml": text for each, text in LANGUAGES.items()})
    assert read.problems == []
    assert read.missing(tag) == []
    needed = {*Locale.parse(tag).plural_form.tags, "other"} - (
        {"many"} & {"many"} if tag in ("fr", "es") else set()
    )
    for key, english in read.words["en"].items():
        forms = read.words[tag][key]
        assert gaps_of(forms) <= gaps_of(english)
        assert gaps_of(forms) | {"n"} >= gaps_of(english), key
        assert len(forms) == 1 or set(forms) >= needed, key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one template in words of catalogues."""
    for name, text in {
        "_languages/en.yaml": 'hi: "Hello {name}"\ndone: {one: "{n} thing", other: "{n} things"}\n',
        "_languages/ar.yaml": 'hi: "مرحبًا {name}"\ndone: "{n}"\n',
        "_languages/de.yaml": 'hi: "Guten Tag {name}"\n'
        'done: {one: "{n} Ding", other: "{n} Dinge"}\n',
        "note/email/subject.txt": '{{ "hi"|say(name=recipient.name) }}',
        "note/email/body.txt": '{{ "done"|say(n=more) }} '
        "{{ event.at|date }} {{ event.at|datetime }}",
        "note/email/body.html": '<p dir="{{ language.direction }}" align="{{ language.start }}">'
        '{{ "hi"|say(name=recipient.name) }}</p>',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


VALUES: dict[str, Any] = {
    "recipient": {"name": "<Ada>", "timezone": "Europe/Vienna"},
    "event": {"at": 1_704_700_800_000},
    "more": 1_234,
}


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "1,234 things 8 January 2024 8 January 2024, 09:00 CET\n"),
        ("en-US", "1,234 things January 8, 2024 January 8, 2024, 09:00 CET\n"),
        ("de", "1.234 Dinge 8. Januar 2024 8. Januar 2024, 09:00 CET\n"),
        ("de_AT", "1.234 Dinge 8. Jänner 2024 8. Jänner 2024, 09:00 CET\n"),
        ("pl", "1,234 things 8 January 2024 8 January 2024, 09:00 CET\n"),
        (None, "1,234 things 8 January 2024 8 January 2024, 09:00 CET\n"),
    ],
)
def test_numbers_and_days_are_those_of_the_readers_country(
    folder: Path, locale: str | None, text: str
) -> None:
    assert Templates(folder).render("note", "email", locale, VALUES).text == text


def test_arabic_begins_on_the_right_and_a_name_keeps_its_direction(folder: Path) -> None:
    templates = Templates(folder)
    assert templates.problems() == []
    html = templates.render("note", "email", "ar-EG", VALUES).html
    assert html is not None
    assert '<p dir="rtl" align="right">مرحبًا \u2068&lt;Ada&gt;\u2069</p>' in html
    english = templates.render("note", "email", "en", VALUES)
    assert english.html and '<p dir="ltr" align="left">Hello &lt;Ada&gt;</p>' in english.html
    assert english.subject == "Hello <Ada>"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            '{{ "hii"|say(name=1) }}',
            "no words for 'hii' in the English catalogue; did you mean 'hi'?",
        ),
        ('{{ "hi"|say }}', "the words of 'hi' have the gap name; fill it"),
        ("{{ more|say }}", "before | say the key of words is expected, in quotes"),
    ],
)
def test_what_a_template_says_must_be_there(folder: Path, source: str, told: str) -> None:
    (folder / "note/email/body.txt").write_text(f"\n{source}")
    assert Templates(folder).problems() == [f"{folder}/note/email/body.txt:2: {told}"]


def test_files_of_ones_own_in_a_language_go_before_the_catalogue(folder: Path) -> None:
    mail = folder / "note/email"
    (mail / "body.de.txt").write_text("Von Hand, {{ event.at|date }}")
    (mail / "body.de.html").write_text("<p>Von Hand</p>")
    (mail / "subject.de.txt").write_text("Hand")
    templates = Templates(folder)
    assert templates.problems() == []
    assert templates.render("note", "email", "de-AT", VALUES).text == "Von Hand, 8. Jänner 2024\n"
    assert templates.render("note", "email", "ar", VALUES).text.startswith("1,234 ")
    assert templates.locales("note", "email") == ["", "ar", "de"]
