"""Read the text of a rule file into rules, or into every mistake in it."""

from collections.abc import Mapping
from typing import Any

from service.rules.language.brand_keys import BrandShape, check_colors, read_logo
from service.rules.language.channels import NAME, holds_password, holds_variable, read_channels
from service.rules.language.checks import RuleChecks, check_intervals
from service.rules.language.errors import Diagnostic, Report
from service.rules.language.known_names import Installed, KnownNames
from service.rules.language.model import ANY, DefaultsShape, FileShape
from service.rules.language.yaml_reader import Path, read_document
from service.rules.rule import RuleSet
from service.rules.text import shown

BYTES_MAX = 1024 * 1024
NOT_UTF8 = "this is not UTF-8; save the file as UTF-8 text"
UNCHECKED = Installed()

_LEAK = "a password is written into this file; only channels may hold one, as ${NAME}"
_QUOTES = " (in quotes, if it begins with #)"
_VARIABLE = "${…} works under 'channels' only; write the value itself"


def read_rules(
    text: str | bytes,
    *,
    name: str = "rules.yaml",
    environ: Mapping[str, str],
    installed: Installed = UNCHECKED,
) -> tuple[RuleSet | None, list[Diagnostic]]:
    """Read a rule file; with an error there is no rule set, with warnings alone there is.

    `environ` fills `${NAME}` in channels.
    """
    decoded, refused = _decoded(text, name)
    if decoded is None:
        return None, refused
    report = read_report(decoded, name, "version: 1")
    if report.document.data is None:
        return None, report.problems()
    file = FileShape.read(report)
    if file is None:
        return None, report.problems()
    channels = read_channels(file.channels or {}, environ, report)
    check_intervals(file, report)
    check_colors(file.brand or BrandShape.nothing(), report)
    names = KnownNames(
        report=report,
        channels=None if _unreadable("channels", file, report) else channels,
        windows=None if _unreadable("time_intervals", file, report) else file.windows(),
        installed=installed,
    )
    checks = RuleChecks(report, names, file.defaults or DefaultsShape.nothing())
    conditions = checks.run(rule for rule in file.rules or () if rule)
    logo = read_logo(file.brand, installed.beside, report) if file.brand else None
    if report.failed:
        return None, report.problems()
    compiled = file.compiled(channels, conditions, decoded, logo=logo)
    for shape, rule in zip(file.rules, compiled.rules, strict=True):
        checks.check_possible(shape, rule, conditions)
    return compiled, report.problems()


def read_report(text: str, name: str, begin: str) -> Report:
    """Read the YAML of a file, and report what no key or value takes.

    An empty file is told how to `begin`.
    """
    report = Report(name, read_document(text.removeprefix("\ufeff")))
    if report.document.data is not None:
        _check_texts(report)
    elif not report.document.mistakes:
        report.error((), f"the file is empty; begin it with '{begin}'")
    return report


def _check_texts(report: Report) -> None:
    """Report values left out, and `${…}` and passwords where they do not belong."""
    waiting: list[tuple[Path, Any]] = [((), report.document.data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*path, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(value))
        elif problem := _bad_text(value, path):
            report.refuse(path, problem)


def _bad_text(value: str | None, path: Path) -> str | None:
    if value is None:
        what = shown(path[-1]) if isinstance(path[-1], str) else "this item"
        quotes = _QUOTES if path[:1] == ("brand",) else ""
        return f"{what} has no value; write one{quotes}, or take the line out"
    if path[:1] == ("channels",):
        return None
    if holds_variable(value):
        return _VARIABLE
    return _LEAK if holds_password(value) else None


def channels_named(text: bytes) -> list[str]:
    """Name the channels of a rule file, as far as it can be read."""
    return _names(text, "channels")


def intervals_named(text: bytes) -> list[str]:
    """Name the time intervals of a rule file, as far as it can be read."""
    return [name for name in _names(text, "time_intervals") if name != ANY]


def _names(text: bytes, key: str) -> list[str]:
    data = read_document(text.decode(errors="replace")).data
    named = data.get(key) if isinstance(data, dict) else None
    return [name for name in named if NAME.fullmatch(name)] if isinstance(named, dict) else []


def _decoded(text: str | bytes, name: str) -> tuple[str | None, list[Diagnostic]]:
    try:
        data = text.encode() if isinstance(text, str) else text
        decoded = data.decode()
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        line, column = _end(error)
        return None, [Diagnostic(name, line, column, message=NOT_UTF8)]
    if len(data) > BYTES_MAX:
        return None, [
            Diagnostic(name, 1, 1, message="the file is larger than 1 MiB; take rules out")
        ]
    return decoded, []


def _end(error: UnicodeEncodeError | UnicodeDecodeError) -> tuple[int, int]:
    before = error.object[: error.start]
    text = before if isinstance(before, str) else before.decode()
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _unreadable(key: str, file: FileShape, report: Report) -> bool:
    """Tell whether a mapping is there, but misspelt, under another name, or not a mapping."""
    if file.says(key):
        return getattr(file, key) is None
    return (key,) in report.meant or file.says_more()
