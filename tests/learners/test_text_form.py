"""The one form of texts: what looks the same is the same, and nothing else is."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learners.facts import course_id, id_form
from service.learners.look_alikes import doubtful
from service.learners.text_form import distinct, locale_form, text_form, trimmed
from tests.spellings import TEXTS, spelled


@given(st.data(), TEXTS)
def test_every_spelling_has_the_form_of_the_text(data: st.DataObject, text: str) -> None:
    text = normalize("NFC", text)
    assert text_form(data.draw(spelled(text))) == text


@given(st.text())
def test_the_form_of_a_form_is_itself(text: str) -> None:
    form = text_form(text)
    assert text_form(form) == form
    assert id_form(text) == form
    assert course_id(course_id(text)) == course_id(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_differs_in_its_blanks_alone(text: str) -> None:
    if text.isprintable():
        assert text_form(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACTIVE", "active"),
        ("Sales Team", "SalesTeam"),
        ("7", "７"),
        ("o", "о"),
        ("“a”", '"a"'),
        ("Büro", "Buro"),
        ("a-b", "a–b"),
    ],
)
def test_what_looks_otherwise_or_means_another_letter_is_another_text(one: str, other: str) -> None:
    assert text_form(one) != text_form(other)


@pytest.mark.parametrize("tag", ["de_DE", "de-de", "DE-DE", " de_DE\u200b", "de\u00ad-DE"])
def test_a_language_is_one_however_it_is_written(tag: str) -> None:
    assert locale_form(tag) == "de-de"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ACTIVE\u200b", "ACTIVE"),
        ("\ufeff\u00a0Ada  Lovelace \u200b\u00a0", "Ada  Lovelace"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\u200b\u00a0\u200b", ""),
    ],
)
def test_at_the_edges_only_what_nobody_sees_is_taken_off(text: str, shown: str) -> None:
    assert trimmed(text) == shown


def test_a_cell_full_of_them_takes_no_time() -> None:
    assert trimmed("\u00a0\u200b" * 100_000 + "x" + "\u00a0\u200b" * 100_000) == "x"
    assert doubtful("á\u00a0é – " * 30_000) is None


def test_of_two_spellings_the_first_stays() -> None:
    assert distinct(["Sales\u00a0Team", "Sales Team", "b"]) == ["Sales\u00a0Team", "b"]


@pytest.mark.parametrize(
    "written",
    ["learning_program:7_1", "learningProgram:7_1", "LEARNING_PROGRAM:7_1", "learningPath:7_1",
     "learning path : 7_1", "learning-program:7_1", " learningprogram:7_1\u200b"],
)  # fmt: skip
def test_an_id_has_one_spelling_whatever_letters_and_people_write(written: str) -> None:
    assert course_id(written) == "learningProgram:7_1"


@pytest.mark.parametrize("id", ["do_2136", "DO_7", "7", "module:7", "a:b:c", ":7"])
def test_another_id_stays_as_it_is(id: str) -> None:
    assert course_id(id) == id
