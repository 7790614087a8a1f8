"""Schema of entries: whom a rule may tell, and when it leaves, as JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.rules.fields import FIELDS
from service.rules.file import forms
from service.rules.file.entry_shapes import (
    GROUPINGS,
    DigestShape,
    PersonShape,
    PersonStepShape,
    RoomShape,
    RoomStepShape,
    Shape,
    ThrottleShape,
)
from service.rules.file.schema_shapes import shape_schema
from service.rules.file.schema_values import DAY_BEGINS, GROUP, MINUTE, NAME, Schema, named
from service.rules.file.scopes import Scope

_ONE: Schema = {"not": {"required": ["digest", "throttle"]}}
_AT_ONCE: Schema = {
    "if": {"properties": {"to": {"enum": [forms.WATCHERS]}}},
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
    roles = forms.ROLES if scope is None or scope.has_learner else ()
    watchers = (forms.WATCHERS,) if scope is None or scope.has_watchers else ()
    names = (*roles, *watchers)
    return {"anyOf": [named(names), GROUP]} if names else GROUP


def _leaving(scope: Scope | None) -> dict[str, Schema]:
    """Digests and throttles, grouped by what such a rule knows of."""
    readable = [name for name in GROUPINGS if scope is None or scope.reads(name)]
    fields = named(readable, (FIELDS[name].doc for name in readable))
    group_by: Schema = {"type": "array", "items": fields}
    digest = shape_schema(DigestShape, group_by=group_by, at={}) | {"allOf": [_AT, _ON]}
    return {"digest": digest, "throttle": shape_schema(ThrottleShape, group_by=group_by)}
