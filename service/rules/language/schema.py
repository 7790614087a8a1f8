"""Write the rule language as JSON Schema (draft-07), for editors with YAML support.

The schema is made from the shapes and registries of the reader, and refuses nothing that the
reader takes; what a schema cannot say (unique ids, channels that are there) only `check` finds.
"""

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from service.rules.fields import FIELDS, Field, Sources
from service.rules.language.channels import CHANNELS
from service.rules.language.checks import NEVER_CANCEL
from service.rules.language.columns import EXTRA_DOC, SCHEMA_PATTERN, field_of
from service.rules.language.condition_reader import GROUPS
from service.rules.language.entries import (
    GROUPINGS,
    SOME_DAYS,
    DigestShape,
    EntryKeys,
    PersonShape,
    PersonStepShape,
    RoomShape,
    RoomStepShape,
    ThrottleShape,
)
from service.rules.language.intervals import StretchShape
from service.rules.language.known_names import EVERY_SOURCE
from service.rules.language.model import (
    ANY,
    DefaultsShape,
    FileShape,
    RuleShape,
)
from service.rules.language.offers import NO_OFFERS, Offers
from service.rules.language.operands import KINDS, tested
from service.rules.language.shape import FILLED, Schema, Shape, Value
from service.rules.language.trigger_shapes import SCOPES, SEATS, TRIGGERS
from service.rules.language.values import (
    DAY_BEGINS,
    DAY_OF_MONTH,
    INTERVAL_NAMES,
    MINUTE,
    NAME,
    ROLES,
    WATCHERS,
    events,
    named,
    offered,
    recipients,
)
from service.rules.scope import FAILING_CHANNEL, OF_EVENTS, SILENCE, SILENT_SOURCE, Scope
from service.rules.text import listed


def shape_schema(shape: type[Shape], **instead: Schema) -> Schema:
    """Write a mapping with the keys of a shape; `instead` says what some of them take."""
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
    """Write the schema of what a key takes, by its type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        mark = arguments[1]
        if isinstance(mark, Value):
            return mark.json_schema()
        found = _value(arguments[0])
        return {"type": "array", "minItems": 1} | found if mark is FILLED else found
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1])}
    if origin is list:
        return {"type": "array", "items": _value(arguments[0])}
    if origin is Literal:
        return named(arguments)
    if origin in (Union, types.UnionType):
        return _value(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return shape_schema(annotation)
    raise TypeError(f"{annotation} has no JSON Schema yet; mark in the model what it takes")


_ONE: Schema = {"not": {"required": ["digest", "throttle"]}}
_AT_ONCE: Schema = {
    "if": {"properties": {"to": {"enum": [WATCHERS]}}},
    "then": {"properties": {"digest": False}},
}
_AT: Schema = {
    "if": {"properties": {"every": {"enum": ["hour"]}}},
    "then": {"properties": {"at": MINUTE}},
    "else": {"properties": {"at": DAY_BEGINS.json_schema()}},
}
_ON: Schema = {
    "if": {"properties": {"every": {"enum": ["month"]}}},
    "then": {"properties": {"on": DAY_OF_MONTH.json_schema()}},
    "else": {
        "if": {"properties": {"every": {"enum": ["hour"]}}},
        "then": {"properties": {"on": False}},
        "else": {"properties": {"on": SOME_DAYS}},
    },
}


@dataclass(frozen=True)
class EntrySchema:
    """Write entries and steps; `channel` and `window` are what names of those they take.

    `templates` are the forms that each has by its name, None takes any name; `groups` are
    offered as recipients.
    """

    templates: Mapping[str, frozenset[str]] | None
    channel: Schema
    window: Schema
    groups: Sequence[str] = ()

    def one_of(self, shapes: Sequence[type[EntryKeys]], scope: Scope | None) -> Schema:
        """Write an item of a list, in a rule that knows of this; None is any rule."""
        return {"anyOf": [self._schema(each, scope) for each in shapes]}

    def _schema(self, shape: type[EntryKeys], scope: Scope | None) -> Schema:
        has = (self.templates or {}).items()
        known = sorted(name for name, forms in has if shape.form in forms)
        keys = _leaving(scope) | {
            "to": _recipient(scope, self.groups),
            shape.way: self.channel,
            "template": named(known) if known else NAME.json_schema(),
            "send_window": self.window,
        }
        at_once = _AT_ONCE if shape.way == "via" else {}
        return _ONE | at_once | shape_schema(shape, **keys)


def _recipient(scope: Scope | None, groups: Sequence[str]) -> Schema:
    """Write whom a rule can tell: without a single learner groups, and watchers of a seat."""
    roles = ROLES if scope is None or scope.has_learner else ()
    watchers = (WATCHERS,) if scope is None or scope.has_watchers else ()
    return recipients(*roles, *watchers, *groups)


def _leaving(scope: Scope | None) -> dict[str, Schema]:
    """Write digests and throttles, grouped by fields that such a rule knows of."""
    readable = [name for name in GROUPINGS if scope is None or scope.reads(name)]
    fields = named(readable, (FIELDS[name].doc for name in readable))
    group_by: Schema = {"type": "array", "items": fields}
    digest = shape_schema(DigestShape, group_by=group_by, at={}) | {"allOf": [_AT, _ON]}
    return {"digest": digest, "throttle": shape_schema(ThrottleShape, group_by=group_by)}


DIALECT = "http://json-schema.org/draft-07/schema#"

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
    offers: Offers = NO_OFFERS,
) -> Schema:
    """Write the schema of a rule file.

    `templates` are the forms that each has by its name: others are refused, None takes any.
    `channels`, time `intervals` and the `offers` are offered and not required: the file that is
    being edited may name more.
    """
    name_ = NAME.json_schema()
    window = offered([ANY, *intervals], name_)
    entries = EntrySchema(templates, offered(channels, name_), window, groups=offers.groups)
    scopes = _scopes()
    found: dict[str, Schema] = {
        **{type_: tested(type_) for type_ in KINDS if type_ != "enum"},
        **fields(sources, offers),
        "learner.fields": {"description": EXTRA_DOC, "allOf": [_ref("text")]},
        "rule": _rule(entries),
    }
    for name, scope in {**scopes, "any": None}.items():
        found[f"condition.{name}"] = _condition(name, scope, offers)
        found[f"entry.{name}"] = entries.one_of((PersonShape, RoomShape), scope)
        found[f"step.{name}"] = entries.one_of((PersonStepShape, RoomStepShape), scope)
        found[f"rule.{name}"] = _rule_about(name, scope)
    file = shape_schema(
        FileShape,
        channels=CHANNELS,
        defaults=shape_schema(DefaultsShape, send_window=entries.window),
        time_intervals=_intervals(),
        rules={"type": "array", "items": _ref("rule")},
    )
    return {"$schema": DIALECT, "title": "Coursebell rules", **file, "definitions": found}


def _scopes() -> dict[str, Scope]:
    """List what rules know of, by a word for each sort: `enrollment`, `stalled_for`."""
    return {_word(scope): scope for scope in (*SCOPES.values(), *OF_EVENTS.values())}


def _word(scope: Scope) -> str:
    return scope.title.split()[1]


def _intervals() -> Schema:
    """Write time intervals, each a list of stretches."""
    stretches = {"type": "array", "minItems": 1, "items": shape_schema(StretchShape)}
    return {"type": "object", "propertyNames": INTERVAL_NAMES, "additionalProperties": stretches}


def _rule(entries: EntrySchema) -> Schema:
    """Write a rule; each sort of trigger has its own part for what such a rule may say."""
    rule = shape_schema(
        RuleShape,
        trigger={"anyOf": [_trigger(shape, entries.channel) for shape in TRIGGERS.values()]},
        conditions={"type": "array"},
        notify={"type": "array", "minItems": 1, "uniqueItems": True},
        escalation={"type": "array", "uniqueItems": True},
        send_window=entries.window,
        cancel_on={"type": "array", "items": events(but=NEVER_CANCEL)},
    )
    about = _ref("rule.any")
    for when, scope in _told_apart():
        rule_of_scope = _ref(f"rule.{_word(scope)}")
        needed: Schema = {"required": ["trigger"], "properties": {"trigger": when}}
        about = {"if": needed, "then": rule_of_scope, "else": about}
    return rule | about


def _told_apart() -> list[tuple[Schema, Scope]]:
    """Tell how each trigger is recognized, and what a rule with that trigger knows of."""
    found: list[tuple[Schema, Scope]] = [
        ({"type": "object", "required": [key]}, scope) for key, scope in SCOPES.items()
    ]
    for word, scope in OF_EVENTS.items():
        event = {"type": "string", "pattern": rf"^{word}\."}
        when = {"type": "object", "required": ["event"], "properties": {"event": event}}
        found.append((when, scope))
    return found


def _rule_about(name: str, scope: Scope | None) -> Schema:
    """Write what one sort of rule may say; None is one whose trigger is not written yet."""
    properties: dict[str, Schema] = {
        "conditions": {"items": _ref(f"condition.{name}")},
        "notify": {"items": _ref(f"entry.{name}")},
        "escalation": {"items": _ref(f"step.{name}")},
    }
    if scope in (SILENT_SOURCE, FAILING_CHANNEL):
        properties["escalation"] = {"maxItems": 0}
    if scope and not scope.has_enrollment:
        properties["cancel_on"] = {"maxItems": 0}
    if scope and scope != SILENCE:
        properties["on_activate"] = {"enum": ["none"]}
    return {"properties": properties}


def _trigger(shape: type[Shape], channel: Schema) -> Schema:
    seats = named(SEATS, (FIELDS[name].doc for name in SEATS))
    found = shape_schema(shape, change=seats, channel=channel)
    return found | ({"dependencies": {"rearm": ["to"]}} if "rearm" in found["properties"] else {})


def _condition(name: str, scope: Scope | None, offers: Offers) -> Schema:
    """Write a condition: a field with a value or operators, or a group of conditions."""
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
        found["patternProperties"] = {SCHEMA_PATTERN: _ref("learner.fields")}
        columns = map(field_of, offers.columns)
        found["properties"] |= {each: _ref("learner.fields") for each in columns}
    return found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def fields(sources: Sources, offers: Offers = NO_OFFERS) -> dict[str, Schema]:
    """Write every field that conditions can read, by its name, with what may follow."""
    return {
        name: _field(each, sources, offers.values.get(name, ()))
        for name, each in FIELDS.items()
        if each.in_conditions
    }


def _field(field: Field, sources: Sources, values: tuple[str, ...]) -> Schema:
    told = sorted(sources.of(field.name))
    described = {"description": field.doc + (f"; told by {listed(told)}" if told else "")}
    if field.name == "event.source" and sources.fills:
        return described | tested("enum", tuple(sorted(sources.fills)))
    if field.type == "enum" or values:
        return described | tested(field.type, field.values or values)
    return described | {"allOf": [{"$ref": f"#/definitions/{field.type}"}]}
