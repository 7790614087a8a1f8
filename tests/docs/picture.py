"""Draw docs/architecture.svg from docs/architecture.txt.

A line is a word and its text, three blanks before what is said of a name:

    from, to    who is outside, above and below
    arrow       what goes down from one to the next: a noun, and after a comma how
    wing        a box: the folder, and what it is for
    load        a step of the wing above that reads the ledger
    pure        a step that takes values and gives values
    append      a step that writes to the ledger
    send        a step that leaves the machine
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "docs/architecture.txt"
PICTURE = SOURCE.with_suffix(".svg")

WIDTH, EDGE = 440, 10
BOX_RIGHT, LEDGER = 332, 384
AXIS, LEFT = 60, 24
TITLE, ROW, PADDING, GAP, OUTSIDE = 32, 27, 9, 46, 34
STEPS = ("load", "pure", "append", "send")
ON_DISK = "one SQLite file: letters, people, courses, the log"
STYLE = """\
  svg { --ink: #1f2328; --soft: #59636e; --paper: #fff; --box: #f3f5f8; --line: #8c959f;
    --ledger: #dbe7f6; --edge: #2f6fb5; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9aa4af; --paper: #0d1117; --box: #1a2029; --line: #6e7781;
      --ledger: #16304f; --edge: #6cb0f5; } }
  .paper { fill: var(--paper); }
  text { fill: var(--ink); font: 16px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
  .name, .outside { font-weight: 700; }
  .outside, .turned { text-anchor: middle; }
  .folder { font: 700 16px ui-monospace, Menlo, Consolas, monospace; }
  .soft { fill: var(--soft); font: 15px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
  .box { fill: var(--box); stroke: var(--line); }
  .tag { fill: none; stroke: var(--soft); stroke-dasharray: 3 2; }
  .ledger { fill: var(--ledger); stroke: var(--edge); stroke-width: 1.5; }
  .way { fill: none; stroke: var(--ink); stroke-width: 1.8; }
  .disk { fill: none; stroke: var(--edge); stroke-width: 1.8; }
  .head { fill: var(--ink); }
  .disk-head { fill: var(--edge); }"""


class Line(NamedTuple):
    """One line of the text: its word, its text, and what is said of it."""

    word: str
    text: str
    said: str = ""


class Point(NamedTuple):
    """Where something is drawn, in the units of the picture."""

    x: int
    y: int


def lines_of(text: str) -> list[Line]:
    """Read the text of the picture."""
    return [_line(*each.split(maxsplit=1)) for each in text.splitlines() if each.strip()]


def _line(word: str, text: str) -> Line:
    apart = ", " if word == "arrow" else "   "
    name, _, said = text.partition(apart)
    return Line(word, name.strip(), said.strip())


def picture(text: str) -> str:
    """Draw the text as SVG."""
    lines = lines_of(text)
    drawn: list[str] = []
    y, top, bottom = EDGE, 0, 0
    for line, height in zip(lines, heights(lines), strict=True):
        drawn += shapes(line, y, height)
        if line.word in STEPS:
            bottom = y + height
            top = top or y
        y += height
    ledger = [*_ledger(top - 4, bottom + 4)]
    return "\n".join([*_opening(y + EDGE, text), *ledger, *_boxes(lines), *drawn, "</svg>\n"])


def heights(lines: Sequence[Line]) -> Iterator[int]:
    """Say how much room each line takes; the last step of a wing has the padding under it."""
    room = {"wing": TITLE, "arrow": GAP, "from": OUTSIDE, "to": OUTSIDE}
    for line, below in pairwise([*lines, Line("", "")]):
        ends = line.word in STEPS and below.word not in STEPS
        yield room.get(line.word, ROW) + (PADDING if ends else 0)


def shapes(line: Line, y: int, height: int) -> Iterator[str]:
    """Draw one line from `y` down."""
    if line.word in ("from", "to"):
        yield _box(y, height, round=height // 2)
        yield _text("outside", Point((EDGE + BOX_RIGHT) // 2, y + 23), escape(line.text))
    elif line.word == "arrow":
        yield f'<path class="way" d="M{AXIS} {y + 3}V{y + height - 9}"/>'
        yield _arrow_head("head", Point(AXIS, y + height - 3), "down")
        said = f', <tspan class="soft">{escape(line.said)}</tspan>' if line.said else ""
        yield _text("name", Point(AXIS + 16, y + height // 2 + 5), escape(line.text) + said)
    elif line.word == "wing":
        said = f'<tspan class="soft" dx="10">{escape(line.said)}</tspan>'
        yield _text("folder", Point(LEFT, y + 23), escape(line.text) + said)
    else:
        yield from _step(line, y + ROW // 2)


def _step(line: Line, middle: int) -> Iterator[str]:
    """Draw a step, with its way to the ledger or from it."""
    pure = line.word == "pure"
    if pure:
        yield f'<rect class="tag" x="{LEFT - 6}" y="{middle - 9}" width="48" height="20" rx="5"/>'
    yield _text("soft" if pure else "name", Point(LEFT, middle + 6), line.word)
    yield _text("step", Point(LEFT + 78, middle + 6), escape(line.text))
    if line.word == "append":
        yield f'<path class="disk" d="M{BOX_RIGHT} {middle}H{LEDGER - 8}"/>'
        yield _arrow_head("disk-head", Point(LEDGER - 1, middle), "right")
    elif line.word == "load":
        yield f'<path class="disk" d="M{LEDGER} {middle}H{BOX_RIGHT + 8}"/>'
        yield _arrow_head("disk-head", Point(BOX_RIGHT + 1, middle), "left")


def _boxes(lines: Sequence[Line]) -> Iterator[str]:
    """Draw the box of each wing, behind its steps."""
    y, top = EDGE, 0
    for line, height in zip(lines, heights(lines), strict=True):
        if line.word == "wing":
            top = y
        elif top and line.word not in STEPS:
            yield _box(top, y - top)
            top = 0
        y += height


def _box(y: int, height: int, round: int = 8) -> str:
    place = f'x="{EDGE}" y="{y}" width="{BOX_RIGHT - EDGE}" height="{height}"'
    return f'<rect class="box" {place} rx="{round}"/>'


def _ledger(top: int, bottom: int) -> Iterator[str]:
    """Draw the ledger beside all steps."""
    right, centre = WIDTH - EDGE, (top + bottom) // 2
    place = f'x="{LEDGER}" y="{top}" width="{right - LEDGER}" height="{bottom - top}"'
    yield f'<rect class="ledger" {place} rx="10"/>'
    turned = f"translate({(LEDGER + right) // 2 - 5} {centre}) rotate(90)"
    name, said = '<tspan class="name">the ledger</tspan>', escape(ON_DISK)
    yield f'<text class="turned" transform="{turned}">{name}'
    yield f'<tspan class="soft" dx="10">{said}</tspan></text>'


def _text(style: str, at: Point, text: str) -> str:
    return f'<text class="{style}" x="{at.x}" y="{at.y}">{text}</text>'


def _arrow_head(style: str, tip: Point, towards: str) -> str:
    sides = {"down": "l-5 -9h10z", "right": "l-9 -5v10z", "left": "l9 -5v10z"}
    return f'<path class="{style}" d="M{tip.x} {tip.y}{sides[towards]}"/>'


def _opening(height: int, text: str) -> Iterator[str]:
    """Begin the file; who cannot see the picture hears its text."""
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title text">'
    yield '<title id="title">The path of one letter through the service</title>'
    yield f'<desc id="text">\n{escape(text)}</desc>'
    yield f"<style>\n{STYLE}\n</style>"
    yield f'<rect class="paper" width="{WIDTH}" height="{height}"/>'


def draw() -> None:
    """Write the picture anew."""
    PICTURE.write_text(picture(SOURCE.read_text()))
