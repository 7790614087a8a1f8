"""A template too deep or with a wild number is a problem of its file, never a crash or a wait."""

from pathlib import Path
from time import monotonic

import pytest

from service.sending.templates.templates import Templates

TOO_DEEP = {
    "a long sum": "{{ " + "+".join(["1"] * 1500) + " }}",
    "many loops": "{% for x in others %}" * 25 + "a" + "{% endfor %}" * 25,
    "many ifs": "{% if others %}" * 105 + "a" + "{% endif %}" * 105,
    "many brackets": "{{ " + "(" * 1000 + "1" + ")" * 1000 + " }}",
    "a long number": "{{ " + "9" * 5000 + " }}",
}
WILD = {
    "places": '{{ 1.5|round(200000000, "floor") }}',
    "places above": '{{ 1.5|round(20000000, "ceil") }}',
    "places below": "{{ 1.5|round(-400) }}",
    "places as text": "{{ 1.5|round('x') }}",
    "a negative width": '{{ course.title|truncate(5, true, "x", -100) }}',
    "a place that is not there": "{{ others[99] }}",
}


def templates(folder: Path, body: str) -> Templates:
    for name, text in (("wrong", body), ("right", "{{ 1.25|round(1) }}")):
        place = folder / name / "chat"
        place.mkdir(parents=True)
        (place / "body.txt").write_text(text)
    return Templates(folder)


@pytest.mark.parametrize("body", TOO_DEEP.values(), ids=TOO_DEEP)
def test_what_is_too_deep_is_named_and_the_others_are_read(body: str, tmp_path: Path) -> None:
    (problem,) = templates(tmp_path, body).problems()

    assert problem.startswith(f"{tmp_path}/wrong/chat/body.txt:1: ")


@pytest.mark.parametrize("body", WILD.values(), ids=WILD)
def test_a_wild_number_is_refused_at_once(body: str, tmp_path: Path) -> None:
    began = monotonic()
    problems = templates(tmp_path, body).problems()

    assert problems
    assert all(f"{tmp_path}/wrong/chat/body.txt:1: " in problem for problem in problems)
    assert monotonic() - began < 5


def test_rounding_works(tmp_path: Path) -> None:
    assert templates(tmp_path, "x").render("right", "chat", None, {}).text == "1.2\n"
