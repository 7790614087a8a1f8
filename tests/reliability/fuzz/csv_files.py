"""Files of people and courses under fuzz, as spreadsheets write them and as none does."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner
from hypothesis import strategies as st

from service.cli import main
from service.cli.output import csv_import
from tests.reliability.fuzz.target import Check, Target, bounded

COLUMNS = {
    "people": ["id", "name", "email", "manager", "timezone", "locale", "groups", "source",
               "account", "Cost Center", "Internal User ID", "Unique User ID", "ID", " E-Mail "],
    "courses": ["id", "title", "kind", "tags", "url", "parents", "source", "account",
                "Training ID", "Training Name", "Title", "", "ID"],
}  # fmt: skip
CELLS = [
    "7", "course:7", "learningProgram:1", "Ada", "ada@example.org", "a@b; c@d", "Europe/Berlin",
    "de", "Eng; Ops", "group:a,b", "course", "https://lms.example.org/7", "javascript:alert(1)",
    "", " ", "-", "#N/A", "=1+1", "'9", "1,23457E+11", "9" * 30, "\u202ex", "x" * 5_000, "a\nb",
    'a"b', "\0", "é", "Ⅷ", "xn--a@b", "null", "None", "true", "<b>", "%s", "{{ x }}", "../x",
    "\ufeff7", "adobe", "sunbird", "1;2",
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252", "mac-roman", "utf-32"]


class Table(NamedTuple):
    """A file to import, and as what."""

    kind: str
    content: bytes


@st.composite
def tables(draw: st.DrawFn) -> Table:
    kind = draw(st.sampled_from(sorted(COLUMNS)))
    others = draw(st.lists(st.sampled_from(COLUMNS[kind]), max_size=7, unique=draw(st.booleans())))
    head = draw(st.permutations(["id", *others])) if draw(st.integers(0, 3)) else others
    cells = st.sampled_from(CELLS) | st.text(max_size=20)
    width = st.just(len(head)) | st.integers(0, len(head) + 2)
    rows = [
        draw(st.lists(cells, min_size=n, max_size=n)) for n in draw(st.lists(width, max_size=5))
    ]
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=draw(st.sampled_from(",,,;\t|")),
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )  # fmt: skip
    writer.writerows([head, *rows])
    content = bytearray(text.getvalue().encode(draw(st.sampled_from(ENCODINGS)), "replace"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 3])) if content else 0):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return Table(kind, bytes(content))


@contextmanager
def opened(folder: Path) -> Iterator[Check]:
    csv_import.STILL_SECONDS = 0.0  # nobody writes to these while they are imported
    environ = {"COURSEBELL_DATA": str(folder / "data")}

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, words, env=environ)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code in (0, 1, 2) and "Traceback" not in done.output
        return done.exit_code, done.output

    def check(table: Table) -> str:
        """What can be used is imported, and what cannot is named."""
        file = folder / f"{table.kind}.csv"
        file.write_bytes(table.content)
        with bounded():
            code, said = run(table.kind, "import", str(file), "--new")
            again, _ = run(table.kind, "import", str(file), "--new")
        assert said.strip(), "it says nothing"
        assert code == again, "the same file is another thing the second time"
        return "refused" if code else "kept"

    yield check
    for kind in COLUMNS:
        assert run(kind, "list", "--json")[0] == 0
    assert run("fsck")[0] == 0


CSV = Target("files of people and courses", tables(), opened)
