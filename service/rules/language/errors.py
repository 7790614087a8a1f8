"""Report the mistakes of a file: each once, with its place, without secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from service.learners.look_alikes import HARDLY_MEANT, LookAlike, doubtful, look_alikes, told
from service.rules.language.wishes import key_wish
from service.rules.language.yaml_reader import Block, Document, Path
from service.rules.text import listed, nearest, shown

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Diagnostic:
    """State one mistake; lines and columns count from 1. A warning does not refuse the file."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class Report:
    """Collect the problems of one document.

    `meant` are paths that a misspelt key stands for; `places` say where in it a key stands.
    """

    def __init__(self, name: str, document: Document) -> None:
        self.name = name
        self.document = document
        self.found: set[Diagnostic] = set()
        self.doubts: set[Diagnostic] = set()
        self.meant: set[Path] = set()
        self.places: Mapping[str, str] = {}
        for place, message in document.mistakes:
            self.found.add(Diagnostic(name, *place, message=message))

    def error(
        self, path: Path, message: str, *, key: bool = False, severity: Severity = "error"
    ) -> None:
        """Note a mistake at the value (or the key) at `path`, unless one is told there already.

        A character there that is not what it looks like is named: it is most likely the cause.
        """
        text = str(path[-1]) if key else self.document.text_at(path)
        found = next(look_alikes(text), None)
        if not self.spoiled(path):
            self.found.add(self._diagnostic(path, message, found, key=key, severity=severity))

    def doubt(self, path: Path, prefix: str = "") -> None:
        """Warn of a text at `path` that is accepted, and hardly the one that was meant.

        Where something else is told of it, that names the character too.
        """
        found = doubtful(self.document.text_at(path).removeprefix(prefix))
        if found is not None and not self.spoiled(path):
            self.doubts.add(self._diagnostic(path, HARDLY_MEANT, found, severity="warning"))

    def _diagnostic(
        self,
        path: Path,
        message: str,
        found: LookAlike | None,
        *,
        key: bool = False,
        severity: Severity,
    ) -> Diagnostic:
        places = self.document.keys if key else self.document.values
        line, column = places.get(path, (1, 1))
        if found is not None:
            message = told(message, found, self.document.column_of(found.sign, (line, column)))
        return Diagnostic(self.name, line, column, message=message, severity=severity)

    def warning(self, path: Path, message: str, *, key: bool = False) -> None:
        """Note what is allowed and yet surprising."""
        self.error(path, message, key=key, severity="warning")

    def refuse(self, path: Path, message: str, *, key: bool = False) -> None:
        """Note a mistake, and keep quiet about everything at and below `path` from now on."""
        self.error(path, message, key=key)
        self.document.broken.add(path)

    def spoiled(self, path: Path) -> bool:
        """Tell whether a mistake at `path` or above has been told."""
        broken = self.document.broken
        return any(path[:length] in broken for length in range(len(path) + 1))

    def line(self, path: Path) -> int:
        """Give the line of the value at `path`."""
        return self.document.values[path][0]

    def key_line(self, path: Path) -> int:
        """Give the line of the key at `path`, or of the value where there is no key."""
        return self.document.keys.get(path, self.document.values[path])[0]

    @property
    def failed(self) -> bool:
        return any(problem.severity == "error" for problem in self.found)

    def problems(self) -> list[Diagnostic]:
        """List everything by place."""
        told = {(each.line, each.column) for each in self.found}
        return sorted(
            self.found | {each for each in self.doubts if (each.line, each.column) not in told}
        )


def check_keys(
    report: Report,
    block: Block,
    keys: Mapping[str, bool],
    unknown: Callable[[Report, Block, str], str],
) -> bool:
    """Compare the keys of a mapping with those that it takes, true where it cannot do without.

    Keys that are `unknown` are told first, in its words: a missing key that was only misspelt is
    no second mistake.
    """
    surplus = [key for key in block if key not in keys]
    for key in surplus:
        report.error((*block.path, key), unknown(report, block, key), key=True)
    missing = missing_keys(report, block, keys)
    for key in missing:
        begin = "; begin the file with 'version: 1'" if key == "version" else ""
        report.error(block.path, f"the key '{key}' is missing{begin}")
    return not surplus and not missing


def unknown_key(report: Report, block: Block, key: str, keys: Mapping[str, bool]) -> str:
    """Say where an unknown key stands, or what it may stand for: one like it, or one missing."""
    message = f"unknown key {shown(key)}"
    meant = key_wish(key)
    near = None if meant else nearest(key, keys)
    missing = [] if near else missing_keys(report, block, keys)
    if key in report.places and len(missing) != 1:
        return f"{message}; it stands {report.places[key]}"
    if near:
        message += f"; did you mean '{near}'?"
    elif len(missing) == 1:
        message += f"; the key '{missing[0]}' is missing"
    else:
        return message + (meant or _near_elsewhere(report, key) or f"; use {listed(keys)}")
    report.meant.add((*block.path, near or missing[0]))
    return message


def _near_elsewhere(report: Report, key: str) -> str:
    near = nearest(key, report.places)
    return f"; did you mean '{near}'? it stands {report.places[near]}" if near else ""


def missing_keys(report: Report, block: Block, keys: Mapping[str, bool]) -> list[str]:
    """Give the keys that are needed, not there, and not what an unknown one stands for."""
    absent = [key for key, is_needed in keys.items() if is_needed and key not in block]
    told = (report.document.keys, report.meant)
    return [key for key in absent if not any((*block.path, key) in paths for paths in told)]
