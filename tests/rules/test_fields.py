"""Fields: the registry is whole and consistent."""

from service.rules.conditions import OPERATORS
from service.rules.fields import EVENTS, FIELDS, field_named


def test_every_field_has_a_doc_and_operators() -> None:
    for name, field in FIELDS.items():
        assert field.name == name
        assert field.doc
        assert field.type in OPERATORS or not field.in_conditions
        assert bool(field.values) is (field.type == "enum")


def test_what_is_about_a_person_is_personal() -> None:
    personal = {name for name, field in FIELDS.items() if field.personal}
    assert personal == {name for name in FIELDS if name.startswith("learner.")} | {"recipient.name"}


def test_extra_import_columns_are_personal_text() -> None:
    field = field_named("learner.fields.Cost Center")
    assert field is not None
    assert (field.type, field.personal, field.in_conditions) == ("text", True, True)
    assert field_named("learner.fields.") is None
    assert field_named("learner.nothing") is None


def test_every_event_has_a_doc() -> None:
    assert all(event.doc and event.name == name for name, event in EVENTS.items())
