"""Read conditions, as written in the file, into terms and groups."""

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from service.rules.conditions import LISTS, OPERATORS, AllOf, AnyOf, Condition, FieldTest, NoneOf
from service.rules.fields import FIELDS, Field, field_named
from service.rules.language.columns import meant_by
from service.rules.language.errors import Report
from service.rules.language.known_names import KnownNames
from service.rules.language.operands import BadOperand, OperandReader
from service.rules.language.wishes import field_wish, operator_wish
from service.rules.language.yaml_reader import Path
from service.rules.scope import Scope
from service.rules.text import hint, listed, shown

GROUPS: dict[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {
    "all": AllOf,
    "any": AnyOf,
    "none": NoneOf,
}

_ALL_OPERATORS = tuple(dict.fromkeys(name for names in OPERATORS.values() for name in names))
_READABLE = tuple(name for name, field in FIELDS.items() if field.in_conditions)
_LIST = "expected a list of conditions, each on a line that starts with '- '"


@dataclass(frozen=True)
class ConditionReader:
    """Read the conditions of one rule, and report every mistake in them.

    `scope` is what the rule's trigger knows of, None when the trigger itself is wrong. What is
    read within a `none` is `denied`.
    """

    names: KnownNames
    scope: Scope | None
    zone: tzinfo
    denied: bool = False

    @property
    def report(self) -> Report:
        """Give the report of the file."""
        return self.names.report

    def value_test(self, name: str, raw: Any, path: Path) -> tuple[Condition, ...]:
        """Read what the value of a known field must be: operators, or one value."""
        field = field_named(name)
        return self._terms(field, raw, path) if field else ()

    def check_source(self, field: Field, path: Path, *, key: bool) -> None:
        """Warn of a field that none of the configured sources ever fills."""
        sources = self.names.installed.sources
        fillers, configured = sources.of(field.name), sources.configured
        if not configured or not fillers or field.imported or fillers & configured:
            return
        self.report.warning(
            path,
            f"no configured source fills '{field.name}' ({listed(sorted(fillers))} would); "
            "its value stays unknown",
            key=key,
        )

    def condition(self, item: Any, path: Path) -> tuple[Condition, ...]:
        """Read one condition of a list into its terms; what is wrong is left out."""
        if not isinstance(item, dict):
            self.report.error(path, f"expected 'field: value', got {shown(item)}")
            return ()
        names = list(item)
        for name in names[1:]:
            message = f"one condition, one line; put '- ' before {shown(name)}"
            self.report.error((*path, name), message, key=True)
        if not names:
            self.report.error(path, "expected 'field: value', got nothing")
            return ()
        name, inner = names[0], (*path, names[0])
        if name in GROUPS:
            return self._group(name, item[name], inner)
        field = self._field(name, inner)
        return self._terms(field, item[name], inner) if field else ()

    def _group(self, name: str, raw: Any, path: Path) -> tuple[Condition, ...]:
        if raw == []:
            self.report.error(path, f"'{name}' needs at least one condition")
            return ()
        if not isinstance(raw, list):
            self.report.error(path, f"{_LIST}, got {shown(raw)}")
            return ()
        members: list[Condition] = []
        inner = replace(self, denied=self.denied != (name == "none"))
        for index, item in enumerate(raw):
            terms = inner.condition(item, (*path, index))
            line = self.report.line((*path, index))
            members.extend([AllOf(terms, line)] if len(terms) > 1 else terms)
        return (GROUPS[name](tuple(members), self.report.key_line(path)),)

    def _field(self, name: str, path: Path) -> Field | None:
        field = field_named(name)
        if field is None:
            self.report.error(path, _unknown(name), key=True)
            return None
        if not field.in_conditions:
            message = f"'{name}' is for templates only{field_wish(name)}"
            self.report.error(path, message, key=True)
            return None
        if self.scope and not self.scope.reads(name):
            known = f"{self.scope.title} can read {self.scope.fields}"
            self.report.error(path, f"'{name}' is not known here; {known}", key=True)
            return None
        self.check_source(field, path, key=True)
        self.names.check_column(field, path)
        return self._with_sources(field) if name == "event.source" else field

    def _with_sources(self, field: Field) -> Field:
        """Give `event.source` the sources as its values, where they are known."""
        known = tuple(sorted(self.names.installed.sources.fills))
        return replace(field, type="enum", values=known) if known else field

    def _terms(self, field: Field, raw: Any, path: Path) -> tuple[Condition, ...]:
        if self.report.spoiled(path):
            return ()
        if isinstance(raw, dict):
            if not raw:
                self.report.error(path, f"expected an operator and a value, e.g. {_example(field)}")
            read = (self._term(field, key, raw=raw[key], path=(*path, key)) for key in raw)
            return tuple(term for terms in read for term in terms)
        if "eq" in OPERATORS[field.type]:
            return self._term(field, "eq", raw=raw, path=path)
        self.report.error(path, f"'{field.name}' needs an operator, e.g. {_example(field)}")
        return ()

    def _term(self, field: Field, operator: str, *, raw: Any, path: Path) -> tuple[Condition, ...]:
        allowed = OPERATORS[field.type]
        if operator not in _ALL_OPERATORS:
            near = operator_wish(operator, field) or hint(operator, allowed)
            near = near or f"; use {listed(allowed)}"
            self.report.error(path, f"unknown operator {shown(operator)}{near}", key=True)
            return ()
        try:
            operand = OperandReader(field, self.zone).read(operator, raw)
        except BadOperand as bad:
            place = path if bad.index is None else (*path, bad.index)
            self.report.error(place, str(bad), key=operator not in allowed)
            return ()
        places = [(*path, index) for index in range(len(raw))] if operator in LISTS else [path]
        for place in places:
            self.report.doubt(place)
        test = FieldTest(field.name, operator, operand, line=self.report.key_line(path))
        self.names.check_values(field, test, path, denied=self.denied)
        return (test,)


def _unknown(name: str) -> str:
    if name in _ALL_OPERATORS:
        return f"expected a field before '{name}', e.g. {{enrollment.progress: {{{name}: …}}}}"
    if any(known.startswith(f"{name}.") for known in _READABLE):
        inside = listed(known for known in _READABLE if known.startswith(f"{name}."))
        return f"write the whole name of the field: {inside}"
    if meant := meant_by(name):
        return f"unknown field {shown(name)}; a name with such signs stands in quotes: {meant}"
    near = field_wish(name) or hint(name, (*_READABLE, *GROUPS))
    if not near and name.startswith("learner."):
        near = "; a column of the import is learner.fields.NAME"
    return f"unknown field {shown(name)}{near}"


def _example(field: Field) -> str:
    if field.type == "texts":
        return "{contains: mandatory}"
    return "{gte: 2026-03-01}" if field.type == "time" else "{eq: …}"
