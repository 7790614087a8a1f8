"""The templates folder: which files there are, and which one speaks which language."""

import re
from pathlib import Path

import msgspec

SOURCE_SIZE_MAX = 64 * 1024
FORMS = ("email", "chat")

FILE_NAME = re.compile(
    r"(?P<part>subject|body)(?:\.(?P<locale>[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*))?"
    r"\.(?P<kind>txt|html)"
)


class Shelf(msgspec.Struct):
    """`sources`: text by path within the folder. `places`: path by (template, form, locale,
    file), the locale '' for the plain file, the file `subject.txt`, `body.txt` or `body.html`.
    `problems`: what is wrong with the files as files.
    """

    sources: dict[str, str] = {}
    places: dict[tuple[str, str, str, str], str] = {}
    problems: list[str] = []

    def locale_for(self, template: str, form: str, wanted: str | None) -> str:
        """Choose de-AT, then de, then the plain files: the first that has a text body."""
        tag = (wanted or "").replace("_", "-").lower()
        while tag:
            if (template, form, tag, "body.txt") in self.places:
                return tag
            tag = tag.rpartition("-")[0]
        return ""

    def forms(self) -> dict[str, frozenset[str]]:
        """Return for each template the forms it has a plain text body for, maybe none."""
        bodies = {place[:2] for place in self.places if place[2:] == ("", "body.txt")}
        return {
            name: frozenset(form for form in FORMS if (name, form) in bodies)
            for name in sorted({place[0] for place in self.places})
        }

    def locales(self, template: str, form: str) -> list[str]:
        """Return the locales of a template's form; '' is the plain one."""
        return sorted({place[2] for place in self.places if place[:2] == (template, form)})


def shelf_at(folder: Path) -> Shelf:
    """Read a folder of templates; what cannot be read is named among the problems."""
    shelf = Shelf({}, {}, [])
    if not folder.is_dir():
        shelf.problems.append(f"{folder}: expected a folder of templates, found none")
        return shelf
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.name.startswith("."):
            _take(shelf, root, path, name)
    return shelf


def _take(shelf: Shelf, root: Path, path: Path, name: str) -> None:
    place, wrong = _place(name)
    if wrong is None and not path.resolve().is_relative_to(root):
        wrong = "it leads out of the templates folder; copy the file instead of linking it"
    if wrong is None and path.stat().st_size > SOURCE_SIZE_MAX:
        wrong = f"expected at most {SOURCE_SIZE_MAX} bytes, got {path.stat().st_size}"
    source = _text(path) if wrong is None else None
    if source is None:
        shelf.problems.append(f"{path}: {wrong or 'expected UTF-8 text'}")
        return
    shelf.sources[name] = source
    if place is not None:
        shelf.places[place] = name


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
    locale = (match["locale"] or "").replace("_", "-").lower()
    return (steps[0], steps[1], locale, file), None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return None
