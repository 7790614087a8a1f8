"""Read message catalogues: one file for each language, with what templates and pages say by key."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from babel import Locale, UnknownLocaleError
from markupsafe import escape

from service.learners.text_form import locale_form
from service.rules.language.errors import Report
from service.rules.language.yaml_reader import Document, Path, read_document
from service.rules.text import hint, listed, shown
from service.sending.templates.context import Language, Phrase, Words, gaps_of
from service.sending.templates.template_files import FOLDERS_REMEMBERED

FOLDER = "_languages"
ENGLISH = "en"
"""The language that says what there is to say; another one falls back to it."""
WORLD_ENGLISH = Locale("en", "001")
OTHER = "other"
FORMS = ("zero", "one", "two", "few", "many", OTHER)
"""What CLDR calls the forms that words take with a number."""
GAP = re.compile(r"\{([a-z_]+)\}")
PAGES = "page."
"""How the keys begin of what pages say: the program has it in English, whatever the folder has."""


class Catalogues:
    """Hold the words of each language by its tag, and what is wrong with its file."""

    def __init__(self, sources: Mapping[str, str], folder: str = "") -> None:
        self.words: dict[str, Words] = {ENGLISH: pages_in_english()}
        self._problems: dict[str, list[str]] = defaultdict(list)
        self._folder = folder
        names = {_tag(name): name for name in sorted(sources)}
        english = names.pop(ENGLISH, None)
        if english is not None:
            self._read(ENGLISH, english, sources[english], closed=False)
        elif names:
            wanted = f"{folder}{FOLDER}/{ENGLISH}.yaml"
            told = f"{wanted}: expected the words in English, found no such file"
            self._problems[ENGLISH].append(told)
        whole = not self.problems
        for tag, name in names.items():
            self._read(tag, name, sources[name], closed=whole)

    @property
    def problems(self) -> list[str]:
        """List what is wrong with the files, as `file:line:column: what`."""
        return [each for found in self._problems.values() for each in found]

    def mistakes(self, tag: str) -> list[str]:
        """List what is wrong with the files of one language: of English, and its own."""
        own = locale_form(tag)
        tags = dict.fromkeys((ENGLISH, own, self.nearest(own)))
        return [each for tag in tags for each in self._problems.get(tag, ())]

    def language(self, tag: str, reader: str) -> Language:
        """Give a language as a reader's locale writes it; what it has no words for is English.

        Who reads de-at gets the words of de, and Jänner for a month.
        """
        own = tag.partition("-")[0]
        alike = [each for each in (reader, tag, own) if each.partition("-")[0] == own]
        locale = next(filter(None, map(locale_of, alike)), WORLD_ENGLISH)
        words = {**self.words[ENGLISH], **self.words.get(self.nearest(tag), {})}
        return Language(tag, locale, words)

    def nearest(self, tag: str) -> str:
        """Find the language of a locale that has words: de-at, then de; nothing for none."""
        while tag and tag not in self.words:
            tag = tag.rpartition("-")[0]
        return tag

    def missing(self, tag: str) -> list[str]:
        """List the keys that a language leaves to English."""
        own = self.words.get(self.nearest(locale_form(tag)), {})
        return [key for key in self.words[ENGLISH] if key not in own]

    def _read(self, tag: str, name: str, text: str, *, closed: bool) -> None:
        """Read a file; `closed` if it may have no key that English has not."""
        report = Report(f"{self._folder}{name}", read_document(text.removeprefix("\ufeff")))
        locale = locale_of(tag)
        if locale is None:
            told = "expected the tag of a language as the name of the file, such as fr.yaml or"
            report.error((), f"{told} pt-BR.yaml; CLDR knows no {shown(PurePosixPath(name).stem)}")
        elif not hasattr(told := _lines_of(report.document), "items"):
            report.error((), "expected lines like 'key: words'; the file holds something else")
        else:
            reader = CatalogueReader(report, locale, self.words[ENGLISH], closed=closed)
            found = dict(reader.phrases(told, ()))
            pages = self.words[ENGLISH] if tag == ENGLISH else {}
            self.words[tag] = {**found, **pages, **found}  # of both in its words, in this order
        self._problems[tag] += map(str, report.problems())


class CatalogueReader:
    """Read what one language says; `reference` is what English says, as far as it is read.

    Where that is not `closed` there may be other keys, but none for pages: nothing says those.
    """

    def __init__(self, report: Report, locale: Locale, reference: Words, *, closed: bool) -> None:
        self._report = report
        self._reference = reference
        self._closed = closed
        self._forms = number_forms(locale)

    def phrases(
        self, block: Mapping[str, Any], path: Path
    ) -> Iterator[tuple[str, dict[str, Phrase]]]:
        """Give the words of each key, with their forms; what is wrong is reported, and left out."""
        for name, value in block.items():
            here, key = (*path, name), ".".join(map(str, (*path, name)))
            if hasattr(value, "items") and not value.keys() & {*FORMS}:
                yield from self.phrases(value, here)
            elif self._is_known(key, here) and (forms := self._forms_of(value, here)):
                yield key, {form: self._phrase(key, text, (*here, *at)) for form, text, at in forms}

    def _is_known(self, key: str, path: Path) -> bool:
        closed = self._reference and (self._closed or key.startswith(PAGES))
        if key in self._reference or not closed:
            return True
        near = hint(key, self._reference)
        told = f"the English catalogue has no key {shown(key)}, so nothing says it{near}"
        self._report.error(path, told, key=True)
        return False

    def _forms_of(self, value: Any, path: Path) -> list[tuple[str, str, Path]]:
        """List the forms of words; `other` alone where there is no number in them."""
        if type(value) is str:
            return [(OTHER, value, ())]
        if value is None or not hasattr(value, "items"):
            self._report.error(path, f"expected words; got {shown(value)}" if value else "no words")
            return []
        surplus = [form for form in value if form not in self._forms]
        for form in surplus:
            told = f"{shown(form)} is no form of number here; use {listed(self._forms)}"
            self._report.error((*path, form), told, key=True)
        if OTHER not in value:
            self._report.error(path, f"the form '{OTHER}' is missing, which holds for all numbers")
        if OTHER not in value:
            return []
        return [(form, text, (form,)) for form, text in value.items() if form not in surplus]

    def _phrase(self, key: str, text: Any, path: Path) -> Phrase:
        """Read words with gaps like {course}; gaps that English has not nobody would fill."""
        parts = GAP.split(str(text or ""))
        gaps = parts[1::2]
        if any(brace in "".join(parts[::2]) for brace in "{}"):
            self._report.error(path, "expected gaps like {course}; a { or } alone is none")
        english = self._reference.get(key)
        allowed = gaps_of(english) if english else frozenset(gaps)
        for gap in gaps:
            if gap not in allowed:
                near = hint(gap, allowed) or f"; English has {listed(allowed) or 'none'}"
                self._report.error(path, f"nobody fills the gap {{{gap}}}{near}")
        return Phrase(tuple(parts), tuple(map(escape, parts)))


def as_written(phrase: Phrase) -> str:
    """Write words with their gaps as a catalogue has them."""
    gaps = [f"{{{part}}}" if at % 2 else part for at, part in enumerate(phrase.parts)]
    return "".join(gaps)


def number_forms(locale: Locale) -> list[str]:
    """List the forms that words of a language take with a number."""
    return [form for form in FORMS if form in locale.plural_form.tags or form == OTHER]


def locale_of(tag: str) -> Locale | None:
    """Give what CLDR knows of a locale; plain English is that of the world. None if nothing."""
    try:
        return WORLD_ENGLISH if tag == ENGLISH else Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return None


def _lines_of(document: Document) -> Any:
    """Give what a file says; nothing, where it is empty, has comments alone or cannot be read."""
    return {} if document.data is None else document.data


def catalogues_of(sources: Mapping[str, str], folder: str) -> Catalogues:
    """Read the files of a folder, once as they are: for all who load them, as findings are."""
    return _catalogues(frozenset(sources.items()), folder)


@lru_cache(FOLDERS_REMEMBERED)
def _catalogues(sources: frozenset[tuple[str, str]], folder: str) -> Catalogues:
    return Catalogues(dict(sources), folder)


@cache
def pages_in_english() -> Words:
    """Read what the pages say that messages link to; the program brings it along."""
    text = files("service.sending.templates").joinpath("pages_en.yaml").read_text("utf-8")
    report = Report("pages_en.yaml", read_document(text))
    reader = CatalogueReader(report, WORLD_ENGLISH, {}, closed=False)
    return dict(reader.phrases(report.document.data, ()))


def _tag(name: str) -> str:
    return locale_form(PurePosixPath(name).stem)
