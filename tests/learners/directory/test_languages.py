"""Languages as systems write them: what is known is read, and of the rest is said what is meant."""

import pytest

from service.learners.directory.languages import read_language


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("de", "de"), ("de_DE", "de-DE"), ("de-DE", "de-DE"), ("pt_BR", "pt-BR"),
        ("zh_Hans_CN", "zh-Hans-CN"), ("zh_Hant_TW", "zh-Hant-TW"), ("es-419", "es-419"),
        ("de_DE.UTF-8", "de-DE"), ("sr_RS@latin", "sr-RS"), ("de_DE.iso885915@euro", "de-DE"),
        ("no", "no"), ("fil", "fil"), ("en_UK", "en-UK"), ("zh-yue-HK", "zh-yue-HK"),
        ("ca-ES-valencia", "ca-ES-valencia"), ("de-1996", "de-1996"), ("EN", "EN"),
        ("iw_IL", "he-IL"), ("in_ID", "id-ID"), ("deu", "de"), ("ger_DE", "de-DE"),
    ],
)  # fmt: skip
def test_a_language_is_read_however_a_system_writes_it(text: str, tag: str) -> None:
    found = read_language(text)
    assert (found.name, found.doubt) == (tag, "")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("xx_YYYYY", "write a tag like de or pt-BR"), ("xx", "write a tag like de or pt-BR"),
        ("C.UTF-8", "write a tag like de or pt-BR"), ("<de>", "write a tag like de or pt-BR"),
        ("none", "write a tag like de or pt-BR"), ("German", "did you mean de?"),
        ("Germn", "did you mean de?"), ("Deutsch", "did you mean de?"),
        ("中文", "did you mean zh?"), ("English (United States)", "did you mean en?"),
    ],
)  # fmt: skip
def test_what_is_no_language_says_what_is_meant(text: str, advice: str) -> None:
    found = read_language(text)
    assert (found.name, found.doubt, found.advice) == (None, "is no language", advice)


@pytest.mark.parametrize("text", ["de_YYYYY", "de-XX", "de_DE_nonsense"])
def test_of_what_is_known_in_part_the_language_counts(text: str) -> None:
    found = read_language(text)
    assert (found.name, found.doubt) == ("de", "is known by its first part only")
    assert found.advice == "de was taken"
