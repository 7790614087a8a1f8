"""Wall templates in: which words they have, how far they may run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import wraps
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_eval_context
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS, do_join, do_round
from jinja2.loaders import DictLoader
from jinja2.nodes import EvalContext
from jinja2.runtime import LoopContext, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

from service.learners.text_form import text_form
from service.sending.templates.context import Record, date_filter, datetime_filter, percent_filter

STEPS_MAX = 10_000
OUTPUT_MAX = 256 * 1024
TEXT_MAX = 10_000
NUMBER_MAX = 10**15
PLACES_MAX = 15
CODES_MAX = 2_000

LOOP_WORDS = frozenset({"index", "index0", "revindex", "first", "last", "length"})
PLAIN_FILTERS = "abs d default first float int last"
TEXT_FILTERS = "capitalize e escape lower title trim truncate upper"
PLAIN_TESTS = (
    "defined divisibleby eq even ge gt in le lt ne none number odd sameas string undefined"
)
SIGNS = "== != > >= < <="


class TooLong(SecurityError):
    """Say that a rendering has come to a limit: with less to tell of it would not."""


# The steps a rendering has left; absent outside of a rendering.
_steps_left: ContextVar[list[int] | None] = ContextVar("steps_left", default=None)


def _take_a_step() -> None:
    left = _steps_left.get()
    if left is None:
        return
    left[0] -= 1
    if left[0] < 0:
        raise TooLong(f"more than {STEPS_MAX} loop steps")


def _counted(items: Iterable[Any] | None) -> Iterator[Any]:
    """Walk a loop's items, each at the price of a step; an unknown list is empty."""
    for item in items or ():
        _take_a_step()
        yield item


def _bounded(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise TooLong(f"a text longer than {TEXT_MAX} characters")
    return text


@pass_eval_context
def _joined(context: EvalContext, parts: list[Any]) -> str:
    known = ["" if part is None else part for part in parts]
    return _bounded(markup_join(known) if context.autoescape else str_join(known))


@pass_eval_context
def _join(context: EvalContext, items: Iterable[Any] | None, between: str = "") -> str:
    return _bounded(str(do_join(context, items or (), between)))


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
    """Put a meter on every loop and on every place where text is joined."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  (the name Jinja calls)
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802  (the name Jinja calls)
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_joined", [], [], None, None, lineno=node.lineno)


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
        self.filters = {
            **{name: FILTERS[name] for name in PLAIN_FILTERS.split()},
            **{name: _silent_on_none(FILTERS[name]) for name in TEXT_FILTERS.split()},
            "count": _length,
            "date": date_filter,
            "datetime": datetime_filter,
            "join": _join,
            "length": _length,
            "percent": percent_filter,
            "round": _round,
            "_counted": _counted,
            "_joined": _joined,
        }
        names = PLAIN_TESTS.split() + SIGNS.split()
        self.tests = {name: TESTS[name] for name in names if name in TESTS} | {"known": _known}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = MeteringTransformer().visit(super()._parse(source, name, filename))
        return tree

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Template:
        """Load a template; during a rendering each extends and include is a step."""
        _take_a_step()
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
        if name not in record:
            return self.undefined(obj=record, name=name)
        return record.field(name)

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


def rendered(template: Template, context: Mapping[str, Any]) -> str:
    """Render within the limits. Raises SecurityError beyond them, and what Jinja raises."""
    token = _steps_left.set([STEPS_MAX])
    try:
        return "".join(_within_limit(template.generate(context)))
    finally:
        _steps_left.reset(token)


def _within_limit(pieces: Iterable[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > OUTPUT_MAX:
            raise TooLong(f"more than {OUTPUT_MAX} characters")
        yield piece
