"""Read a file that may have mistakes into shapes of pydantic, as far as it goes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from inspect import isclass
from typing import Any, ClassVar, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from service.rules.language.errors import Report, check_keys, unknown_key
from service.rules.language.wishes import trigger_wish, wish
from service.rules.language.yaml_reader import Block, Path
from service.rules.text import hint, listed, shown

Schema = dict[str, Any]

MAPPING = "expected a mapping of 'key: value' lines; got {}"


@dataclass(frozen=True)
class Wrong:
    """Stand for a value that cannot be read, until its mapping, which knows the place, reports it.

    With `of_key` the message begins with the key.
    """

    message: str
    of_key: bool = False


NOWHERE = Block()
"""Where what the file leaves out stands."""
TOLD = Wrong("")
"""A value that is missing, or whose mistake is told already."""


class KeyMark(ABC):
    """Mark the type of a key, and read what the file has there."""

    @abstractmethod
    def take(self, raw: Any, inner: Callable[[Any], Any], report: Report) -> Any:
        """Give the value; one that is wrong is a `Wrong`, or a ValueError in words for people.

        `inner` reads what the type says of the items.
        """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def read(raw: Any, inner: Callable[[Any], Any], info: ValidationInfo) -> Any:
            if isinstance(raw, Wrong):
                return raw
            try:
                return self.take(raw, inner, _report(info))
            except ValueError as error:
                return Wrong(str(error))

        return core_schema.with_info_wrap_validator_function(read, handler(source))


@dataclass(frozen=True, eq=False)
class Value(KeyMark):
    """Read one kind of value, refuse any other with a message, and hold the JSON Schema.

    `read` gives the value or raises ValueError in words for people.
    """

    read: Callable[[Any], Any]
    schema: Schema | Callable[[], Schema]

    def json_schema(self) -> Schema:
        """Give the schema; one that depends on the machine is made when asked for."""
        return self.schema() if callable(self.schema) else self.schema

    def take(self, raw: Any, inner: Callable[[Any], Any], report: Report) -> Any:
        """Read the value."""
        return self.read(raw)


@dataclass(frozen=True)
class Choice:
    """Mark a Literal: one of its words, as the value of a key."""

    key: str = ""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        words = get_args(source)

        def read(raw: Any) -> Any:
            if raw in words:
                return raw
            near = wish(str(raw), self.key) or hint(raw, words)
            raise ValueError(f"{shown(raw)} is not allowed here; use {listed(words)}{near}")

        return Value(read, {}).__get_pydantic_core_schema__(source, handler)


@dataclass(frozen=True)
class Many(KeyMark):
    """Mark a list, or a mapping from names, with at least so many items."""

    kind: type[list[Any]] | type[dict[str, Any]]
    expected: str
    least: int = 0

    def take(self, raw: Any, inner: Callable[[Any], Any], report: Report) -> Any:
        """Read the items."""
        if not isinstance(raw, self.kind):
            raise ValueError(self.expected.format(shown(raw)))
        enough = len(raw) >= self.least
        return inner(raw) if enough else Wrong("needs at least one entry", of_key=True)


LIST = Many(list, "expected a list, each item on a line that starts with '- '; got {}")
FILLED = replace(LIST, least=1)
NAMED = Many(dict, MAPPING)


class Shape(BaseModel):
    """Hold a mapping of the file.

    The line under a key is its description, which the schema shows to whoever writes a file.
    A shape is read as far as it goes: the report in the validation context is told of every
    mistake, and what is wrong or missing is None. So only a file without mistakes keeps what the
    types promise; checks ask whether a value is there.
    """

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    expected: ClassVar[str] = MAPPING
    """What is told of a value that is no mapping."""
    called: ClassVar[str] = ""
    """What one is called in messages; if nothing, it is named by the key it stands under."""
    heard: ClassVar[bool] = True
    """Whether its mistakes are told; of one that only stands in for another they are not."""

    @classmethod
    def read(cls, report: Report) -> Self | None:
        """Read a whole page; None when the page is no mapping."""
        report.places = cls.places()
        found: Self | Wrong = cls.model_validate(report.document.data, context=report)
        if isinstance(found, Wrong):
            report.refuse((), found.message)
            return None
        return found

    @cached_property
    def block(self) -> Block:
        """Give the mapping as the file has it."""
        return NOWHERE

    @property
    def path(self) -> Path:
        return self.block.path

    @property
    def line(self) -> int:
        return self.block.line

    def path_to(self, *keys: str | int) -> Path:
        """Give the path of what stands under a key."""
        return (*self.block.path, *keys)

    def says(self, key: str) -> bool:
        """Tell whether a key is written, well or wrongly."""
        return key in self.block

    def has(self, key: str) -> bool:
        """Tell whether a key is written and its value can be read."""
        return getattr(self, key, None) is not None

    def says_more(self) -> bool:
        """Tell whether there are unknown keys."""
        return not self.block.keys() <= self.keys().keys()

    @classmethod
    @cache
    def keys(cls) -> dict[str, bool]:
        """Name the keys as they are written; true for those that must be there."""
        fields = cls.model_fields.items()
        return {field.alias or name: field.is_required() for name, field in fields}

    @classmethod
    @cache
    def places(cls) -> dict[str, str]:
        """Say where in a page of this shape each key stands: in an entry of 'notify'."""
        found: dict[str, dict[str, dict[str, None]]] = {}
        for key, where, holder in _keys_in(cls, AT_THE_TOP, ""):
            found.setdefault(key, {}).setdefault(where, {})[holder] = None
        return {
            key: listed(f"{where} {listed(holders)}".strip() for where, holders in places.items())
            for key, places in found.items()
        }

    @classmethod
    @cache
    def names(cls) -> dict[str, str]:
        """Name the attributes of those keys that are called otherwise."""
        fields = cls.model_fields.items()
        return {field.alias: name for name, field in fields if field.alias}

    @classmethod
    def nothing(cls) -> Self:
        """Make the shape of a mapping that is left out."""
        return cls.model_construct()

    @classmethod
    def keys_in(cls, block: Block) -> Mapping[str, bool]:
        """Give the keys that a mapping takes, if they depend on its values."""
        return cls.keys()

    def values(self) -> dict[str, Any]:
        """Give what is written and can be read, by key."""
        return {key: getattr(self, key) for key in self.block if self.has(key)}

    @classmethod
    def unknown(cls, report: Report, block: Block, key: str) -> str:
        """Say what is wrong with an unknown key."""
        return unknown_key(report, block, key=key, keys=cls.keys())

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, raw: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Any:
        if isinstance(raw, Wrong):
            return raw
        if not isinstance(raw, Block):
            return Wrong(cls.expected.format(shown(raw)))
        report, keys, takes = _report(info), cls.keys(), cls.keys_in(raw)
        check_keys(report, raw, keys=takes, unknown=cls.unknown)
        values = {key: value for key, value in raw.items() if key in keys and key in takes}
        values |= {key: TOLD for key, is_needed in keys.items() if is_needed and key not in raw}
        found = handler(values)
        found.__dict__["block"] = raw
        names = cls.names()
        for key in values:
            name = names.get(key, key)
            found.__dict__[name] = _told(found.__dict__[name], found.path_to(key), report)
        return found


AT_THE_TOP = "at the top of the file"


def _keys_in(shape: type[Shape], where: str, holder: str) -> Iterator[tuple[str, str, str]]:
    """Name every key below a shape with the words for where it stands, and in what."""
    for name, field in shape.model_fields.items():
        key = field.alias or name
        yield key, where, holder
        for inner, of_many in _shapes_in(field.annotation):
            if inner.called:
                yield from _keys_in(inner, f"in {inner.called}", "")
            else:
                yield from _keys_in(inner, "in an entry of" if of_many else "under", f"'{key}'")


def _shapes_in(annotation: Any, of_many: bool = False) -> Iterator[tuple[type[Shape], bool]]:
    if isclass(annotation) and issubclass(annotation, Shape):
        yield annotation, of_many
    for inner in get_args(annotation):
        yield from _shapes_in(inner, of_many or get_origin(annotation) in (list, dict))


def _report(info: ValidationInfo) -> Report:
    report = info.context
    assert isinstance(report, Report), "shapes are read with a report as context"
    return report


def _told(value: Any, path: Path, report: Report) -> Any:
    """Report what is wrong in a value, its items and their items; None takes the place."""
    if isinstance(value, Wrong):
        key = f"'{path[-1]}' " if value.of_key else ""
        if value.message:
            report.refuse(path, key + value.message)
        return None
    if isinstance(value, list):
        return [_told(item, (*path, index), report) for index, item in enumerate(value)]
    if type(value) is dict:
        return {key: _told(item, (*path, key), report) for key, item in value.items()}
    return value


class OneOf(KeyMark):
    """Mark a union of shapes, which their keys tell apart; `expected` shows one of them."""

    expected: ClassVar[str]

    @abstractmethod
    def choose(self, raw: Block, report: Report) -> type[Shape] | None:
        """Choose the shape to read a mapping with; None when the mistake is reported."""

    def take(self, raw: Any, inner: Callable[[Any], Any], report: Report) -> Any:
        """Read a mapping with the shape that is chosen."""
        if not isinstance(raw, Block):
            raise ValueError(f"expected a mapping like {self.expected}, got {shown(raw)}")
        shape = self.choose(raw, report)
        if shape is None:
            return TOLD
        heard = report if shape.heard else Report(report.name, report.document)
        return shape.model_validate(raw, context=heard)


def tell_apart(raw: Block, report: Report, *, keys: Iterable[str], words: str) -> None:
    """Report a mapping without one of these keys: with the key that was meant, or the words."""
    near = {key: trigger_wish(key) or hint(key, keys) for key in raw}
    wrong = next((key for key in raw if near[key]), None)
    if wrong is None:
        report.error(raw.path, words)
    else:
        message = f"unknown key {shown(wrong)}{near[wrong]}"
        report.error((*raw.path, wrong), message, key=True)
