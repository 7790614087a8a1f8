"""Mistakes: what pydantic found wrong with the shape of a file, told in our words."""

from typing import Any

from pydantic import ValidationError

from service.rules.language.model import (
    ENTRIES,
    TAGGED,
    TRIGGERS,
    DefaultsShape,
    DigestShape,
    FileShape,
    PersonShape,
    RoomShape,
    RuleShape,
    Shape,
    StretchShape,
    ThrottleShape,
)
from service.rules.language.report import Report
from service.rules.language.values import not_a_choice
from service.rules.language.yaml_reader import Path
from service.rules.text import hint, listed, nearest, shown

_TRIGGER = "a trigger is one of 'event', 'change', 'stalled_for' or 'source_silent_for'"
_ENTRY = "say whom to tell: 'to' and 'via' for a person, or 'post' for a room"
_INNER: dict[str, type[Shape]] = {**TAGGED, "digest": DigestShape, "throttle": ThrottleShape}
_EXPECTED = {
    "string_type": "text",
    "list_type": "a list, each item on a line that starts with '- '",
    "dict_type": "a mapping of 'key: value' lines",
    "model_type": "a mapping of 'key: value' lines",
    "model_attributes_type": "a mapping of 'key: value' lines",
}


def read_shape(data: Any, report: Report) -> FileShape | None:
    """Check the keys and the form of every value; None when anything is wrong."""
    try:
        return FileShape.model_validate(data)
    except ValidationError as error:
        _Teller(data, report).tell(error)
        return None


class _Teller:
    def __init__(self, data: Any, report: Report) -> None:
        self.data = data
        self.report = report
        self.missing: dict[Path, list[str]] = {}

    def tell(self, error: ValidationError) -> None:
        """Tell unknown keys first: a missing key that was only misspelt is no second mistake."""
        errors = error.errors(include_url=False)
        for each in errors:
            path = self._path(each["loc"])
            if each["type"] == "missing" and path not in self.report.page.keys:
                self.missing.setdefault(path[:-1], []).append(str(path[-1]))
        for each in sorted(errors, key=lambda found: found["type"] == "missing"):
            path = self._path(each["loc"])
            if each["type"] == "extra_forbidden":
                self._unknown(path, _shape_at(each["loc"]))
            elif each["type"] == "missing":
                self._missing(path)
            elif each["type"] == "union_tag_not_found":
                self._untold(path, each["input"])
            else:
                self.report.error(path, _message(each))
                self.report.spoil(path)

    def _path(self, loc: tuple[int | str, ...]) -> Path:
        """Leave the tags out that pydantic puts between a union and its member."""
        if loc[:1] == ("time_intervals",):
            return loc
        last = len(loc) - 1
        return tuple(part for i, part in enumerate(loc) if part not in TAGGED or i == last)

    def _unknown(self, path: Path, shape: type[Shape]) -> None:
        key = path[-1]
        if key == "after" and shape in (PersonShape, RoomShape):
            message = "'after' goes with the steps of 'escalation' only"
        elif key in TRIGGERS and "trigger" in path:
            message = f"{_TRIGGER}, not two of them"
        elif key in ("to", "via", "post") and shape in ENTRIES.values():
            message = f"'{key}' does not go with the rest; {_ENTRY}"
            self.report.meant |= {(*path[:-1], part) for part in ("to", "via", "post")}
        else:
            message = f"unknown key {shown(key)}{self._suggested(path, shape)}"
        self.report.error(path, message, key=True)

    def _suggested(self, path: Path, shape: type[Shape]) -> str:
        keys = [field.alias or name for name, field in shape.model_fields.items()]
        found = nearest(path[-1], keys)
        if found:
            self.report.meant.add((*path[:-1], found))
            return f"; did you mean '{found}'?"
        return self._instead_of(path[:-1]) or f"; use {listed(keys)}"

    def _instead_of(self, where: Path) -> str:
        """Name the one key that is missing: a key of another name may stand for it."""
        missing = [
            key for key in self.missing.get(where, ()) if (*where, key) not in self.report.meant
        ]
        if len(missing) != 1:
            return ""
        self.report.meant.add((*where, missing[0]))
        return f"; the key '{missing[0]}' is missing"

    def _missing(self, path: Path) -> None:
        if path in self.report.meant or path in self.report.page.keys:
            return
        where = path[:-1]
        message = f"the key '{path[-1]}' is missing"
        if path == ("version",):
            message += "; begin the file with 'version: 1'"
        self.report.error(where, message)

    def _untold(self, path: Path, raw: Any) -> None:
        """Tell what is wrong with a trigger or an entry that cannot be told apart."""
        trigger = path[-1] == "trigger"
        if not isinstance(raw, dict):
            example = "{event: enrollment.completed}" if trigger else "{to: …, via: …, template: …}"
            self.report.error(path, f"expected a mapping like {example}, got {shown(raw)}")
            return
        known = TRIGGERS if trigger else ("to", "via", "post")
        near = {key: hint(key, known) for key in raw if key != "template"}
        wrong = next((key for key in raw if near.get(key)), None)
        if wrong is not None:
            message = f"unknown key {shown(wrong)}{near[wrong]}"
            self.report.error((*path, wrong), message, key=True)
        else:
            self.report.error(path, _TRIGGER if trigger else _ENTRY)


def _message(error: Any) -> str:
    kind, raw = error["type"], error["input"]
    if kind == "literal_error" and error["loc"] == ("version",):
        return f"this is version 1 of the rule language; expected 1, got {shown(raw)}"
    if kind == "literal_error":
        return not_a_choice(raw, error["ctx"]["expected"])
    if kind == "too_short":
        return f"'{error['loc'][-1]}' needs at least one entry"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}; got {shown(raw)}"
    return str(error["msg"])


def _shape_at(loc: tuple[int | str, ...]) -> type[Shape]:
    top = loc[0] if len(loc) > 1 else None
    if top == "time_intervals":
        return StretchShape
    inner = next((_INNER[str(part)] for part in reversed(loc[:-1]) if part in _INNER), None)
    if inner is not None:
        return inner
    if top == "rules":
        return RuleShape
    return DefaultsShape if top == "defaults" else FileShape
