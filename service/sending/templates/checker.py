"""Read a template before it is used: which constructs it may have, which variables exist."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from service.sending.templates.context import Phrase, gaps_of
from service.sending.templates.known_variables import Shape, knows, shape_of

Problem = tuple[int, str]

BREAKS = (SyntaxError, RecursionError, MemoryError, AssertionError, ValueError, OverflowError)
"""What Jinja and Python raise at a template that is too deep, too long or makes no sense."""

# For reading only; nothing parsed by it is ever run.
READER = Environment(trim_blocks=True, lstrip_blocks=True, autoescape=True)

ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Test,
    nodes.Keyword,
    nodes.CondExpr,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.Block,
    nodes.Extends,
    nodes.Include,
    nodes.List,
    nodes.Tuple,
    nodes.Compare,
    nodes.Operand,
    nodes.Concat,
    nodes.BinExpr,
    nodes.UnaryExpr,
)
SOURCES_REMEMBERED = 512
COLUMNS = ["learner", "fields"]
ALWAYS = frozenset({"loop", "true", "false", "none"})


@lru_cache(SOURCES_REMEMBERED)
def problems_in(source: str, fields: tuple[str, ...], files: frozenset[str]) -> tuple[Problem, ...]:
    """Return every mistake in a template's source with its line.

    `fields` are the dotted names of what it may read, `files` those of what it may extend or
    include. A source is read once, however often the folder is loaded.
    """
    shape = shape_of(fields)
    try:
        tree = parsed(source)
        found = [*_forbidden(tree), *_strangers(tree, files), *_unknown(tree, shape)]
    except TemplateSyntaxError as error:
        return ((error.lineno, error.message or "not a template"),)
    except BREAKS as error:
        return ((1, what_broke(error)),)
    return tuple(sorted({(line or 1, what) for line, what in found}))


@lru_cache(SOURCES_REMEMBERED)
def parsed(source: str) -> nodes.Template:
    """Return the tree of a template, which nobody changes."""
    return READER.parse(source)


@lru_cache(SOURCES_REMEMBERED)
def variables_in(source: str) -> frozenset[str]:
    """Name the variables that a template reads itself; one with mistakes reads nothing."""
    try:
        names = parsed(source).find_all(nodes.Name)
        return frozenset(name.name for name in names if name.ctx == "load")
    except (TemplateSyntaxError, *BREAKS):
        return frozenset()


@lru_cache(SOURCES_REMEMBERED)
def files_in(source: str) -> frozenset[str]:
    """Name the files that a template extends or includes."""
    try:
        return frozenset(filter(None, meta.find_referenced_templates(parsed(source))))
    except (TemplateSyntaxError, *BREAKS):
        return frozenset()


def keys_said(source: str) -> frozenset[str]:
    """Name the keys of the catalogues whose words a template says itself."""
    return frozenset(key for _, keys, _ in _said_in(source) for key in keys)


def unsaid_in(source: str, english: Mapping[str, Mapping[str, Phrase]]) -> tuple[Problem, ...]:
    """List what a template says and the English catalogue has not, each with its line."""
    found: list[Problem] = []
    for line, keys, given in _said_in(source):
        if not keys:
            found.append((line, "before | say the key of words is expected, in quotes"))
        for key in keys:
            if key not in english:
                near = _hint(get_close_matches(key, english, 1))
                found.append((line, f"no words for {key!r} in the English catalogue{near}"))
            elif lacks := sorted(gaps_of(english[key]) - given):
                found.append((line, f"the words of {key!r} have the gap {lacks[0]}; fill it"))
    return tuple(found)


@lru_cache(SOURCES_REMEMBERED)
def _said_in(source: str) -> tuple[tuple[int, tuple[str, ...], frozenset[str]], ...]:
    """Give each use of `say`: its line, the keys, and the gaps that are filled."""
    try:
        found = [each for each in parsed(source).find_all(nodes.Filter) if each.name == "say"]
    except (TemplateSyntaxError, *BREAKS):
        return ()
    return tuple(
        (each.lineno, tuple(_keys(each.node)), frozenset(str(pair.key) for pair in each.kwargs))
        for each in found
    )


def _keys(node: nodes.Node | None) -> Iterator[str]:
    """Name the texts that an expression may be: one, or one of two."""
    if type(node) is nodes.Const:
        yield str(node.value)
    elif type(node) is nodes.CondExpr:
        yield from _keys(node.expr1)
        yield from _keys(node.expr2)


def columns_in(source: str) -> tuple[Problem, ...]:
    """Name the extra columns of an import that a template reads, each with its line."""
    return tuple((line, path[-1]) for line, path in _paths_in(source) if path[-3:-1] == COLUMNS)


def lines_with(field: str, source: str) -> list[int]:
    """List the lines on which a template reads a field, also of an item."""
    steps = field.split(".")
    return [line for line, path in _paths_in(source) if path[-len(steps) :] == steps]


@lru_cache(SOURCES_REMEMBERED)
def _paths_in(source: str) -> tuple[tuple[int, list[str]], ...]:
    """Give everything that a template reads, step by step, each with its line."""
    try:
        tree, inner = parsed(source), set[int]()
        return tuple((node.lineno, _path(node, inner)) for node in _every_node(tree))
    except (TemplateSyntaxError, *BREAKS):
        return ()


def what_broke(error: Exception) -> str:
    """Return in words why a template cannot be read."""
    if isinstance(error, SyntaxError | RecursionError | MemoryError):
        return "nested too deeply, or an expression too long; write it in smaller parts"
    return f"not a template ({type(error).__name__})"


def _every_node(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _every_node(child)


def _forbidden(tree: nodes.Template) -> Iterator[Problem]:
    for node in _every_node(tree):
        word = type(node).__name__.lower()
        if not isinstance(node, ALLOWED) or isinstance(node, nodes.Pow):
            yield node.lineno, f"{word!r} is not allowed in a template"
        elif isinstance(node, nodes.For) and node.recursive:
            yield node.lineno, "a recursive loop is not allowed in a template"
        elif isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
            yield node.lineno, "'set' takes one name"
        else:
            yield from _private(node)


def _private(node: nodes.Node) -> Iterator[Problem]:
    name = getattr(node, "attr", None) or getattr(node, "name", None)
    if isinstance(name, str) and name.startswith("_"):
        yield node.lineno, f"{name!r}: names beginning with '_' are not allowed"
    if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const):
        yield node.lineno, "between [ and ] a plain name or number is expected"


def _strangers(tree: nodes.Template, files: frozenset[str]) -> Iterator[Problem]:
    named: Iterator[nodes.Extends | nodes.Include] = tree.find_all((nodes.Extends, nodes.Include))
    for node in named:
        wanted = getattr(node.template, "value", None)
        if wanted not in files:
            shown = f"'{wanted}'" if isinstance(wanted, str) else "an expression"
            near = get_close_matches(str(wanted), files, 1)
            yield (
                node.lineno,
                (f"expected the name of a file in the templates folder, got {shown}{_hint(near)}"),
            )


def _unknown(tree: nodes.Template, shape: Shape) -> Iterator[Problem]:
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"} | ALWAYS
    inner: set[int] = set()
    for node in _every_node(tree):
        path = _path(node, inner)
        if path and path[0] not in own and not knows(shape, path):
            yield node.lineno, _unknown_variable(path, shape)


def _path(node: nodes.Node, inner: set[int]) -> list[str]:
    """Return `["course", "title"]` for `course.title`, once for the whole chain."""
    if id(node) in inner:
        return []
    steps: list[str] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        steps.append(node.attr if isinstance(node, nodes.Getattr) else _item(node))
        inner.add(id(node.node))
        node = node.node
    return [node.name, *_without_numbers(steps[::-1])] if isinstance(node, nodes.Name) else []


def _item(node: nodes.Getitem) -> str:
    return str(getattr(node.arg, "value", "?"))


def _without_numbers(steps: list[str]) -> list[str]:
    """Take the numbers out of a path: `course.tags[0]` reads the field `course.tags`.

    A column may be called by one.
    """
    return [
        step
        for at, step in enumerate(steps)
        if not step.lstrip("-").isdigit() or steps[at - 1 : at] == COLUMNS[1:]
    ]


def _unknown_variable(path: list[str], shape: Shape) -> str:
    name = ".".join(path)
    within = shape.get(path[0])
    if len(path) == 1 and within:
        return f"'{name}' is a group of fields; write one of {', '.join(_fields(path[0], shape))}"
    every = [field for group in shape for field in _fields(group, shape)]
    return f"unknown variable '{name}'{_hint(get_close_matches(name, every, 1))}"


def _fields(group: str, shape: Shape) -> list[str]:
    below = shape[group]
    return [group] if below is None else [f"{group}.{name}" for name in sorted(below)]


def _hint(near: list[str]) -> str:
    return f"; did you mean '{near[0]}'?" if near else ""
