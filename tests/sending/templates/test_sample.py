"""The sample has a value of its type for every field that a template may read."""

import math
from pathlib import Path

import pytest

from service.rules.fields import FIELDS, Field
from service.sending.templates.sample import BELIEVABLE, BY_TYPE, SAMPLE, sample_for, sample_of
from service.sending.templates.templates import Templates

TYPES = {
    "text": str, "enum": str, "number": (int, float), "duration": (int, float), "time": int,
    "bool": bool, "texts": list, "items": list,
}  # fmt: skip


def value(name: str, values=SAMPLE):
    for step in name.split("."):
        values = values[step]
    return values


def fits(field: Field, found: object) -> bool:
    if field.type == "enum":
        return found in field.values
    numeric = field.type in ("number", "duration", "time")
    return isinstance(found, TYPES[field.type]) and not (numeric and isinstance(found, bool))


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_each_field_of_the_registry_has_a_value_of_its_type(field: Field) -> None:
    found = value(field.name)
    assert fits(field, found)
    assert not isinstance(found, float) or math.isfinite(found)


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_each_field_is_seen_by_a_template(field: Field, tmp_path: Path) -> None:
    note = tmp_path / "note/chat"
    note.mkdir(parents=True)
    (note / "body.txt").write_text(f"{{{{ {field.name} is known }}}}: {{{{ {field.name} }}}}")
    text = Templates(tmp_path).render("note", "chat", None, SAMPLE).text
    assert text.startswith("True: ") and len(text) > len("True: \n")


@pytest.mark.parametrize("type", [*BY_TYPE, "enum"])
def test_a_new_field_has_one_before_anybody_thinks_of_it(type) -> None:
    field = Field("course.brand_new", type, "…", values=("a", "b"))
    values = sample_of([*FIELDS.values(), field])
    assert fits(field, value(field.name, values))


def test_nothing_is_thought_of_that_is_no_field() -> None:
    assert set(BELIEVABLE) <= set(FIELDS)


def test_an_extra_column_says_its_name(tmp_path: Path) -> None:
    note = tmp_path / "note/chat"
    note.mkdir(parents=True)
    (note / "body.txt").write_text("{{ learner.fields.office }}{{ learner.fields['cost center'] }}")
    templates = Templates(tmp_path)
    assert templates.render("note", "chat", None, SAMPLE).text == "[office][cost center]\n"
    assert templates.problems() == []


@pytest.mark.parametrize(
    ("role", "name"),
    [("learner", "Ada Lovelace"), ("manager", "Grace Hopper"), ("group", "Grace Hopper"),
     ("room", None)],
)  # fmt: skip
def test_a_reader_who_is_not_the_learner_has_another_name(role: str, name: str | None) -> None:
    found = sample_for(role, "done")
    assert (found["recipient"]["name"], found["recipient"]["role"]) == (name, role)
    assert found["learner"]["name"] == "Ada Lovelace" and found["rule"]["id"] == "done"
