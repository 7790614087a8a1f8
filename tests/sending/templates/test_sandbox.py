"""A template can say only what we gave it, and not for ever; a mistake is found at start."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from service.sending.templates.sample import SAMPLE
from service.sending.templates.templates import TemplateProblem, Templates

Write = Callable[..., Templates]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(body: str = "Hello", **files: str) -> Templates:
        named = {
            name.replace("__", "/").replace("_txt", ".txt"): text for name, text in files.items()
        }
        for name, text in {"note/chat/body.txt": body, **named}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Templates(tmp_path)

    return write


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ course['__class__'] }}",
    "{{ course.__init__.__globals__ }}",
    "{{ course|attr('__class__') }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__ }}",
    "{{ config }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ lipsum.__globals__ }}",
    "{{ joiner() }}",
    "{{ namespace() }}",
    "{{ dict() }}",
    "{{ range(10) }}",
    "{{ ''.format() }}",
    "{{ '{0.__class__}'.format(course) }}",
    "{{ 'x'.join }}",
    "{{ ['x']|map('upper')|list }}",
    "{{ [1]|map(attribute='__class__')|list }}",
    "{{ course|string|safe }}",
    "{{ course|tojson }}",
    "{{ course|pprint }}",
    "{{ course|xmlattr }}",
    "{{ [course]|groupby('id') }}",
    "{{ '<b>'|safe }}",
    "{{ 'x'|center(9999999) }}",
    "{{ '%0999999d'|format(1) }}",
    "{{ '%09999999d' % 1 }}",
    "{{ 'x' * 1000000 }}",
    "{{ [0] * 1000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 2 ** 3 }}",
    "{% macro m() %}x{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% import 'note/chat/body.txt' as x %}",
    "{% from 'note/chat/body.txt' import x %}",
    "{% include '/etc/passwd' %}",
    "{% include '../../etc/passwd' %}",
    "{% include course.title %}",
    "{% include ['a', 'b'] %}",
    "{% extends course.title %}",
    "{% set x %}y{% endset %}",
    "{% set a, b = [1, 2] %}",
    "{% set course.title = 'x' %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% autoescape false %}{% endautoescape %}",
    "{% for x in others recursive %}{{ loop(x) }}{% endfor %}",
    "{% for x in others %}{{ loop.cycle('a') }}{% endfor %}",
    "{% for x in others %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in others %}{{ x.upper() }}{% endfor %}",
    "{% for x in others %}{{ x.encode }}{% endfor %}",
    "{% set c = course %}{{ c.__class__ }}",
    "{% set c = course.title %}{{ c.__class__ }}",
    "{% do course %}",
    "{{ _zone }}",
    "{{ _zone.key }}",
    "{{ true.__class__ }}",
    "{{ (1).real }}",
    "{{ course.title[0:2] }}",
    "{{ course.title[instance.id] }}",
    "{{ others|_counted }}",
    "{% break %}",
    "{% debug %}",
    "{% for x in %}",
    "{{ unclosed",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_a_way_out_is_refused_at_start_and_never_run(written: Write, source: str) -> None:
    templates = written(source)
    problems = templates.problems()
    assert problems and all("note/chat/body.txt:1: " in problem for problem in problems)
    with pytest.raises(TemplateProblem):
        templates.render("note", "chat", None, SAMPLE)


LOOP = "{% for a in others %}"
BOMBS = [
    "{% for a in [1,2,3,4,5,6,7,8,9,0] %}" * 6 + "x" + "{% endfor %}" * 6,
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = [a, a]|join(a) %}" * 60 + "{{ a }}",
    "{% set a = 99999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{% for a in [1,2,3,4,5,6,7,8,9,0] %}" * 3 + "x" * 1000 + "{% endfor %}" * 3,
    "{% include 'note/chat/body.txt' %}{% include 'note/chat/body.txt' %}",
    "{{ 1 / 0 }}",
    "{{ 'a' - 1 }}",
    "{{ 'a' > 1 }}",
]


@pytest.mark.parametrize("source", BOMBS)
def test_a_bomb_ends_within_a_second_as_a_problem(written: Write, source: str) -> None:
    templates = written(source)
    began = monotonic()
    with pytest.raises(TemplateProblem, match=r"note/chat/body\.txt:1: "):
        templates.render("note", "chat", None, SAMPLE)
    assert monotonic() - began < 1
    assert templates.problems()


def test_includes_that_double_at_each_level_end_too(written: Write) -> None:
    files = {f"_part__{n}_txt": f"{{% include '_part/{n + 1}.txt' %}}" * 2 for n in range(30)}
    templates = written("{% include '_part/0.txt' %}", **files, _part__30_txt="")
    with pytest.raises(TemplateProblem, match="loop steps"):
        templates.render("note", "chat", None, SAMPLE)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "a\n{{ course.titel }}",
            "2: unknown variable 'course.titel'; did you mean 'course.title'?",
        ),
        ("{{ enrolment.status }}", "1: unknown variable 'enrolment.status'; did you mean"),
        ("{{ course }}", "1: 'course' is a group of fields; write one of course.id"),
        ("{{ course.title.x }}", "1: unknown variable 'course.title.x'"),
        ("{% if corse.title is known %}{% endif %}", "1: unknown variable 'corse.title'"),
        ("\n\n{% macro x() %}{% endmacro %}", "3: 'macro' is not allowed in a template"),
        ("{{ course.title|uper }}", "1: No filter named 'uper'"),
        ("{{ course.title is nown }}", "1: No test named 'nown'"),
        ("{% include '_laout/x.txt' %}", "1: expected the name of a file in the templates folder"),
        ("{% if x %}", "1: Unexpected end of template"),
    ],
)
def test_a_mistake_is_named_with_its_line(written: Write, source: str, problem: str) -> None:
    found = written(source).problems()
    assert any(f"note/chat/body.txt:{problem}" in each for each in found), found


def test_every_mistake_is_named_at_once(written: Write) -> None:
    found = written("{{ a }}\n{{ b }}", other__chat__body_txt="{{ c }}").problems()
    assert [problem.rsplit("'")[1] for problem in found] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("note/chat/bodi.txt", b"x", "expected <template>/<email|chat>/"),
        ("note/sms/body.txt", b"x", "expected <template>/<email|chat>/"),
        ("note/chat/body.html", b"x", "plain text"),
        ("note/chat/body.de.txt", b"\xff\xfe", "expected UTF-8 text"),
        ("note/chat/body.de.txt", b"x" * 70_000, "expected at most 65536 bytes, got 70000"),
        ("note/email/subject.txt", b"x", "expected a body.txt, found none"),
        ("mail/email/body.txt", b"x", "expected a subject.txt, found none"),
        ("room/chat/body.txt", b" \n", "expected words, found an empty file"),
        ("note/chat/subject.de.txt", b"x", "expected a body.de.txt beside body.txt"),
    ],
)
def test_a_file_out_of_place_is_named(
    written: Write, tmp_path: Path, file: str, content: bytes, problem: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(content)
    found = written().problems()
    assert len(found) == 1 and problem in found[0], found


def test_a_link_out_of_the_folder_is_not_followed(written: Write, tmp_path: Path) -> None:
    written()
    (tmp_path / "note/chat/subject.txt").symlink_to("/etc/hostname")
    found = Templates(tmp_path).problems()
    assert len(found) == 1 and "leads out of the templates folder" in found[0]


def test_no_folder_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    templates = Templates(tmp_path / "none")
    assert templates.forms == {}
    assert "expected a folder of templates, found none" in templates.problems()[0]


def test_a_broken_layout_is_never_run(written: Write) -> None:
    templates = written("{% extends '_l/x.txt' %}", _l__x_txt="{% macro m() %}{% endmacro %}")
    with pytest.raises(TemplateProblem):
        templates.render("note", "chat", None, SAMPLE)


def test_what_is_allowed_works(written: Write) -> None:
    source = (
        "{% set n = course.title|upper ~ '!' %}{{ n }} {{ 2 * 3 + 1 }} "
        "{% for t in course.tags if t != 'x' %}{{ loop.index }}{{ t }}{% endfor %} "
        "{{ course.tags|join(', ') }} {{ course.tags[0] }} {{ others|length }} "
        "{{ learner.fields.office or 'no office' }} {{ learner.fields['cost\u00a0center'] }} "
        "{{ instance.seat_limit is known }} {{ enrollment.completed_at|datetime }} "
        "{% for x in learner.groups %}{{ x }}{% else %}no groups{% endfor %}"
    )
    templates = written(source)
    assert templates.problems() == []
    values = {**SAMPLE, "learner": {"fields": {"cost center": "C7"}}}
    assert templates.render("note", "chat", None, values).text == (
        "LOGIC FOR EVERYONE! 7 1thinking thinking thinking 1 no office C7 "
        "True 8 November 2024, 15:00 CET no groups\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        "{{ 'x' if [][99999999999999999999999999] else 'y' }}",
        "{{ 'x' if [1][5] else 'y' }}",
        "{{ 'x' if 1 / 0 else 'y' }}",
        "{{ (1, 2)[7] }}",
    ],
)
def test_what_fails_while_it_is_compiled_or_run_is_a_mistake_of_its_file(
    written: Write, words: str
) -> None:
    """Jinja reckons with what is constant before anybody renders."""
    assert all("note/chat/body.txt:1: " in each for each in written(words).problems())
    assert written(words).problems()
