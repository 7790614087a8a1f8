"""Read JSON:API documents as they come: what is not there or is of another kind says nothing."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from service.learners.text_form import text_form

Document = dict[str, Any]
LONGEST_TEXT = 2_000

T = TypeVar("T")


class Resource(NamedTuple):
    """Hold one resource object (JSON:API 1.0, "Resource Objects")."""

    kind: str
    id: str
    attributes: dict[str, Any]
    relationships: dict[str, Any]

    def text(self, name: str) -> str | None:
        """Read an attribute as text of a length that people read; None where it says nothing."""
        said = text_of(self.attributes.get(name))
        return said and said[:LONGEST_TEXT]

    def related(self, name: str) -> list[str]:
        """Read the ids that a relationship names: none, one or several."""
        named = one_or_many(mapping(self.relationships.get(name)).get("data"))
        ids = (text_of(mapping(each).get("id")) for each in named)
        return [id for id in ids if id]


def resources_in(document: Document, part: str) -> Iterator[Resource]:
    """Read the resources of `data` or `included`, one or several; what has no id is left out."""
    for each in map(mapping, one_or_many(document.get(part))):
        if id := text_of(each.get("id")):
            yield Resource(
                kind=text_of(each.get("type")) or "",
                id=id,
                attributes=mapping(each.get("attributes")),
                relationships=mapping(each.get("relationships")),
            )


def mapping(value: object) -> dict[str, Any]:
    """Read an object; an empty one where there is something else."""
    return _read_as(value, Document, {})


def one_or_many(value: object) -> list[Any]:
    """Read a list; one thing is a list of it."""
    return _read_as(value, list[Any], [value])


def text_of(value: object) -> str | None:
    """Read text, or a number as text; None for nothing, blanks, and what is neither."""
    try:
        said: object = msgspec.convert(value, str | int | float)
    except msgspec.ValidationError:
        return None
    return text_form(str(said)) or None


def texts_of(value: object) -> list[str]:
    """Read a list of texts, or one text as a list of it."""
    return [text[:LONGEST_TEXT] for text in map(text_of, one_or_many(value)) if text]


def _read_as(value: object, kind: type[T], otherwise: T) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return otherwise
