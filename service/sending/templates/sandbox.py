"""Wall templates in: which words they have, how far they may run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import wraps
from types import CodeType
from typing import Any, TypeVar

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_context, pass_eval_context
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS, do_join, do_round
from jinja2.loaders import DictLoader
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

from service.learners.text_form import text_form
from service.sending.templates.context import FILTERS_OF_LANGUAGE, Record, say_filter

STEPS_MAX = 10_000
NODES_OF_A_STEP = 25
CHARACTERS_OF_A_NODE = 16
LIST_MAX = 10_000
OUTPUT_MAX = 256 * 1024
TEXT_MAX = 10_000
NUMBER_MAX = 10**15
PLACES_MAX = 15
CODES_MAX = 2_000

T = TypeVar("T", bound=str)
LOOP_WORDS = frozenset({"index", "index0", "revindex", "first", "last", "length"})
PLAIN_FILTERS = "abs d default first float int last"
TEXT_FILTERS = "capitalize e escape lower title trim truncate upper"
PLAIN_TESTS = (
    "defined divisibleby eq even ge gt in le lt ne none number odd sameas string undefined "
    "== != > >= < <="
)


class TooLong(SecurityError):
    """Say that a rendering has come to a limit: with less to tell of it would not."""


# The work a rendering has left, in nodes that it may still run; absent outside of a rendering.
_work_left: ContextVar[list[int] | None] = ContextVar("work_left", default=None)


def _work(nodes: int) -> None:
    left = _work_left.get()
    if left is None:
        return
    left[0] -= nodes
    if left[0] < 0:
        raise TooLong(f"more work than {STEPS_MAX} loop steps")


def _counted(items: Iterable[Any] | None, nodes: int) -> Iterator[Any]:
    """Walk a loop's items, each at the price of what the loop runs; an unknown list is empty."""
    for item in items or ():
        _work(nodes)
        yield item


@pass_context
def _begun(context: Context, nodes: int) -> str:
    """Pay for what a file or a block runs; with the context, as Jinja runs no such filter early."""
    _work(nodes)
    return ""


class Listed(list[Any]):
    """Hold a list that a template made, and how much it is with the lists that are in it."""

    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__(items)
        self.size = 1 + sum(map(_size, self))
        if self.size > LIST_MAX:
            raise TooLong(f"a list of more than {LIST_MAX} things, with what is in its lists")
        _work(self.size)


def _size(value: object) -> int:
    """Tell how much work a value is to compare or to write, in nodes."""
    if isinstance(value, str):
        return 1 + len(value) // CHARACTERS_OF_A_NODE
    if type(value) is Listed:
        return value.size
    return 1 + len(value) if isinstance(value, list) else 1


def _paid(value: Any) -> Any:
    _work(_size(value))
    return value


def _priced(made: Any) -> Callable[..., Any]:
    """Make a filter or test cost what it is given, and bound the text it gives."""

    @wraps(made)
    def priced(*values: Any, **options: Any) -> Any:
        _work(sum(map(_size, values)))
        result = made(*values, **options)
        return _bounded(result) if isinstance(result, str) else result

    return priced


def _bounded(text: T) -> T:
    if len(text) > TEXT_MAX:
        raise TooLong(f"a text longer than {TEXT_MAX} characters")
    return text


@pass_context
def _said(context: Context, key: str, **values: object) -> Any:
    return _bounded(_paid(say_filter(context, key, **values)))


@pass_eval_context
def _joined(context: EvalContext, parts: list[Any]) -> str:
    known = ["" if part is None else part for part in parts]
    _work(sum(map(_size, known)))
    return _bounded(markup_join(known) if context.autoescape else str_join(known))


@pass_eval_context
def _join(context: EvalContext, items: Iterable[Any] | None, between: str = "") -> str:
    known = list(items or ())
    _work(len(known) * _size(between))
    return str(do_join(context, known, between))


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if precision not in range(PLACES_MAX + 1):
        raise SecurityError(f"'round' takes 0 to {PLACES_MAX} places")
    return do_round(value, precision, method)


def _silent_on_none(text_filter: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter say nothing about what is unknown; Jinja's own would say "None"."""

    @wraps(text_filter)
    def silent(*values: Any, **options: Any) -> Any:
        return text_filter(*("" if value is None else value for value in values), **options)

    return silent


def _length(items: Any) -> int:
    return len(items) if items else 0


def _known(value: object) -> bool:
    return value is not None and not isinstance(value, Undefined)


class CompiledTemplates(BytecodeCache):
    """Keep the code of templates as compiled before: a reload compiles what has changed."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of this name and source, if it is known."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code; all is forgotten when it gets too much."""
        if len(self._codes) >= CODES_MAX:
            self._codes.clear()
        self._codes[bucket.key, bucket.checksum] = bucket.code


COMPILED = CompiledTemplates()
"""Every environment here has the same words and limits, so what one compiled fits the others."""


class MeteringTransformer(NodeTransformer):
    """Put a meter on all that runs more than once, and on what may be given something large."""

    def visit_Template(self, node: nodes.Template) -> nodes.Node:  # noqa: N802  (Jinja's names)
        return self._paying(node)

    def visit_Block(self, node: nodes.Block) -> nodes.Node:  # noqa: N802
        return self._paying(node)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        items: Any = node.iter
        work = max(NODES_OF_A_STEP, _nodes_run([*node.body, *filter(None, [node.test])]))
        node.iter = _filtered(items, "_counted", nodes.Const(work))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "_listed")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "_listed") if node.ctx == "load" else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _filtered(node.expr, "_paid")
        for operand in node.ops:
            operand.expr = _filtered(operand.expr, "_paid")
        return node

    def _paying(self, node: nodes.Template | nodes.Block) -> nodes.Node:
        self.generic_visit(node)
        pays = _filtered(nodes.Const(_nodes_run(node.body), lineno=node.lineno), "_begun")
        node.body.insert(0, nodes.Output([pays], lineno=node.lineno))
        return node


def _filtered(node: nodes.Expr, name: str, *values: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, [*values], [], None, None, lineno=node.lineno)


def _nodes_run(body: Iterable[nodes.Node]) -> int:
    """Count the nodes that run as often as this body; loops and blocks in it count their own."""
    waiting, count = list(body), 0
    while waiting:
        node, count = waiting.pop(), count + 1
        if isinstance(node, nodes.For):
            waiting += [node.iter, *node.else_]
        elif not isinstance(node, nodes.Block):
            waiting += node.iter_child_nodes()
    return count


NAMES_OF_TESTS = [name for name in PLAIN_TESTS.split() if name in TESTS]
TESTS_HERE: dict[str, Any] = {
    **{name: _priced(TESTS[name]) for name in NAMES_OF_TESTS},
    "known": _known,
}
PRICED_FILTERS: dict[str, Any] = {
    **FILTERS_OF_LANGUAGE,
    **{name: FILTERS[name] for name in PLAIN_FILTERS.split()},
    **{name: _silent_on_none(FILTERS[name]) for name in TEXT_FILTERS.split()},
    "count": _length,
    "join": _join,
    "length": _length,
    "round": _round,
}
FILTERS_HERE = {
    **{name: _priced(made) for name, made in PRICED_FILTERS.items()},
    "_begun": _begun,
    "_counted": _counted,
    "_joined": _joined,
    "_listed": Listed,
    "_paid": _paid,
    "say": _said,
}


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Run templates with nothing in reach but the files given and the words listed here."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__(
            loader=DictLoader(sources),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name) and str(name).endswith(".html"),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=COMPILED,
            finalize=lambda value: "" if value is None else value,
        )
        self.globals = {}
        self.filters = FILTERS_HERE
        self.tests = TESTS_HERE

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = MeteringTransformer().visit(super()._parse(source, name, filename))
        return tree

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Template:
        """Load a template; during a rendering each extends and include is a step."""
        _work(NODES_OF_A_STEP)
        return super().get_template(name, parent, globals)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read a field of a record or a word of a loop, and nothing of anything else."""
        if isinstance(obj, Record):
            return self._field(obj, attribute)
        if isinstance(obj, LoopContext) and attribute in LOOP_WORDS:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            return obj
        raise SecurityError(f"'.{attribute}' is not a field")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read `record["field"]` or `list[0]`."""
        if isinstance(obj, Record):
            return self._field(obj, text_form(str(argument)))
        if obj is None:
            return None
        if isinstance(obj, list | str) and isinstance(argument, int):
            return super().getitem(obj, argument)
        raise SecurityError(f"[{argument!r:.40}] is not a field")

    def _field(self, record: Record, name: str) -> Any:
        return record.field(name) if name in record else self.undefined(obj=record, name=name)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Reckon with small numbers, and put short texts together with `+`."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _bounded(left + right)
        if operator == "**" or not _is_number(left) or not _is_number(right):
            raise SecurityError(f"'{operator}' is for numbers only, and '**' for none")
        result = super().call_binop(context, operator, left, right)
        if abs(result) > NUMBER_MAX:
            raise SecurityError(f"a number beyond {NUMBER_MAX}")
        return result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def rendered(template: Template, context: Mapping[str, Any], block: str = "") -> str:
    """Render a template, or one block of it; raises SecurityError beyond the limits."""
    token = _work_left.set([STEPS_MAX * NODES_OF_A_STEP])
    try:
        if not block:
            return "".join(_within_limit(template.generate(context)))
        return "".join(_within_limit(template.blocks[block](template.new_context(dict(context)))))
    finally:
        _work_left.reset(token)


def _within_limit(pieces: Iterable[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > OUTPUT_MAX:
            raise TooLong(f"more than {OUTPUT_MAX} characters")
        yield piece
