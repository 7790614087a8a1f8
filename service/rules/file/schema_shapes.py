"""Schema of shapes: a mapping of the file as JSON Schema, read off the shape that takes it."""

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator

from service.rules.file import forms
from service.rules.file.entry_shapes import Shape
from service.rules.file.schema_values import (
    COUNT,
    DAY_BEGINS,
    DAY_ENDS,
    DURATION,
    ITEMS,
    NAME,
    RULE_ID,
    TEXT,
    Schema,
    events,
    named,
)

_FORMS: dict[Any, Schema] = {
    forms.count: COUNT,
    forms.day_begins: DAY_BEGINS,
    forms.day_ends: DAY_ENDS,
    forms.duration: DURATION,
    forms.event: events(),
    forms.items: ITEMS,
    forms.name: NAME,
    forms.rule_id: RULE_ID,
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
        return named(sorted(forms.zones())) if form is forms.zone else _FORMS[form]
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
