"""The shipped templates for lists: who and what, in each language, and how many more."""

from typing import Any

import pytest

from service.sending.templates.sample import ALONE, SAMPLE
from service.sending.templates.templates import Templates

DAY = "8 November 2024"


def item(name: str | None, **more: Any) -> dict[str, Any]:
    return {"learner": {"name": name}, "course": {"id": "c", "title": "Logic"}, **more}


def text(shipped: Templates, template: str, locale: str, *items: Any, more: int = 0) -> str:
    values = {"items": list(items), "more": more, "recipient": {"name": "Grace Hopper"}}
    return shipped.render(template, "email", locale, values).text


def test_a_list_of_completions_names_who_and_what_and_how_many_more(shipped: Templates) -> None:
    done = {"enrollment": {**SAMPLE["enrollment"], "progress": 60}}
    told = text(shipped, "team_completions", "en", item("Ada", **done), item(None), more=12)
    assert told.startswith(
        "Hello Grace Hopper,\n\n14 completions in your team\n\n"
        "There is nothing you need to do; a kind word is always welcome.\n\n"
        f"- Ada: Logic · {DAY}\n- Somebody: Logic\n\nand 12 more\n\n--\n"
    )


@pytest.mark.parametrize(
    ("locale", "more", "subject"),
    [
        ("en", 0, "One completion in your team"),
        ("en", 4, "5 completions in your team"),
        ("de", 0, "Ein Abschluss in Ihrem Team"),
        ("de", 4, "5 Abschlüsse in Ihrem Team"),
    ],
)
def test_its_subject_counts_them_all(
    shipped: Templates, locale: str, more: int, subject: str
) -> None:
    values = {"items": [item("Ada")], "more": more}
    assert shipped.render("team_completions", "email", locale, values).subject == subject


@pytest.mark.parametrize(
    ("locale", "lines"),
    [
        ("en", "- Ada: Logic · No activity for 15 days · 60% done\n- Alan: Logic\n"),
        (
            "de",
            "- Ada: Logic · Seit 15 Tagen keine Aktivität · 60\N{NO-BREAK SPACE}% geschafft\n",
        ),
    ],
)
def test_a_list_of_the_stuck_says_since_when_and_how_far(
    shipped: Templates, locale: str, lines: str
) -> None:
    under_way = {"status": "in_progress", "progress": 60, "days_silent": 15}
    ada, alan = item("Ada", enrollment=under_way), item("Alan")
    assert lines in text(shipped, "team_stalled", locale, ada, alan)


def test_who_never_began_is_said_so(shipped: Templates) -> None:
    new = {"status": "enrolled", "progress": 0, "days_silent": 30}
    told = text(shipped, "team_stalled", "en", item("Ada", enrollment=new))
    assert "- Ada: Logic · No activity for 30 days · Not begun\n" in told


def test_as_many_as_a_list_may_have_fit_into_one_message(shipped: Templates) -> None:
    many = [item(f"Learner {n}", enrollment=SAMPLE["enrollment"]) for n in range(500)]
    for template in ("team_completions", "team_stalled"):
        message = shipped.render(template, "email", "de", {"items": many, "more": 7})
        assert message.text.count("\n- ") == 500 and "und 7 weitere\n" in message.text
        assert message.html and message.html.count("<tr><th") == 500


def test_who_asked_for_a_seat_is_told_how_to_ask_again(shipped: Templates) -> None:
    asked = {**ALONE, "recipient": {"role": "watchers"}}
    told = shipped.render("seat_free", "email", "en", asked).text
    assert "You asked to be told once, and this was it." in told
    assert SAMPLE["instance"]["watch_url"] in told
    others = shipped.render("seat_free", "email", "en", {**ALONE, "instance": {}}).text
    assert "asked" not in others and "again" not in others


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "hi", "ar"])
@pytest.mark.parametrize("template", ["team_completion", "team_not_passed", "team_completions"])
def test_a_score_is_told_to_managers_only_if_the_rule_asks(
    shipped: Templates, template: str, locale: str
) -> None:
    usual = SAMPLE if template == "team_completions" else ALONE
    for values, told in (({**usual, "show": {}}, False), ({**usual, "show": {"score": 1}}, True)):
        message = shipped.render(template, "email", locale, values)
        assert ("87" in message.text) is told
        assert ("87" in (message.html or "")) is told


@pytest.mark.parametrize("template", ["team_completion", "team_not_passed", "stalled_manager"])
def test_a_subject_names_nobody(shipped: Templates, template: str) -> None:
    assert "Ada" not in shipped.render(template, "email", "en", ALONE).subject
