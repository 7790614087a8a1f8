"""Read a folder of templates: which files there are, and what each is for."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec
from jinja2 import Template

from service.learners.text_form import locale_form
from service.rules.language.brand import Brand
from service.sending.templates.checker import files_in, variables_in
from service.sending.templates.context import Language

SOURCE_SIZE_MAX = 64 * 1024
FORMS = ("email", "chat")
DEEPEST = 4
CATALOGUES = "_languages/"
FOLDERS_REMEMBERED = 4

FILE_NAME = re.compile(
    r"(?P<part>subject|body)(?:\.(?P<locale>[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*))?"
    r"\.(?P<kind>txt|html)"
)


class TemplateFiles(msgspec.Struct):
    """Hold a folder's files. `sources`: text by path. `places`: path by (template, form, locale,
    file), the locale '' for the plain file, the file `subject.txt`, `body.txt` or `body.html`.
    `problems`: what is wrong with the files as files. `catalogues`: the words of languages by path.
    """

    sources: dict[str, str] = {}
    places: dict[tuple[str, str, str, str], str] = {}
    problems: list[str] = []
    catalogues: dict[str, str] = {}

    def forms(self) -> dict[str, frozenset[str]]:
        """Return for each template the forms it has a plain text body for, maybe none."""
        bodies = {place[:2] for place in self.places if place[2:] == ("", "body.txt")}
        return {
            name: frozenset(form for form in FORMS if (name, form) in bodies)
            for name in sorted({place[0] for place in self.places})
        }

    def reads(self) -> dict[tuple[str, str], dict[str, frozenset[str]]]:
        """Return what each body of a template's form reads, by the name of its file."""
        found: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
        for (template, form, _, file), name in sorted(self.places.items()):
            if file.startswith("body."):
                read = self.read_by(name)
                found.setdefault((template, form), {})[name.rpartition("/")[2]] = read
        return found

    def read_by(self, name: str, through: frozenset[str] = frozenset()) -> frozenset[str]:
        """Return what a file reads, and what it extends or includes."""
        source = self.sources.get(name, "") if name not in through else ""
        parts = (self.read_by(part, through | {name}) for part in files_in(source))
        return variables_in(source).union(*parts)

    def locales(self, template: str, form: str) -> list[str]:
        """Return the locales of a template's form; '' is the plain one."""
        return sorted({place[2] for place in self.places if place[:2] == (template, form)})

    def pairs(self) -> list[tuple[str, str]]:
        """List the templates, each with each of its forms."""
        return sorted({place[:2] for place in self.places})

    def missing(self, folder: Path) -> Iterator[str]:
        """List the files that a template needs and has not."""
        yield from (
            f"{folder / name}: expected words, found an empty file"
            for (_, form, _, file), name in self.places.items()
            if (form, file) != ("chat", "subject.txt") and not self.sources[name].strip()
        )
        for template, form in self.pairs():
            wanted = {"email": ("subject.txt", "body.txt"), "chat": ("body.txt",)}[form]
            yield from (
                f"{folder / template / form}: expected a {file}, found none"
                for file in wanted
                if (template, form, "", file) not in self.places
            )
            yield from self._half_translated(folder / template / form, template, form)

    def _half_translated(self, place: Path, template: str, form: str) -> Iterator[str]:
        for locale in self.locales(template, form):
            for file in ("subject.txt", "body.txt", "body.html"):
                plain = (template, form, "", file) in self.places
                if plain and (template, form, locale, file) not in self.places:
                    own = file.replace(".", f".{locale}.")
                    yield f"{place}: expected a {own} beside {file}"


class Findings:
    """Hold what trying the files of a folder has shown.

    `styled` are the pages whose style can be written in beforehand, None for one that this would
    change; `problems` are those of rendering, None until somebody has looked for them; `languages`
    are those that readers of a locale get a template's form in.
    """

    def __init__(self) -> None:
        self.languages: dict[tuple[str, str, str | None], Language] = {}
        self.styled: dict[str, Template | None] = {}
        self.problems: list[str] | None = None


def findings_of(
    folder: Path, fields: Iterable[str], files: TemplateFiles, brand: Brand
) -> Findings:
    """Give what is known of files as they are: for all who load them, as with a new rule file."""
    words = frozenset(files.sources.items()), frozenset(files.catalogues.items())
    return _findings((folder, tuple(fields), words, brand))


@lru_cache(FOLDERS_REMEMBERED)
def _findings(_: tuple[object, ...]) -> Findings:
    return Findings()


def read_files(folder: Path) -> TemplateFiles:
    """Read a folder of templates; what cannot be read is named among the problems."""
    found = TemplateFiles({}, {}, [], {})
    if not folder.is_dir():
        found.problems.append(f"{folder}: expected a folder of templates, found none")
        return found
    root = folder.resolve()
    for path in template_files(folder):
        _take(found, root, path, name=path.relative_to(folder).as_posix())
    return found


def template_files(folder: Path) -> list[Path]:
    """List the files of a folder, none hidden; a mounted one may hold links to folders."""
    found: list[Path] = []
    for place, inner, names in os.walk(folder, followlinks=True):
        here = Path(place)
        deep = len(here.relative_to(folder).parts) >= DEEPEST
        inner[:] = [name for name in inner if not (deep or name.startswith("."))]
        found += [here / name for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.is_file())


def _take(found: TemplateFiles, root: Path, path: Path, name: str) -> None:
    place, wrong = _place(name)
    if wrong is None and not path.resolve().is_relative_to(root):
        wrong = "it leads out of the templates folder; copy the file instead of linking it"
    if wrong is None and path.stat().st_size > SOURCE_SIZE_MAX:
        wrong = f"expected at most {SOURCE_SIZE_MAX} bytes, got {path.stat().st_size}"
    source = _text(path) if wrong is None else None
    if source is None:
        found.problems.append(f"{path}: {wrong or 'expected UTF-8 text'}")
        return
    if name.startswith(CATALOGUES) and not name.endswith(".yaml"):
        found.problems.append(f"{path}: expected the words of a language as <tag>.yaml")
        return
    if name.startswith(CATALOGUES):
        found.catalogues[name] = source
        return
    found.sources[name] = source
    if place is not None:
        found.places[place] = name


def _place(name: str) -> tuple[tuple[str, str, str, str] | None, str | None]:
    """Return where a file belongs, and what is wrong with its name."""
    if name.startswith("_"):
        return None, None
    steps = name.split("/")
    match = FILE_NAME.fullmatch(steps[-1])
    if len(steps) != 3 or steps[1] not in FORMS or match is None:
        return None, (
            "expected <template>/<email|chat>/ and then subject.txt, body.txt or body.html, "
            "with a locale before the suffix if any (body.de.txt)"
        )
    file = f"{match['part']}.{match['kind']}"
    if file == "subject.html" or (steps[1] == "chat" and file == "body.html"):
        return None, "a subject and a chat message are plain text; rename it to .txt"
    return (steps[0], steps[1], locale_form(match["locale"] or ""), file), None


def _text(path: Path) -> str | None:
    with suppress(UnicodeDecodeError, OSError):
        return path.read_text(encoding="utf-8")
    return None
