"""What a template costs is bounded by what it runs, not by how short it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.sending.templates import sandbox
from service.sending.templates.sample import SAMPLE
from service.sending.templates.sandbox import LIST_MAX, NODES_OF_A_STEP, STEPS_MAX, Listed
from service.sending.templates.templates import Templates, WordsTooLong

Write = Callable[..., Templates]
TENS = "[1,2,3,4,5,6,7,8,9,0]"
TEN_TIMES = f"{{% for x in {TENS} %}}"


def lists_of_lists(name: str, opening: str = "[", closing: str = "]") -> str:
    """Ten lists of ten lists of …, in a few hundred characters: a hundred million things."""
    sets = [f"{{% set {name}0 = {opening}{','.join('1' * 10)}{closing} %}}"]
    for n in range(1, 8):
        within = ",".join([f"{name}{n - 1}"] * 10)
        sets.append(f"{{% set {name}{n} = {opening}{within}{closing} %}}")
    return "".join(sets)


LISTS, OTHERS, TUPLES = lists_of_lists("a"), lists_of_lists("b"), lists_of_lists("a", "(", ")")
COSTLY = {
    "written": LISTS + "{{ a7 }}",
    "compared": LISTS + OTHERS + "{{ a7 == b7 }}",
    "looked for": LISTS + OTHERS + "{{ a7 in [b7] }}",
    "tested": LISTS + OTHERS + "{{ a7 is eq b7 }}",
    "filtered": LISTS + "{% set x = a7|upper %}",
    "joined": LISTS + "{{ a7|join(', ') }}",
    "put together": LISTS + "{{ a7 ~ 'x' }}",
    "tuples": TUPLES + "{{ a7 }}",
    "a wide loop": TEN_TIMES * 3 + "{% if 1 == 2 %}{% endif %}" * 200 + "{% endfor %}" * 3,
    "a wide loop of nothing": TEN_TIMES * 4 + "{% if x == 2 %}{% endif %}" * 9 + "{% endfor %}" * 4,
    "a wide block": TEN_TIMES * 3
    + "{% block a %}"
    + "{% if 1 == 2 %}{% endif %}" * 200
    + "{% endblock %}"
    + "{% endfor %}" * 3,
    "long texts": "{% set t = '" + "& " * 2_000 + "' %}" + TEN_TIMES * 3
    + "{% set y = t|title %}" * 9 + "{% endfor %}" * 3,
    "texts that grow": "{{ '" + "&" * 2_000 + "'" + "|e|title" * 40 + " }}",
    "long between": "{% set t = '" + "x" * 9_000 + "' %}{{ [1" + ",1" * 900 + "]|join(t) }}",
    "texts compared": "{% set t = '" + "x" * 9_000 + "' %}" + TEN_TIMES * 3
    + "{% if t == t %}{% endif %}" + "{% endfor %}" * 3,
}  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(body: str, html: str | None = None) -> Templates:
        files = {"subject.txt": "s", "body.txt": body, "body.html": html}
        for name, text in files.items():
            path = tmp_path / "words/note/email" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        return Templates(tmp_path / "words")

    return write


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The nodes paid for, one by one."""
    paid: list[int] = []
    pay = sandbox._work

    def counted(nodes: int) -> None:
        paid.append(nodes)
        pay(nodes)

    monkeypatch.setattr(sandbox, "_work", counted)
    return paid


@pytest.mark.parametrize("body", COSTLY.values(), ids=COSTLY)
def test_what_is_costly_is_refused_before_it_is_done(
    written: Write, body: str, work: list[int]
) -> None:
    templates = written(body)
    work.clear()
    with pytest.raises(WordsTooLong, match=r"body\.txt:1: "):
        templates.render("note", "email", None, SAMPLE)
    assert sum(work[:-1]) <= STEPS_MAX * NODES_OF_A_STEP
    assert templates.problems()


def test_a_list_pays_for_what_is_in_its_lists() -> None:
    whole = Listed(["x"] * (LIST_MAX // 2 - 1))
    assert whole.size == LIST_MAX // 2
    with pytest.raises(sandbox.TooLong):
        Listed([whole, whole])


def test_an_included_file_pays_each_time(written: Write, tmp_path: Path) -> None:
    part = tmp_path / "words/_part.txt"
    part.parent.mkdir()
    part.write_text("{% if 1 == 2 %}{% endif %}" * 300)
    body = TEN_TIMES * 3 + "{% include '_part.txt' %}" + "{% endfor %}" * 3
    with pytest.raises(WordsTooLong, match="more work than 10000 loop steps"):
        written(body).render("note", "email", None, SAMPLE)


def test_lists_and_comparisons_of_an_ordinary_size_work(written: Write) -> None:
    body = (
        "{% for word, count in [('a', 1), ('b', 2)] if count in [1, 2] %}{{ word }}{{ count }} "
        "{% endfor %}{{ [1, [2, 3]] == [1, [2, 3]] }} {{ [['x']][0][0] }} "
        "{{ ['a', 'b']|join('-') }}"
    )
    assert written(body).render("note", "email", None, SAMPLE).text == "a1 b2 True x a-b\n"


def test_blanks_are_taken_off_line_by_line(written: Write) -> None:
    """A search for blanks before a line's end would begin anew at each of them."""
    body = "a \t\n \t\n\n \n b" + " " * 50_000 + "c" + " " * 10_000
    text = written(body).render("note", "email", None, SAMPLE).text
    assert text == "a\n\n b" + " " * 50_000 + "c\n"


def test_style_is_written_into_no_more_tags_than_it_is_worth(written: Write) -> None:
    style = "<style>" + "b b b{color:red}" * 2_000 + "</style>"
    templates = written("x", style + TEN_TIMES * 3 + "<b></b>" + "{% endfor %}" * 3)
    with pytest.raises(WordsTooLong, match="CSS: expected characters of style times tags"):
        templates.render("note", "email", None, SAMPLE)
    few = written("x", style + "<b>c</b>").render("note", "email", None, SAMPLE)
    assert few.html is not None and 'style="color: red' not in few.html


@pytest.mark.parametrize("tags", ["<b>", "<div></x>", "<TABLE><tr><td>", "<p><i class=x></p>"])
def test_a_page_without_ends_is_refused_and_the_process_lives(written: Write, tags: str) -> None:
    templates = written("x", TEN_TIMES * 3 + tags * 7 + "{% endfor %}" * 3)
    with pytest.raises(WordsTooLong, match="expected at most 2000 open tags"):
        templates.render("note", "email", None, SAMPLE)
    closed = TEN_TIMES * 3 + "<div><br><p>x</p></div>" * 7 + "{% endfor %}" * 3
    assert written("x", closed).render("note", "email", None, SAMPLE).html
