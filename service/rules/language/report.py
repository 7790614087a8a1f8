"""Problems: mistakes of a rule file, each told once, with its place, without secrets."""

from dataclasses import dataclass
from typing import Literal

from service.rules.language.yaml_reader import Page, Path

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; lines and columns count from 1. A warning does not refuse the file."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class Report:
    """Collects the problems of one page; `meant` are paths that a misspelt key stands for."""

    def __init__(self, name: str, page: Page) -> None:
        self.name = name
        self.page = page
        self.found: set[Problem] = set()
        self.meant: set[Path] = set()
        for place, message in page.mistakes:
            self.found.add(Problem(name, *place, message))

    def error(self, path: Path, message: str, *, key: bool = False) -> None:
        """Note a mistake at the value (or the key) at `path`, unless it is told already."""
        self._note(path, message, key, "error")

    def warning(self, path: Path, message: str, *, key: bool = False) -> None:
        """Note what is allowed and yet surprising."""
        self._note(path, message, key, "warning")

    def spoil(self, path: Path) -> None:
        """Keep quiet about everything at and below `path` from now on."""
        self.page.broken.add(path)

    def spoiled(self, path: Path) -> bool:
        """Tell whether a mistake at `path` or above has been told."""
        broken = self.page.broken
        return any(path[:length] in broken for length in range(len(path) + 1))

    def line(self, path: Path) -> int:
        """Give the line of the value at `path`."""
        return self.page.values[path][0]

    def key_line(self, path: Path) -> int:
        """Give the line of the key at `path`, or of the value where there is no key."""
        return self.page.keys.get(path, self.page.values[path])[0]

    @property
    def failed(self) -> bool:
        return any(problem.severity == "error" for problem in self.found)

    def problems(self) -> list[Problem]:
        """List everything by place."""
        return sorted(self.found)

    def _note(self, path: Path, message: str, key: bool, severity: Severity) -> None:
        if self.spoiled(path):
            return
        places = self.page.keys if key else self.page.values
        self.found.add(Problem(self.name, *places.get(path, (1, 1)), message, severity))
