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
AXIS = 60
TITLE, ROW, PADDING, GAP, OUTSIDE = 32, 27, 9, 46, 34
STEPS = ("load", "pure", "append", "send")
STYLE = """\
  svg { --ink: #1f2328; --soft: #59636e; --paper: #fff; --box: #f3f5f8; --line: #8c959f;
    --ledger: #dbe7f6; --edge: #2f6fb5; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9aa4af; --paper: #0d1117; --box: #1a2029; --line: #6e7781;
      --ledger: #16304f; --edge: #6cb0f5; } }
  .paper { fill: var(--paper); }
  text { fill: var(--ink); font: 16px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
  .name, .outside { font-weight: 700; }
  .outside { text-anchor: middle; }
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
    drawn, y = [], EDGE
    top = bottom = 0
    for line, height in zip(lines, heights(lines), strict=True):
        drawn += shapes(line, y, height)
        if line.word in STEPS:
            bottom = y + height
            top = top or y
        y += height
    ledger = [*_ledger(top - 4, bottom + 4)]
    return "\n".join([*_head(y + EDGE, lines), *ledger, *_boxes(lines), *drawn, "</svg>\n"])


def heights(lines: Sequence[Line]) -> Iterator[int]:
    """Say how much room each line takes; the last step of a wing has the padding under it."""
    room = {"wing": TITLE, "arrow": GAP, "from": OUTSIDE, "to": OUTSIDE}
    for line, below in pairwise([*lines, Line("", "")]):
        ends = line.word in STEPS and below.word not in STEPS
        yield room.get(line.word, ROW) + (PADDING if ends else 0)


def shapes(line: Line, y: int, height: int) -> Iterator[str]:
    """Draw one line from `y` down."""
    if line.word in ("from", "to"):
        yield f'<rect class="box" x="{EDGE}" y="{y}" width="{BOX_RIGHT - EDGE}" height="{height}"'
        yield f'  rx="{height // 2}"/>'
        yield _text("outside", (EDGE + BOX_RIGHT) // 2, y + 23, line.text)
    elif line.word == "arrow":
        yield f'<path class="way" d="M{AXIS} {y + 3}V{y + height - 9}"/>'
        yield _head_of("head", AXIS, y + height - 3, "down")
        said = f', <tspan class="soft">{escape(line.said)}</tspan>' if line.said else ""
        yield _text("name", AXIS + 16, y + height // 2 + 5, line.text, said)
    elif line.word == "wing":
        said = f'<tspan class="soft" dx="10">{escape(line.said)}</tspan>'
        yield _text("folder", EDGE + 14, y + 23, line.text, said)
    else:
        yield from _step(line, y)


def _step(line: Line, y: int) -> Iterator[str]:
    middle = y + ROW // 2
    text = f"{line.text} {line.said}".strip()
    verb = "" if line.word == "pure" else line.word
    if verb:
        yield _text("name", EDGE + 14, middle + 6, verb)
    else:
        yield f'<rect class="tag" x="{EDGE + 8}" y="{middle - 9}" width="48" height="20" rx="5"/>'
        yield _text("soft", EDGE + 14, middle + 6, "pure")
    yield _text("", EDGE + 92, middle + 6, text)
    if line.word == "append":
        yield f'<path class="disk" d="M{BOX_RIGHT} {middle}H{LEDGER - 8}"/>'
        yield _head_of("disk-head", LEDGER - 1, middle, "right")
    elif line.word == "load":
        yield f'<path class="disk" d="M{LEDGER} {middle}H{BOX_RIGHT + 8}"/>'
        yield _head_of("disk-head", BOX_RIGHT + 1, middle, "left")


def _boxes(lines: Sequence[Line]) -> Iterator[str]:
    """Draw the box of each wing, behind its steps."""
    y, top = EDGE, 0
    for line, height in zip(lines, heights(lines), strict=True):
        if line.word == "wing":
            top = y
        elif top and line.word not in STEPS:
            yield f'<rect class="box" x="{EDGE}" y="{top}" width="{BOX_RIGHT - EDGE}"'
            yield f'  height="{y - top}" rx="8"/>'
            top = 0
        y += height


def _ledger(top: int, bottom: int) -> Iterator[str]:
    right, middle = WIDTH - EDGE, (LEDGER + WIDTH - EDGE) // 2
    yield f'<rect class="ledger" x="{LEDGER}" y="{top}" width="{right - LEDGER}"'
    yield f'  height="{bottom - top}" rx="10"/>'
    centre = (top + bottom) // 2
    yield f'<text transform="translate({middle - 5} {centre}) rotate(90)" text-anchor="middle">'
    said = "one SQLite file: letters, people, courses, the log"
    yield f'<tspan class="name">the ledger</tspan><tspan class="soft" dx="10">{said}</tspan></text>'


def _text(style: str, x: int, y: int, text: str, more: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x}" y="{y}">{escape(text)}{more}</text>'


def _head_of(style: str, x: int, y: int, towards: str) -> str:
    """Draw the head of an arrow, its tip at `x` and `y`."""
    wings = {"down": "l-5 -9h10z", "right": "l-9 -5v10z", "left": "l9 -5v10z"}
    return f'<path class="{style}" d="M{x} {y}{wings[towards]}"/>'


def _head(height: int, lines: Sequence[Line]) -> Iterator[str]:
    words = "; ".join(f"{line.word} {line.text} {line.said}".strip() for line in lines)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    yield f'  width="{WIDTH}" height="{height}" role="img" aria-labelledby="title description">'
    yield '<title id="title">The path of one letter through the service</title>'
    yield f'<desc id="description">{escape(words)}</desc>'
    yield f"<style>\n{STYLE}\n</style>"
    yield f'<rect class="paper" width="{WIDTH}" height="{height}"/>'


def draw() -> None:
    """Write the picture anew."""
    PICTURE.write_text(picture(SOURCE.read_text()))
