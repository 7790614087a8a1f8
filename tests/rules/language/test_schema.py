"""The schema: what an editor completes and shows."""

import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

import jsonschema_rs
import msgspec
import pytest

from service.app.app import SOURCES
from service.rules.conditions import OPERATORS
from service.rules.fields import EVENTS, FIELDS, Sources
from service.rules.language.entries import (
    PersonShape,
    PersonStepShape,
    RoomShape,
    RoomStepShape,
)
from service.rules.language.model import DefaultsShape, FileShape, RuleShape
from service.rules.language.schema import schema_of
from service.rules.language.trigger_shapes import TRIGGERS

ENTRIES = (PersonShape, RoomShape, PersonStepShape, RoomStepShape)
KNOWN = Sources({source.name: source.fills for source in SOURCES})
TEMPLATES = {"done": frozenset({"email"}), "seat": frozenset({"email", "chat"})}
NAMED = {"channels": ["mail", "room"], "intervals": ["office_hours", "nights"]}
SCHEMA = schema_of(sources=KNOWN, templates=TEMPLATES, **NAMED)
DEFINED = SCHEMA["definitions"]
OPEN_RULE = DEFINED["rule"]["properties"]


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping with keys of its own that the schema describes, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict) and value.get("type") == "object":
            yield value["properties"]
        for key, inner in value.items():
            yield from mappings(inner) if key != "if" else ()
    for inner in value if isinstance(value, list) else ():
        yield from mappings(inner)


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        yield from value.get("patternProperties", ())
        for inner in value.values():
            yield from patterns(inner)
    for inner in value if isinstance(value, list) else ():
        yield from patterns(inner)


def followed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or the one it refers to."""
    reference = schema.get("$ref")
    return DEFINED[reference.rpartition("/")[2]] if reference else schema


def entries(of: str) -> list[dict[str, Any]]:
    return [shape["properties"] for shape in DEFINED[of]["anyOf"]]


def test_it_is_a_draft_07_schema() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert jsonschema_rs.meta.is_valid(SCHEMA)
    assert jsonschema_rs.meta.is_valid(schema_of())


def test_it_is_the_same_every_time() -> None:
    turned = {key: names[::-1] for key, names in NAMED.items()}
    again = schema_of(sources=KNOWN, templates=TEMPLATES, **turned)
    assert msgspec.json.encode(again) == msgspec.json.encode(SCHEMA)


def test_every_key_field_trigger_and_operator_is_explained() -> None:
    found = list(mappings(SCHEMA))
    assert len(found) > 20
    for properties in found:
        for key, schema in properties.items():
            assert followed(schema).get("description"), key


def test_it_has_the_keys_of_every_shape() -> None:
    keys = [set(properties) for properties in mappings(SCHEMA)]
    for shape in (FileShape, RuleShape, DefaultsShape, *TRIGGERS.values(), *ENTRIES):
        assert {field.alias or name for name, field in shape.model_fields.items()} in keys
    triggers = [each["properties"] for each in OPEN_RULE["trigger"]["anyOf"]]
    assert [next(iter(properties)) for properties in triggers] == list(TRIGGERS)


def test_every_field_has_the_operators_of_its_type() -> None:
    for name, field in FIELDS.items():
        if not field.in_conditions or name == "event.source":
            continue
        tested = DEFINED[name]
        (operators, *_) = mappings(followed(tested.get("allOf", [tested])[0]))
        assert tuple(operators) == OPERATORS[field.type], name


def test_a_rule_is_offered_the_fields_it_can_read() -> None:
    anything = {name for name, field in FIELDS.items() if field.in_conditions}
    readable = {
        of.partition(".")[2]: set(condition["properties"]) - {"all", "any", "none"}
        for of, condition in DEFINED.items()
        if of.startswith("condition.")
    }
    about_a_learner = anything - {"letter.reason", "channel.name", "channel.code"}
    assert readable["any"] == anything
    assert readable["enrollment"] == about_a_learner
    unknown = {"event.name", "event.by_admin", "event.age"}
    assert readable["stalled_for"] == about_a_learner - unknown
    assert readable["letter"] == {"event.source", "event.name", "event.age", "letter.reason"}
    assert readable["source_silent_for"] == {"event.source", "event.age"}
    assert readable["channel_failing_for"] == {"channel.name", "channel.code"}
    assert {name.partition(".")[0] for name in readable["instance"]} == {
        "instance", "course", "event",
    }  # fmt: skip
    extra = [of for of, each in DEFINED.items() if "patternProperties" in each]
    assert extra == [f"condition.{of}" for of in readable if of in LEARNING]


LEARNING = {"any", "enrollment", "learner", "stalled_for"}


def test_values_that_are_known_are_offered() -> None:
    events = OPEN_RULE["trigger"]["anyOf"][0]["properties"]["event"]
    assert events["enum"] == list(EVENTS)
    assert events["enumDescriptions"] == [e.doc for e in EVENTS.values()]
    assert DEFINED["event.source"]["anyOf"][0]["enum"] == ["adobe", "community-training", "sunbird"]
    assert DEFINED["course.kind"]["anyOf"][0]["enum"] == list(FIELDS["course.kind"].values)
    assert OPEN_RULE["mode"]["enum"] == ["live", "shadow", "disabled"]
    zones = SCHEMA["properties"]["defaults"]["properties"]["timezone"]["enum"]
    assert set(zones) == available_timezones()


def test_templates_are_offered_by_their_form_and_channels_by_name() -> None:
    person, room = entries("entry.enrollment")
    assert person["template"]["enum"] == ["done", "seat"]
    assert room["template"]["enum"] == ["seat"]
    assert person["to"]["anyOf"][0]["enum"] == ["learner", "manager", "managers_manager"]
    assert person["via"]["anyOf"][0]["enum"] == room["post"]["anyOf"][0]["enum"] == ["mail", "room"]


def test_a_rule_about_no_learner_is_offered_groups_only() -> None:
    for of in ("entry.source_silent_for", "entry.course", "step.course"):
        person, _ = entries(of)
        assert "enum" not in str(person["to"])
        assert person["to"]["pattern"].startswith("^(?:group:")


def test_a_rule_about_an_instance_is_offered_watchers() -> None:
    for of in ("entry.instance", "step.instance"):
        assert entries(of)[0]["to"]["anyOf"][0]["enum"] == ["watchers"]
    everybody = ["learner", "manager", "managers_manager", "watchers"]
    assert entries("entry.any")[0]["to"]["anyOf"][0]["enum"] == everybody


def test_intervals_weekdays_and_what_groups_are_offered() -> None:
    stretch = SCHEMA["properties"]["time_intervals"]["additionalProperties"]["items"]
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert stretch["properties"]["weekdays"]["items"]["enum"] == days
    for entry in (*entries("entry.enrollment"), *entries("step.enrollment")):
        assert entry["send_window"]["anyOf"][0]["enum"] == ["any", "nights", "office_hours"]
        assert entry["digest"]["properties"]["on"]["anyOf"][0]["enum"] == days
        assert entry["digest"]["properties"]["every"]["enum"] == ["hour", "day", "week", "month"]
    for holder in (OPEN_RULE, SCHEMA["properties"]["defaults"]["properties"]):
        assert "office_hours" in holder["send_window"]["anyOf"][0]["enum"]


def test_digests_are_grouped_by_what_a_rule_knows_of() -> None:
    def groups(of: str, key: str) -> list[str]:
        found = entries(of)[0][key]["properties"]["group_by"]["items"]
        assert found["enumDescriptions"] == [FIELDS[name].doc for name in found["enum"]]
        return list(found["enum"])

    everything = ["course.id", "course.kind", "instance.id", "event.source", "event.account"]
    assert groups("entry.enrollment", "digest") == everything
    assert groups("step.learner", "throttle") == ["event.source", "event.account"]
    assert groups("entry.source_silent_for", "digest") == ["event.source"]


def test_a_field_says_who_tells_it_when_not_everybody_does() -> None:
    assert DEFINED["enrollment.score"]["description"].endswith("; told by community-training")
    assert DEFINED["course.id"]["description"] == FIELDS["course.id"].doc


def test_the_channels_of_a_file_do_not_bind_it() -> None:
    file = {"version": 1, "channels": {"new": "drawer://"}, "rules": [
        {"id": "a", "trigger": {"event": "enrollment.completed"},
         "notify": [{"post": "new", "template": "seat"}]},
    ]}  # fmt: skip
    assert jsonschema_rs.Draft7Validator(SCHEMA).is_valid(file)


@pytest.mark.parametrize("pattern", sorted({*patterns(SCHEMA)}))
def test_a_pattern_means_the_same_in_javascript(pattern: str) -> None:
    assert pattern.startswith("^")
    assert not re.search(r"\(\?[^:=!]|\\[AZ]", pattern)
    re.compile(pattern.replace(r"\p{L}\p{N}_", r"\w"))
