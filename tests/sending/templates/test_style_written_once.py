"""Style is written into a template once, where that gives the same; elsewhere into each mail."""

import re
from pathlib import Path
from typing import Any

import pytest

from service.rules.language.brand import Brand
from service.sending.templates import inlining, templates
from service.sending.templates.inlining import same_page
from service.sending.templates.sample import ALONE, SAMPLE
from service.sending.templates.templates import Section, Templates

BODY = "note/email/body.html"
STYLE = "<style>.a td { color: red } p { margin: 0 } @media (x) { p { margin: 1px } }</style>"
PAGES = {
    "gaps in texts and attributes": '<p title="{{ rule.id }}">{{ course.title }}</p>',
    "a loop within a body": '<table class="a"><tbody>{% for i in items %}<tr><td>'
    "{{ i.course.title }}</td></tr>{% endfor %}</tbody></table>",
    "one of two": "<div>{% if more %}<p>a</p>{% else %}<p>b</p>{% endif %}</div>",
    "a gap in the title": "<title>{{ course.title }}</title><p>x</p>",
    "letters that are escaped": "<p>a &amp; b &lt; {{ course.title }}</p>",
}
ALONE_ONLY = {
    "a loop whose body is not written": '<table class="a">{% for i in items %}<tr><td>x</td></tr>'
    "{% endfor %}</table>",
    "a tag that is opened in one of two": "{% if more %}<p>{% else %}<div>{% endif %}x",
    "an attribute from a gap": "<p {{ rule.id }}>x</p>",
    "a class from a gap": '<div class="{{ "a" if more }}"><table><tr><td>x</td></tr></table></div>',
    "a rule that counts": "<style>p:first-child { color: red }</style>"
    "{% for i in items %}<p>x</p>{% endfor %}",
}


def written(folder: Path, html: str, **files: str) -> Templates:
    for name, text in {"subject.txt": "s", "body.txt": "b", "body.html": STYLE + html}.items():
        path = folder / "note/email" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Templates(folder)


@pytest.fixture
def each_mail(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages whose style is written in as they are sent."""
    seen: list[str] = []
    inlined = templates.inlined
    monkeypatch.setattr(templates, "inlined", lambda html: seen.append(html) or inlined(html))
    return seen


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_a_page_with_gaps_gives_the_same_without_work_for_each_mail(
    tmp_path: Path, each_mail: list[str], html: str
) -> None:
    made = written(tmp_path, html)
    assert made.problems() == []
    each_mail.clear()
    title = {"course": {"title": 'O\'Brien & "Sons" <b>'}}
    for values in ({**SAMPLE, **title}, {**ALONE, **title}, {}):
        fast = made.render("note", "email", None, values).html or ""
        assert each_mail == []
        page, made._findings.styled[BODY] = made._findings.styled[BODY], None
        slow = made.render("note", "email", None, values).html or ""
        made._findings.styled[BODY] = page
        assert same_page(fast, slow)
        each_mail.clear()


@pytest.mark.parametrize("html", ALONE_ONLY.values(), ids=ALONE_ONLY)
def test_what_would_not_be_the_same_is_done_mail_by_mail(
    tmp_path: Path, each_mail: list[str], html: str
) -> None:
    made = written(tmp_path, html)
    assert made._styled_page(BODY) is None
    each_mail.clear()
    assert made.render("note", "email", None, SAMPLE).html
    assert len(each_mail) == 1


def test_every_shipped_mail_is_ready_and_has_no_class_without_style(shipped: Templates) -> None:
    assert shipped.problems() == []
    pages = [
        name for (_, form, _, file), name in shipped.files.places.items() if file == "body.html"
    ]
    assert pages and all(shipped._styled_page(name) for name in pages)
    html = shipped.render("completed", "email", "en", ALONE).html or ""
    assert re.search(
        r'<a href="[^"]+" style="[^"]*background|<td style="background-color: #1f6f64', html
    )


def test_a_changed_layout_is_noticed(tmp_path: Path) -> None:
    first = written(tmp_path, "<p>x</p>").render("note", "email", None, SAMPLE).html or ""
    assert "margin: 0" in first
    (tmp_path / "note/email/body.html").write_text("<style>p { margin: 9px }</style><p>x</p>")
    assert "margin: 9px" in (Templates(tmp_path).render("note", "email", None, SAMPLE).html or "")


def test_colours_are_those_of_the_brand_and_change_with_it(shipped: Templates) -> None:
    usual = shipped.brand
    try:
        shipped.brand = Brand(color="#8a1c4c", color_dark="#f0a0c0")
        html = shipped.render("completed", "email", "en", ALONE).html or ""
        assert "#8a1c4c" in html and "#f0a0c0" in html and "#1f6f64" not in html
    finally:
        shipped.brand = usual
    assert "#1f6f64" in (shipped.render("completed", "email", "en", ALONE).html or "")


def test_what_is_too_costly_is_not_tried_beforehand(tmp_path: Path) -> None:
    dear = "<style>" + "b b b{color:red}" * 3_000 + "</style>" + "<b></b>" * 2_000
    assert inlining.too_much_in(dear)
    assert written(tmp_path, dear)._styled_page(BODY) is None


def test_what_a_template_says_of_its_things_is_a_section_of_another(shipped: Templates) -> None:
    section = shipped.content("stalled", "email", "de", {**ALONE, "course": {"title": "<Logik>"}})
    assert section.text.startswith("Noch offen: <Logik>\n\nDieser Kurs wartet auf Sie.")
    assert "Guten Tag" not in section.text and "--" not in section.text
    assert "<h1 style=" in section.html and "&lt;Logik&gt;" in section.html
    assert "<body" not in section.html and '<p class="hello"' not in section.html

    because = [{"role": "learner", "rules": ["Weil es fertig ist", "<Weil> es liegt"]}]
    values: dict[str, Any] = {**ALONE, "reasons": because, "sections": [section]}
    whole = shipped.render("completed", "email", "de", values)
    assert "\n* * *\n\nNoch offen: <Logik>\n" in whole.text
    assert whole.text.count("Guten Tag") == 1 and whole.text.count("\n--\n") == 1
    assert whole.html and whole.html.count("<h1") == 2 and "&lt;Logik&gt;" in whole.html
    assert whole.html.index("Logic for Everyone") < whole.html.index("&lt;Logik&gt;")
    assert "* * *" not in shipped.render("completed", "email", "de", ALONE).text
    told = "Anlässe dieser Nachricht: Weil es fertig ist · <Weil> es liegt"
    assert told in whole.text and told.replace("<Weil>", "&lt;Weil&gt;") in whole.html


def test_a_template_without_the_block_is_a_section_too(tmp_path: Path) -> None:
    section = written(tmp_path, "<p>{{ course.title }}</p>").content("note", "email", None, SAMPLE)
    assert section == Section("b\n", section.html)
    assert section.html == "<p>b\n</p>"
