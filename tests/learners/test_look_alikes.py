"""Characters that look right and are not: each is named, and what was written on purpose is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.learners.look_alikes import doubtful, look_alikes, plain, told

NAMED = {
    "abc”": (3, "a RIGHT DOUBLE QUOTATION MARK", 'write "'),
    "„abc": (0, "a DOUBLE LOW-9 QUOTATION MARK", 'write "'),
    "‘a'": (0, "a LEFT SINGLE QUOTATION MARK", "write '"),
    "«a": (0, "a LEFT-POINTING DOUBLE ANGLE QUOTATION MARK", 'write "'),
    "rules：": (5, "a FULLWIDTH COLON", "write :"),
    "a，b": (1, "a FULLWIDTH COMMA", "write ,"),
    "８0": (0, "a FULLWIDTH DIGIT EIGHT", "write 8"),
    "٣": (0, "an ARABIC-INDIC DIGIT THREE", "write 3"),
    "–": (0, "an EN DASH", "write -"),
    "a\u00a0b": (1, "a NO-BREAK SPACE", "write a blank"),
    "a\u3000b": (1, "an IDEOGRAPHIC SPACE", "write a blank"),
    "a\u00adb": (1, "a SOFT HYPHEN", "take it out"),
    "\u200bab": (0, "a ZERO WIDTH SPACE", "take it out"),
    "a\ufeffb": (1, "a ZERO WIDTH NO-BREAK SPACE", "take it out"),
    "t\u0430gs": (1, "a CYRILLIC SMALL LETTER A", "write a"),
    "n\u03bfte": (1, "a GREEK SMALL LETTER OMICRON", "write o"),
    "𝗮": (0, "a MATHEMATICAL SANS-SERIF BOLD SMALL A", "write a"),
}


@pytest.mark.parametrize("text", NAMED)
def test_it_is_named_with_its_place_and_what_to_write(text: str) -> None:
    found = next(look_alikes(text))
    assert (found.at, found.called, found.remedy) == NAMED[text]


@pytest.mark.parametrize(
    "text", ["", "plain: 'a' \"b\" - c", "Müller", "Москва", "日本語", "ß", "m²"]
)
def test_what_is_itself_is_not_named(text: str) -> None:
    assert list(look_alikes(text)) == []


@pytest.mark.parametrize(
    "text", ["“Sales”", "“Müller”", "‘a’", "“a\"", "８", "level ٣", "t\u0430gs", "ab\u00ad"]
)  # fmt: skip
def test_an_accepted_text_that_is_hardly_meant_is_doubted(text: str) -> None:
    assert doubtful(text) is not None


@pytest.mark.parametrize(
    "text",
    ["", "Sales Team", "Sales\u00a0Team", "Don’t panic", "Kurs – A", "“Safe” driving", "Москва",
     "安全：入門", "می\u200cخواهم", "Büro", "о"],
)  # fmt: skip
def test_a_text_as_people_write_it_is_not_doubted(text: str) -> None:
    assert doubtful(text) is None


@given(st.text())
def test_what_is_plain_holds_nothing_that_looks_like_another(text: str) -> None:
    assert list(look_alikes(plain(text))) == []
    doubtful(text)


def test_it_is_told_after_a_message_and_after_a_question() -> None:
    found = next(look_alikes("8–9"))
    end = "there is an EN DASH at column 2; write -"
    assert told("expected a number", found, "at column 2") == f"expected a number; {end}"
    assert told("did you mean 'x'?", found, "at column 2") == f"did you mean 'x'? T{end[1:]}"
