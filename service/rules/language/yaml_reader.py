"""Read a YAML text as plain data, with the place of every key and value."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from service.learners.look_alikes import LookAlike, look_alikes, told
from service.rules.text import shown

Path = tuple[str | int, ...]
Place = tuple[int, int]

DEPTH_MAX = 20
LINES_SEARCHED = 20

# The parser in C is ten times quicker; its messages differ, so mistakes are read again without.
_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_UNCLOSED = ("unexpected end of stream", "but got '<stream end>'", "could not find expected ':'")
_NO_MERGE = "'<<' is not used here; write the keys out"
_NO_KEY = "a key must be text; a text that starts with { or [ must be quoted"
_BRACES = 'a text that starts with {{ must be quoted: "{{ … }}"'
_TOO_DEEP = "nested too deeply; a rule file needs no more than a few levels"
_ONE_DOCUMENT = "one file holds one document; take the line '---' out"

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line for the parser."""

_QUOTE = {
    "{{": 'quote a text that holds {{ }}: "{{ … }}"',
    "${": "quote a text that holds ${…} between { } or [ ]",
}

_EXPLAINED = (
    ("'\\t'", "a tab; indent with blanks"),
    ("that cannot start any token", "this character cannot begin a text; quote the text"),
    ("but found ':'", "quote a text that starts with :"),
    ("but found '*'", "quote a text that starts with *"),
    ("but found '&'", "quote a text that starts with &"),
    ("mapping values are not allowed", "a ': ' is not expected here; check the indent or quote"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("but got '<stream end>'", "a { or [ is opened and never closed"),
    ("expected ','", "a comma or a closing bracket is missing before this"),
    ("could not find expected ':'", "expected 'key: value'; a ':' is missing"),
    ("unknown escape character", "this \\ means nothing in double quotes; use single quotes"),
    ("expected <block end>", "this line does not fit here; check its indent"),
    ("expected '<document start>'", "this line does not fit here; check its indent"),
    ("alphabetic or numeric", "quote a text that starts with * or &"),
)


class Block(dict[str, Any]):
    """Hold a mapping of a text, and where in the text the mapping stands."""

    __slots__ = ("line", "path")

    def __init__(self, path: Path = (), line: int = 1) -> None:
        super().__init__()
        self.path = path
        self.line = line


@dataclass
class Document:
    """Hold a text as data: blocks, lists, text; None where a value was left out.

    Nothing is kept of a text that could not be read to its end. Places count lines and columns
    from 1. `broken` are paths whose trouble is already told; `text` is the text itself.
    """

    text: str = field(default="", repr=False)
    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)
    mistakes: list[tuple[Place, str]] = field(default_factory=list)

    def text_at(self, path: Path) -> str:
        """Give the text at a path, or the keys of a mapping or the texts of a list there."""
        found = self.data
        try:
            for step in path:
                found = found[step]
            return "".join(found)
        except (KeyError, IndexError, TypeError):
            return ""

    @cached_property
    def lines(self) -> list[str]:
        """Give the lines of the text, as the parser counts them."""
        return _LINE_END.split(self.text)

    def column_of(self, sign: str, place: Place) -> str:
        """Say where a character is that a value or key beginning at a place has: `at column 14`."""
        first, column = place
        for number, line in enumerate(self.lines[first - 1 : first - 1 + LINES_SEARCHED], first):
            at = line.find(sign, column - 1 if number == first else 0)
            if at >= 0:
                where = "" if number == first else f"line {number}, "
                return f"at {where}column {at + 1}"
        return f"in the text at column {column}"


class _Stopped(Exception):
    """End the reading of a text; the last mistake says why."""


@dataclass
class _Box:
    """Hold a mapping or list being filled; `key` is the path of the value that comes next."""

    content: dict[str, Any] | list[Any]
    path: Path
    key: Path | None = None


def read_document(text: str) -> Document:
    """Read a YAML text; whatever keeps the rest from being read is the last mistake."""
    document = Document(text)
    try:
        _Reading(document).follow(yaml.parse(text, Loader=_QUICK))
    except (yaml.YAMLError, _Stopped):
        return _explained_document(text)
    return document


def _explained_document(text: str) -> Document:
    document = Document(text)
    try:
        _Reading(document).follow(yaml.parse(text, Loader=yaml.SafeLoader))
    except _Stopped:
        document.data = None
    except yaml.MarkedYAMLError as error:
        document.data = None
        mark = _mark(error)
        place = _place(mark) if mark else (1, 1)
        message = _explained(error.problem or "", text, place)
        document.mistakes.append((place, _with_sign(message, document.lines, place[0])))
    except yaml.reader.ReaderError as error:
        document.data = None
        document.mistakes.append(_unprintable(text, error.position))
    return document


def _mark(error: yaml.MarkedYAMLError) -> Any:
    """Place a mistake: a bracket that is never closed was opened wrongly, not ended."""
    unclosed = any(part in (error.problem or "") for part in _UNCLOSED)
    marks = (error.problem_mark, error.context_mark)
    first, second = reversed(marks) if unclosed else marks
    return first or second


class _Reading:
    """Fill a document from the parser's events, without recursion, so no nesting can hurt."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.open: list[_Box] = []
        self.spare = 0

    def follow(self, events: Iterator[yaml.Event]) -> None:
        documents = 0
        for event in events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                self._stop(event, _ONE_DOCUMENT)
            if len(self.open) > DEPTH_MAX:
                self._stop(event, _TOO_DEEP)
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self.open.pop()

    def _node(self, event: yaml.NodeEvent) -> None:
        box = self.open[-1] if self.open else None
        if box is not None and isinstance(box.content, dict) and box.key is None:
            self._key(event, box)
        else:
            self._value(event, box)

    def _key(self, event: yaml.NodeEvent, box: _Box) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            box.key = self._aside(box)
            if box.path not in self.document.broken:
                flow = isinstance(event, yaml.MappingStartEvent) and event.flow_style
                self._mistake(event, _BRACES if flow else _forbidden(event) or _NO_KEY)
            self.document.broken.add(box.path)
            if isinstance(event, yaml.CollectionStartEvent):
                self.open.append(_Box(_content(event, box.key), box.key))
            return
        path = (*box.path, event.value)
        problem = _forbidden(event) or (_NO_MERGE if event.value == "<<" else None)
        if path in self.document.keys:
            first = self.document.keys[path][0]
            problem = f"duplicate key {shown(event.value)} (first at line {first})"
        else:
            self.document.keys[path] = _place(event.start_mark)
        box.key = path
        if problem:
            box.key = self._aside(box)
            self._mistake(event, problem)

    def _aside(self, box: _Box) -> Path:
        """Make a path for a value that is read but not kept."""
        self.spare += 1
        path = (*box.path, -self.spare)
        self.document.broken.add(path)
        return path

    def _value(self, event: yaml.NodeEvent, box: _Box | None) -> None:
        path = self._path(box)
        self.document.values[path] = _place(event.start_mark)
        problem = _forbidden(event)
        if problem:
            self._mistake(event, problem)
            self.document.broken.add(path)
        content = _content(event, path)
        if content is None and path in self.document.keys:
            self.document.values[path] = self.document.keys[path]
        self._put(content, box, path)
        if isinstance(event, yaml.CollectionStartEvent):
            self.open.append(_Box(content, path))

    def _path(self, box: _Box | None) -> Path:
        if box is None:
            return ()
        return box.key if box.key is not None else (*box.path, len(box.content))

    def _put(self, content: Any, box: _Box | None, path: Path) -> None:
        if box is None:
            self.document.data = content
        elif isinstance(box.content, list):
            box.content.append(content)
        else:
            box.key = None
            if isinstance(path[-1], str):
                box.content[path[-1]] = content

    def _stop(self, event: yaml.Event, message: str) -> None:
        self._mistake(event, message)
        raise _Stopped

    def _mistake(self, event: yaml.Event, message: str) -> None:
        self.document.mistakes.append((_place(event.start_mark), message))


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _content(event: yaml.NodeEvent, path: Path) -> Any:
    if isinstance(event, yaml.MappingStartEvent):
        return Block(path, _place(event.start_mark)[0])
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    if not isinstance(event, yaml.ScalarEvent):
        return None
    left_out = event.implicit[0] and event.value in ("", "~", "null")
    return None if left_out else event.value


def _explained(problem: str, text: str, place: tuple[int, int]) -> str:
    """Say in plain words what the parser found; never repeats more than one character."""
    lines = text.splitlines()
    line = lines[place[0] - 1] if place[0] <= len(lines) else ""
    for sign, hint in _QUOTE.items():
        if sign in line and "\\t" not in problem:
            return hint
    for part, words in _EXPLAINED:
        if part in problem:
            return words
    return "this is not YAML; check indent, quotes and brackets here"


def _with_sign(message: str, lines: Sequence[str], number: int) -> str:
    """Name what looks like a sign of YAML and is none, in this line or the one that leads to it.

    A line that lost its colon or its dash goes on in the next one, where the parser stumbles.
    """
    lines = ["", *lines, ""]
    leading = next((n for n in range(number - 1, 0, -1) if lines[n].strip()), 0)
    for n in (number, leading):
        line = lines[n].partition(" #")[0]
        for found in look_alikes(line):
            if _is_of_yaml(found, line[: found.at].rstrip(), quotes=n == number):
                where = "at column {}" if n == number else f"at line {n}, column {{}}"
                return told(message, found, where)
    return message


def _is_of_yaml(found: LookAlike, before: str, *, quotes: bool) -> bool:
    """Tell whether a character would mean something to YAML where it stands."""
    if found.instead in ("-", " "):
        return not before or before[-1] in ":-,["
    if found.instead == ":":
        return ":" not in before
    return not found.instead.isalnum() and (quotes or found.instead not in ('"', "'"))


def _forbidden(event: yaml.NodeEvent) -> str | None:
    """Say why a part of YAML that rule files do without is refused; None for all the rest."""
    if isinstance(event, yaml.AliasEvent):
        return "aliases are not used here; write it out, or quote a text that starts with *"
    if event.anchor is not None:
        return "anchors are not used here; take it out, or quote a text that starts with &"
    if getattr(event, "tag", None) is not None:
        return "tags are not used here; take it out, or quote a text that starts with !"
    return None


def _unprintable(text: str, position: int) -> tuple[tuple[int, int], str]:
    """Place a character that no text file should hold."""
    before = text[:position]
    column = position - (before.rfind("\n") + 1) + 1
    code = f"U+{ord(text[position]):04X}"
    message = f"a character that cannot be read ({code}); save the file as UTF-8 text"
    return (before.count("\n") + 1, column), message
