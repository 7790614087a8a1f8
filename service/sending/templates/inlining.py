"""Write the style of HTML mails into their tags: once for a template, where that is the same.

Mail programs ignore a style sheet. What a template and its layout say is one page with gaps; its
style is written in with marks in the gaps. Where a mark does not come out as it went in, each
mail is done alone.
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from html.parser import HTMLParser

from css_inline import CSSInliner, InlineError
from jinja2 import Template, TemplateError, nodes
from jinja2.parser import Parser
from jinja2.visitor import NodeTransformer

from service.sending.templates.checker import BREAKS, files_in
from service.sending.templates.sandbox import MeteringTransformer, TemplateSandbox

STYLING_MAX = 50_000_000
NESTING_MAX = 2_000
TAGS = re.compile(r"<(/?)([a-z][a-z0-9:-]*)", re.IGNORECASE)
VOID_ELEMENTS = "area base br col embed hr img input link meta param source track wbr"
"""They hold nothing (https://html.spec.whatwg.org/multipage/syntax.html#void-elements)."""


INLINER = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def inlined(html: str) -> str:
    """Write the style of one page into its tags; raises InlineError."""
    return INLINER.inline(html)


def too_much_in(html: str) -> str:
    """Say what of a page is too much for who writes its style into its tags; nothing for none.

    Every rule is tried on every tag, and nobody else runs meanwhile (measured: 3 ns for each
    character of style and tag); and a page some 7,000 elements deep ends the process.
    """
    tags = html.count("<")
    style = _style_in(html) if len(html) * tags > STYLING_MAX else 0
    if style * tags > STYLING_MAX:
        return (
            f"expected characters of style times tags of at most {STYLING_MAX}, got {style} times "
            f"{tags}; shorten the style, or write it into a few tags"
        )
    depth = _nesting_of(html) if tags > NESTING_MAX else 0
    if depth > NESTING_MAX:
        return f"expected at most {NESTING_MAX} open tags, got {depth}; write their end tags"
    return ""


def _style_in(html: str) -> int:
    sheets = html.lower().split("<style")[1:]
    return sum(len(sheet.partition("</style")[0]) for sheet in sheets)


def _nesting_of(html: str) -> int:
    """Count the tags that are open at once, at most; an end without a beginning ends nothing."""
    without_end = frozenset(VOID_ELEMENTS.split())
    opened, depth, deepest = Counter[str](), 0, 0
    for end, name in TAGS.findall(html.lower()):
        if not end and name not in without_end:
            opened[name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif end and opened[name]:
            opened[name] -= 1
            depth -= 1
    return deepest


PAGES_REMEMBERED = 512
MARK = re.compile(r"<!--qz(\d+)zq-->|qz(\d+)zq")
HOLDS_TEXT = re.compile(r"<(/?)(?:title|style)\b[^>]*>", re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
SANDBOX = TemplateSandbox({})
"""Runs pages; what they extend and include is in them."""

Colors = frozenset[tuple[str, str]]


class NotOnePage(Exception):
    """Say that a template is no page whose style can be written in beforehand."""


def reached(name: str, sources: Mapping[str, str]) -> dict[str, str]:
    """Give the sources that a template is made of: its own, and what it extends and includes."""
    found, waiting = dict[str, str](), [name]
    while waiting:
        each = waiting.pop()
        if each in sources and each not in found:
            found[each] = sources[each]
            waiting += files_in(sources[each])
    return found


@lru_cache(PAGES_REMEMBERED)
def styled(name: str, sources: frozenset[tuple[str, str]], colors: Colors) -> Template | None:
    """Make a template whose HTML has its style written in; None where that cannot be.

    `colors` are those of the brand by name, `sources` what the template is made of.
    """
    try:
        tree = _page(name, dict(sources), dict(colors))
        _write_style(tree)
        code = SANDBOX.compile(MeteringTransformer().visit(tree), name, name)
    except (NotOnePage, InlineError, TemplateError, *BREAKS):
        return None
    return Template.from_code(SANDBOX, code, {})


def same_page(one: str, other: str) -> bool:
    """Tell whether two texts are one page, whatever the order of attributes and the escapes."""
    return _outline(one) == _outline(other)


def _outline(html: str) -> list[object]:
    outline = Outline()
    outline.feed(html)
    outline.close()
    return outline.found


class Outline(HTMLParser):
    """List what a page has: its tags with their attributes, and its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.found.append(["text", data])


def _page(name: str, sources: Mapping[str, str], colors: Mapping[str, str]) -> nodes.Template:
    """Read a template with its layout and its parts as one tree."""
    tree = Parser(SANDBOX, sources[name], name, name).parse()
    extended = tree.find(nodes.Extends)
    if extended is None:
        return PageMaker(sources, colors).visit(tree)  # type: ignore[no-any-return]
    blocks = {node.name: node for node in tree.body if type(node) is nodes.Block}
    others = [node for node in tree.body if type(node) not in (nodes.Block, nodes.Extends)]
    if extended not in tree.body or any(not _is_blank(node) for node in others):
        raise NotOnePage
    layout = _page(_named(extended.template), sources, colors)
    filled: nodes.Template = PageMaker(sources, colors, blocks).visit(layout)
    return filled


def _is_blank(node: nodes.Node) -> bool:
    texts = [each.data for each in node.find_all(nodes.TemplateData)]
    return (
        type(node) is nodes.Output and len(texts) == len(node.nodes) and not "".join(texts).strip()
    )


def _named(template: nodes.Expr) -> str:
    if type(template) is not nodes.Const:
        raise NotOnePage
    return str(template.value)


class PageMaker(NodeTransformer):
    """Put blocks, parts and the colours of the brand where a page has them."""

    def __init__(
        self,
        sources: Mapping[str, str],
        colors: Mapping[str, str],
        blocks: Mapping[str, nodes.Block] | None = None,
    ) -> None:
        self._sources, self._colors, self._blocks = sources, colors, blocks or {}

    def visit_Block(self, node: nodes.Block) -> nodes.Node:  # noqa: N802  (Jinja's names)
        own = self._blocks.get(node.name)
        if own is not None:
            node.body = own.body
        return self.generic_visit(node)

    def visit_Include(self, node: nodes.Include) -> list[nodes.Node]:  # noqa: N802
        return _page(_named(node.template), self._sources, self._colors).body

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        texts: list[nodes.Expr] = []
        for each in node.nodes:
            text = self._constant(each)
            last = texts[-1] if texts else None
            if text is None:
                texts.append(each)
            elif type(last) is nodes.TemplateData:
                last.data += text
            else:
                texts.append(nodes.TemplateData(text, lineno=node.lineno))
        node.nodes = texts
        return node

    def _constant(self, node: nodes.Expr) -> str | None:
        """Give what is always the same: plain text, or a colour of the brand."""
        if type(node) is nodes.TemplateData:
            return node.data
        of_brand = type(node) is nodes.Getattr and getattr(node.node, "name", None) == "brand"
        return self._colors.get(getattr(node, "attr", "")) if of_brand else None


def _write_style(tree: nodes.Template) -> None:
    """Write the style into the tags of a page with gaps."""
    texts = [
        each
        for output in tree.find_all(nodes.Output)
        for each in output.nodes
        if type(each) is nodes.TemplateData
    ]
    page = ""
    for number, text in enumerate(texts):
        page += text.data
        if number < len(texts) - 1:
            page += _mark(page, number)
    if too_much_in(page):
        raise NotOnePage
    done = inlined(page)
    marks = list(MARK.finditer(done))
    if [int(mark[1] or mark[2]) for mark in marks] != list(range(len(texts) - 1)):
        raise NotOnePage
    ends = [mark.start() for mark in marks] + [len(done)]
    begins = [0] + [mark.end() for mark in marks]
    for text, begin, end in zip(texts, begins, ends, strict=True):
        text.data = done[begin:end]


def _mark(page: str, number: int) -> str:
    """Make a mark that stays where it is: a comment between tags, letters elsewhere."""
    plain = COMMENT.sub("", page)
    opened = [found[1] for found in HOLDS_TEXT.finditer(plain)]
    within = plain.rfind("<") > plain.rfind(">") or opened[-1:] == [""]
    return f"qz{number}zq" if within else f"<!--qz{number}zq-->"
