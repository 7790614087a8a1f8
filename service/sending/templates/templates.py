"""Render a message from a template and what is known."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from css_inline import CSSInliner, InlineError
from jinja2 import Template, TemplateError, TemplateSyntaxError

from service.rules.fields import FIELDS
from service.rules.language.brand import NO_BRAND, Logo
from service.sending.templates.checker import BREAKS, problems_in, what_broke
from service.sending.templates.context import (
    context_of,
    language_of,
    locale_for,
    one_line,
    shape_of,
    shortened,
    too_much_in,
    written_more,
    zone_of,
)
from service.sending.templates.sample import SAMPLE
from service.sending.templates.sandbox import TemplateSandbox, TooLong, rendered
from service.sending.templates.template_files import read_files

FAILS = (TemplateError, ArithmeticError, LookupError, TypeError, *BREAKS)

EMPTY_LINES = re.compile(r"\n{3,}")


class RenderedMessage(msgspec.Struct, frozen=True):
    """Hold the words: a subject of one line (a chat may have none), plain text, HTML or None.

    `logo` is the picture that the HTML names, if it does.
    """

    subject: str
    text: str
    html: str | None
    logo: Logo | None = None


class TemplateProblem(Exception):
    """Say where and why a template cannot be rendered, and nothing about a person."""


class WordsTooLong(TemplateProblem):
    """Say that the words for all there is to tell of come to a limit of templates."""


class Templates:
    """Render every template of a folder, compiled; make a new object to load them again.

    `forms` are those that a template has a body for, by its name; `reads` are the variables that
    each body of a template's form reads, by the name of its file.
    """

    def __init__(self, folder: Path, fields: Iterable[str] = FIELDS) -> None:
        self.brand = NO_BRAND
        self._folder = folder
        self._fields = tuple(fields)
        self._shape = shape_of(self._fields)
        self.files = read_files(folder)
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
        self._compiled: dict[str, Template] = {}
        self._problems = [*self.files.problems, *self._compile(), *self._missing()]
        self._variables = {name: self.files.read_by(name) for name in self.files.sources}
        self.forms = self.files.forms()
        self.reads = self.files.reads()

    def problems(self) -> list[str]:
        """Return every mistake as `file:line: what`; renders each template with sample data,
        so that a mistake shows before a learner is the first to meet it.
        """
        return self._problems or [
            problem
            for template, form in self._pairs()
            for locale in self.files.locales(template, form)
            for values in (SAMPLE, {})
            if (problem := self._trial(template, form, locale=locale, values=values))
        ]

    def locales(self, template: str, form: str, wanted: str | None = None) -> list[str]:
        """Return the locales of a template's form, or the one that answers the `wanted` one.

        '' is the plain one.
        """
        if wanted is not None:
            return [locale_for(self.files.places, template, form, wanted)]
        return self.files.locales(template, form)

    def render(
        self, template: str, form: str, locale: str | None, values: Mapping[str, object]
    ) -> RenderedMessage:
        """Return the message. `values` are nested groups of fields; what is missing is unknown.

        Raises TemplateProblem.
        """
        chosen = locale_for(self.files.places, template, form, locale)
        context = context_of(self._shape, values)
        context["_zone"] = zone_of(values)
        context["_language"] = language_of(chosen)
        place = template, form, chosen
        text = self._part(place, "body.txt", context)
        if text is None:
            raise TemplateProblem(
                f"{self._folder / template / form}: expected a body.txt, found none"
            )
        subject = self._part(place, "subject.txt", context)
        html = self._part(place, "body.html", context)
        return RenderedMessage(
            shortened(one_line(subject or "")),
            _tidy(text),
            None if html is None else self._inlined(html, template),
        )

    def variables_of(
        self, template: str, form: str, locale: str | None, file: str
    ) -> frozenset[str]:
        """Name the variables that a file reads, as a reader of this locale gets it."""
        chosen = locale_for(self.files.places, template, form, locale)
        name = self.files.places.get((template, form, chosen, file), "")
        return self._variables.get(name, frozenset())

    def more(self, template: str, form: str, locale: str | None, count: int) -> str:
        """Write how many more there are in the language of a template; nothing for none."""
        chosen = locale_for(self.files.places, template, form, locale)
        return written_more(count, language_of(chosen)) if count else ""

    def _part(
        self, place: tuple[str, str, str], file: str, context: Mapping[str, object]
    ) -> str | None:
        """Render one file: the locale's own, or the plain one if only its subject is missing."""
        places = self.files.places
        name = places.get((*place, file))
        if name is None and file == "subject.txt":
            name = places.get((*place[:2], "", file))
        if name is None:
            return None
        compiled = self._compiled.get(name)
        if compiled is None:
            raise TemplateProblem(f"{self._folder / name}: has mistakes; run `coursebell check`")
        try:
            return rendered(compiled, context)
        except TooLong as limit:
            raise WordsTooLong(self._where(limit, name)) from None
        except FAILS as error:
            raise TemplateProblem(self._where(error, name)) from None

    def _where(self, error: BaseException, name: str) -> str:
        """Name the line and the kind of a mistake; TypeErrors might quote a value, so no more."""
        line = 0
        trace = error.__traceback__
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if file == "<template>" or file.endswith((".txt", ".html")):
                line = trace.tb_lineno
            trace = trace.tb_next
        what = str(error) if isinstance(error, TemplateError) else type(error).__name__
        return f"{self._folder / name}:{line or 1}: {what}"

    def _inlined(self, html: str, template: str) -> str:
        if too_much := too_much_in(html):
            raise WordsTooLong(f"{self._folder / template}: CSS: {too_much}")
        try:
            return self._inliner.inline(html)
        except InlineError as error:
            raise TemplateProblem(f"{self._folder / template}: CSS: {error}") from None

    def _compile(self) -> Iterable[str]:
        """Compile the files without mistakes; no other is ever run, not even by `extends`."""
        sources = self.files.sources
        files = frozenset(sources)
        mistakes = {
            name: problems_in(source, self._fields, files) for name, source in sources.items()
        }
        sandbox = TemplateSandbox(
            {name: source for name, source in sources.items() if not mistakes[name]}
        )
        for name in sandbox.list_templates():
            try:
                self._compiled[name] = sandbox.get_template(name)
            except TemplateSyntaxError as error:
                mistakes[name] = ((error.lineno, error.message or "not a template"),)
            except FAILS as error:  # what is constant is reckoned with while it is compiled
                mistakes[name] = ((1, what_broke(error)),)
        for name, found in mistakes.items():
            yield from (f"{self._folder / name}:{line}: {what}" for line, what in found)

    def _missing(self) -> Iterable[str]:
        yield from (
            f"{self._folder / name}: expected words, found an empty file"
            for (_, form, _, file), name in self.files.places.items()
            if (form, file) != ("chat", "subject.txt") and not self.files.sources[name].strip()
        )
        for template, form in self._pairs():
            wanted = {"email": ("subject.txt", "body.txt"), "chat": ("body.txt",)}[form]
            yield from (
                f"{self._folder / template / form}: expected a {file}, found none"
                for file in wanted
                if (template, form, "", file) not in self.files.places
            )
            yield from self._half_translated(template, form)

    def _half_translated(self, template: str, form: str) -> Iterable[str]:
        for locale in self.files.locales(template, form):
            for file in ("subject.txt", "body.txt", "body.html"):
                plain = (template, form, "", file) in self.files.places
                if plain and (template, form, locale, file) not in self.files.places:
                    own = file.replace(".", f".{locale}.")
                    yield f"{self._folder / template / form}: expected a {own} beside {file}"

    def _pairs(self) -> list[tuple[str, str]]:
        return sorted({place[:2] for place in self.files.places})

    def _trial(self, template: str, form: str, locale: str, values: Mapping[str, Any]) -> str:
        try:
            self.render(template, form, locale=locale, values=values)
        except TemplateProblem as problem:
            return str(problem)
        return ""


def _tidy(text: str) -> str:
    """Leave at most one empty line between paragraphs and one line end at the end."""
    lines = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return EMPTY_LINES.sub("\n\n", lines).strip() + "\n"
