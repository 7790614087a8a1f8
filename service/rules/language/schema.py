"""The schema: the rule language as JSON Schema (draft-07), for editors with YAML support.

Made from the shapes and registries the reader itself uses. It refuses nothing that the reader
takes; what a schema cannot say (unique ids, channels that are there) only `check` finds.
"""

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator

from service.rules.fields import EVENTS, EXTRA_DOC, FIELDS, Sources
from service.rules.language import values
from service.rules.language.checks import NEVER_CANCEL
from service.rules.language.conditions import GROUPS
from service.rules.language.intervals import ANY
from service.rules.language.model import (
    GROUPINGS,
    TAGGED,
    TRIGGERS,
    WEEKDAYS,
    DefaultsShape,
    DigestShape,
    FileShape,
    PersonShape,
    PersonStepShape,
    RoomShape,
    RoomStepShape,
    RuleShape,
    Seats,
    Shape,
    StretchShape,
    ThrottleShape,
)
from service.rules.language.reader import EVERY_SOURCE
from service.rules.language.schema_values import (
    CHANNELS,
    COUNT,
    DAY_BEGINS,
    DAY_ENDS,
    DURATION,
    GROUP,
    INTERVAL_NAMES,
    ITEMS,
    MINUTE,
    NAME,
    RULE_ID,
    TEXT,
    Schema,
    events,
    fields,
    named,
    offered,
    tested,
)
from service.rules.language.schema_values import types as tests_by_type
from service.rules.language.scope import scope_of
from service.rules.scope import Scope

_FORMS: dict[Any, Schema] = {
    values.count: COUNT,
    values.day_begins: DAY_BEGINS,
    values.day_ends: DAY_ENDS,
    values.duration: DURATION,
    values.event: events(),
    values.items: ITEMS,
    values.name: NAME,
    values.rule_id: RULE_ID,
}


def shape_schema(shape: type[Shape], **instead: Schema) -> Schema:
    """A mapping with the keys of a shape; `instead` says what some of them take."""
    keys = {field.alias or name: field for name, field in shape.model_fields.items()}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key, field in keys.items() if field.is_required()],
        "properties": {
            key: {
                "description": field.description,
                **(instead.get(key) or _value(field.rebuild_annotation())),
            }
            for key, field in keys.items()
        },
    }


def _value(annotation: Any) -> Schema:
    """What a key takes, read off its type; raises TypeError for one that is not known here."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        form = next(each.func for each in arguments if isinstance(each, BeforeValidator))
        return named(sorted(values.zones())) if form is values.zone else _FORMS[form]
    if origin is list:
        return {"type": "array", "items": _value(arguments[0])}
    if origin is Literal:
        return named(arguments)
    if origin in (Union, types.UnionType):
        return _value(arguments[0])
    if annotation is str:
        return TEXT
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return shape_schema(annotation)
    raise TypeError(f"{annotation} has no JSON Schema yet; say in schema.py what it takes")


_ONE: Schema = {"not": {"required": ["digest", "throttle"]}}
_AT_ONCE: Schema = {
    "if": {"properties": {"to": {"enum": [values.WATCHERS]}}},
    "then": {"properties": {"digest": False}},
}
_AT: Schema = {
    "if": {"properties": {"every": {"enum": ["hour"]}}},
    "then": {"properties": {"at": MINUTE}},
    "else": {"properties": {"at": DAY_BEGINS}},
}
_ON: Schema = {
    "if": {"properties": {"every": {"enum": ["week"]}}},
    "else": {"properties": {"on": False}},
}


@dataclass(frozen=True)
class Entries:
    """Entries and steps; `channel` and `window` are what names of those may be written there.

    `templates` are the forms that each has by its name, None takes any name.
    """

    templates: Mapping[str, frozenset[str]] | None
    channel: Schema
    window: Schema

    def entry(self, scope: Scope | None) -> Schema:
        """An item of `notify`, in a rule that knows of this; None is any rule."""
        return {"anyOf": [self._person(PersonShape, scope), self._room(RoomShape, scope)]}

    def step(self, scope: Scope | None) -> Schema:
        """An item of `escalation`."""
        return {"anyOf": [self._person(PersonStepShape, scope), self._room(RoomStepShape, scope)]}

    def _person(self, shape: type[Shape], scope: Scope | None) -> Schema:
        words = self._template("email")
        keys = _leaving(scope) | {"send_window": self.window, "template": words}
        person = shape_schema(shape, to=_recipient(scope), via=self.channel, **keys)
        return _ONE | _AT_ONCE | person

    def _room(self, shape: type[Shape], scope: Scope | None) -> Schema:
        words = self._template("chat")
        keys = _leaving(scope) | {"send_window": self.window, "template": words}
        return _ONE | shape_schema(shape, post=self.channel, **keys)

    def _template(self, form: str) -> Schema:
        known = sorted(name for name, has in (self.templates or {}).items() if form in has)
        return named(known) if known else NAME


def _recipient(scope: Scope | None) -> Schema:
    """Whom a rule can tell; one about no single learner only groups, and watchers of a seat."""
    roles = values.ROLES if scope is None or scope.has_learner else ()
    watchers = (values.WATCHERS,) if scope is None or scope.has_watchers else ()
    names = (*roles, *watchers)
    return {"anyOf": [named(names), GROUP]} if names else GROUP


def _leaving(scope: Scope | None) -> dict[str, Schema]:
    """Digests and throttles, grouped by what such a rule knows of."""
    readable = [name for name in GROUPINGS if scope is None or scope.reads(name)]
    fields = named(readable, (FIELDS[name].doc for name in readable))
    group_by: Schema = {"type": "array", "items": fields}
    digest = shape_schema(DigestShape, group_by=group_by, at={}) | {"allOf": [_AT, _ON]}
    return {"digest": digest, "throttle": shape_schema(ThrottleShape, group_by=group_by)}


DIALECT = "http://json-schema.org/draft-07/schema#"

_COLUMN = r"^learner\.fields\.[\p{L}\p{N}_][\p{L}\p{N}_ -]*$"
_GROUP_DOCS = {
    "all": "every one of these is true",
    "any": "at least one of these is true",
    "none": "not one of these is true",
}


def schema_of(
    *,
    sources: Sources = EVERY_SOURCE,
    templates: Mapping[str, frozenset[str]] | None = None,
    channels: Iterable[str] = (),
    intervals: Iterable[str] = (),
) -> Schema:
    """Write the schema of a rule file.

    `templates` are the forms that each has by its name: others are refused, None takes any.
    `channels` and time `intervals` are offered and not required: the file that is being edited
    may name more.
    """
    entries = Entries(templates, offered(channels, NAME), offered([ANY, *intervals], NAME))
    scopes = _scopes()
    found: dict[str, Schema] = {
        **tests_by_type(),
        **fields(sources),
        "learner.fields": {
            "description": EXTRA_DOC,
            "allOf": [_ref("text")],
        },
        "rule": _rule(entries.window),
    }
    for name, scope in {**scopes, "any": None}.items():
        found[f"condition.{name}"] = _condition(name, scope)
        found[f"entry.{name}"] = entries.entry(scope)
        found[f"step.{name}"] = entries.step(scope)
        found[f"rule.{name}"] = _rule_about(name, scope)
    file = shape_schema(
        FileShape,
        channels=CHANNELS,
        defaults=shape_schema(DefaultsShape, send_window=entries.window),
        time_intervals=_intervals(),
        rules={"type": "array", "items": _ref("rule")},
        version={"enum": [1, "1"]},
    )
    return {"$schema": DIALECT, "title": "Coursebell rules", **file, "definitions": found}


def _scopes() -> dict[str, Scope]:
    """What rules know of, by a word for each sort of rule: `enrollment`, `stalled_for`."""
    triggers = [{key: None} for key in TRIGGERS] + [{"event": name} for name in EVENTS]
    scopes = [scope for trigger in triggers if (scope := scope_of(trigger))]
    return {_word(scope): scope for scope in scopes}


def _word(scope: Scope) -> str:
    return scope.title.split()[1]


def _intervals() -> Schema:
    """Parts of the week, each a list of stretches."""
    days: Schema = {"type": "array", "minItems": 1, "items": named(WEEKDAYS)}
    stretches = {"type": "array", "minItems": 1, "items": shape_schema(StretchShape, weekdays=days)}
    return {"type": "object", "propertyNames": INTERVAL_NAMES, "additionalProperties": stretches}


def _rule(window: Schema) -> Schema:
    """A rule; what it may say depends on its trigger, so each sort of rule has its own part."""
    rule = shape_schema(
        RuleShape,
        trigger={"anyOf": [_trigger(TAGGED[f"<{key}>"]) for key in TRIGGERS]},
        conditions={"type": "array"},
        notify={"type": "array", "minItems": 1, "uniqueItems": True},
        escalation={"type": "array", "uniqueItems": True},
        send_window=window,
        cancel_on={"type": "array", "items": events(but=NEVER_CANCEL)},
    )
    about = _ref("rule.any")
    for when, scope in _told_apart():
        rule_of_scope = _ref(f"rule.{_word(scope)}")
        needed: Schema = {"required": ["trigger"], "properties": {"trigger": when}}
        about = {"if": needed, "then": rule_of_scope, "else": about}
    return rule | about


def _told_apart() -> list[tuple[Schema, Scope]]:
    """How each trigger is recognized, and what a rule with it knows of."""
    found: list[tuple[Schema, Scope]] = []
    for key in TRIGGERS:
        if scope := scope_of({key: None}):
            found.append(({"type": "object", "required": [key]}, scope))
    for word in dict.fromkeys(name.partition(".")[0] for name in EVENTS):
        name = next(name for name in EVENTS if name.startswith(f"{word}."))
        if scope := scope_of({"event": name}):
            event = {"type": "string", "pattern": rf"^{word}\."}
            when = {"type": "object", "required": ["event"], "properties": {"event": event}}
            found.append((when, scope))
    return found


def _rule_about(name: str, scope: Scope | None) -> Schema:
    """What one sort of rule may say; None is a rule whose trigger is not written yet."""
    properties: dict[str, Schema] = {
        "conditions": {"items": _ref(f"condition.{name}")},
        "notify": {"items": _ref(f"entry.{name}")},
        "escalation": {"items": _ref(f"step.{name}")},
    }
    if scope and scope == scope_of({"source_silent_for": None}):
        properties["escalation"] = {"maxItems": 0}
    if scope and not scope.has_enrollment:
        properties["cancel_on"] = {"maxItems": 0}
    if scope and scope != scope_of({"stalled_for": None}):
        properties["on_activate"] = {"enum": ["none"]}
    return {"properties": properties}


def _trigger(shape: type[Shape]) -> Schema:
    number = tested(FIELDS[get_args(Seats)[0]].type)
    seats = named(get_args(Seats), (FIELDS[name].doc for name in get_args(Seats)))
    found = shape_schema(shape, **{"change": seats, "from": number, "to": number, "rearm": number})
    return found | ({"dependencies": {"rearm": ["to"]}} if "rearm" in found["properties"] else {})


def _condition(name: str, scope: Scope | None) -> Schema:
    """One condition: a field with a value or operators, or a group of conditions."""
    inner = {"type": "array", "minItems": 1, "items": _ref(f"condition.{name}")}
    readable = [each for each in fields(EVERY_SOURCE) if scope is None or scope.reads(each)]
    found: Schema = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {each: _ref(each) for each in readable}
        | {group: {"description": _GROUP_DOCS[group], **inner} for group in GROUPS},
    }
    if scope is None or scope.has_learner:
        found["patternProperties"] = {_COLUMN: _ref("learner.fields")}
    return found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
