"""docs/logs.md: each event that the service logs, with its level and fields, and no other."""

import ast
import logging
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.installation import ROOT
from tests.test_house import SERVICE, name_of, tree_of

ROW = re.compile(r"(?m)^\| `([\w.]+)` \| (\w+) \|(.*?)\|(.+?)\|.*\|$")
DOCUMENTED = {
    event: (level, frozenset(re.findall(r"`(\w+)`", fields)))
    for event, level, fields, _ in ROW.findall((ROOT / "docs/logs.md").read_text())
}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
FIRST_LINES = {"service.started", "service.setup"}
LIBRARY = "library"
OF_A_LINE = {"at", "level", "event", "logger", "trace", "message"}
OF_A_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime"}


class LogCall(NamedTuple):
    """One call of a logger: where it stands, its level, and what `extra` says."""

    place: str
    level: str
    extra: dict[str, object]

    @property
    def event(self) -> str:
        return str(self.extra.get("event", ""))


def functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def said_by(node: ast.expr | None, within: ast.AST) -> dict[str, object]:
    """What a dict says, written out or by the name it was given in the same function."""
    if isinstance(node, ast.Name):
        given = [
            each.value
            for each in ast.walk(within)
            if isinstance(each, ast.Assign)
            and any(isinstance(to, ast.Name) and to.id == node.id for to in each.targets)
        ]
        return said_by(given[0], within) if len(given) == 1 else {}
    found: dict[str, object] = {}
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found |= said_by(value, within)
            elif isinstance(key, ast.Constant):
                found[str(key.value)] = value.value if isinstance(value, ast.Constant) else value
    return found


@cache
def log_calls() -> list[LogCall]:
    return list(_log_calls())


def _log_calls() -> Iterator[LogCall]:
    for path in SERVICE:
        for function in functions(tree_of(path)):
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in LEVELS
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                ):
                    level = {"exception": "error"}.get(node.func.attr, node.func.attr)
                    extra = next((k.value for k in node.keywords if k.arg == "extra"), None)
                    place = f"{name_of(path)}:{node.lineno}"
                    yield LogCall(place, level, said_by(extra, function))


def test_every_logger_is_called_log() -> None:
    """So that none escapes: those of libraries are only told what not to say."""
    for path in SERVICE:
        text = path.read_text()
        assert not re.search(r"logging\.(debug|info|warning|error|exception|critical)\(", text), (
            path
        )
        assert not re.search(r"(?m)^(?!log\b)\w+ = logging\.getLogger\(__name__", text), path


def test_every_log_call_names_an_event_of_the_page_with_its_level_and_fields() -> None:
    assert len(log_calls()) > 20
    wrong = [
        f"{call.place}: {call.event or 'no event'}"
        for call in log_calls()
        if DOCUMENTED.get(call.event) != (call.level, frozenset(call.extra) - {"event"})
    ]
    assert not wrong, "docs/logs.md has another level or fields, or no such event: " + str(wrong)


def test_the_page_names_no_event_that_nobody_logs() -> None:
    assert {*DOCUMENTED} == {call.event for call in log_calls()} | FIRST_LINES | {LIBRARY}
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", event) for event in {*DOCUMENTED} - {LIBRARY})


def test_no_field_has_a_name_that_is_taken() -> None:
    """logging refuses some of them, when the line is written, and the others would be lost."""
    taken = OF_A_LINE | OF_A_RECORD
    fields = {field for _, fields in DOCUMENTED.values() for field in fields}
    assert fields & taken == {"logger"}
