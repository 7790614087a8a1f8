"""Render a message from a template and what is known."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from css_inline import InlineError
from jinja2 import Template, TemplateError, TemplateSyntaxError
from markupsafe import Markup

from service.learners.text_form import locale_form
from service.rules.fields import FIELDS
from service.rules.language.brand import NO_BRAND, Brand, Logo
from service.sending.templates.catalogues import ENGLISH, catalogues_of
from service.sending.templates.checker import (
    BREAKS,
    keys_said,
    problems_in,
    unsaid_in,
    what_broke,
)
from service.sending.templates.context import (
    Language,
    context_of,
    locale_for,
    one_line,
    shortened,
    zone_of,
)
from service.sending.templates.inlining import inlined, reached, same_page, styled, too_much_in
from service.sending.templates.known_variables import AROUND, brand_values, shape_of
from service.sending.templates.sample import ALONE, SAMPLE
from service.sending.templates.sandbox import TemplateSandbox, TooLong, rendered
from service.sending.templates.template_files import findings_of, read_files

BODY = "body.txt"
CONTENT = "content"
"""The block in which a template says what it says of its things."""
MORE_KEY = "list.more"
MORE_FORMS = {"en": "and {n} more", "de": "und {n} weitere"}
"""What stands for it in a folder without catalogues."""
LANGUAGES_REMEMBERED = 1_024
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


class Section(msgspec.Struct, frozen=True):
    """Hold what a template says of its things, to be put below what another says."""

    text: str
    html: Markup


class TemplateProblem(Exception):
    """Say where and why a template cannot be rendered, and nothing about a person."""


class WordsTooLong(TemplateProblem):
    """Say that the words for all there is to tell of come to a limit of templates."""


class Templates:
    """Render every template of a folder, compiled; make a new object to load them again.

    `forms` are those that a template has a body for, by its name; `reads` are the variables that
    each body of a template's form reads, by the name of its file. `brand` is who writes.
    """

    def __init__(self, folder: Path, fields: Iterable[str] = FIELDS) -> None:
        self._folder = folder
        self._fields = (*fields, *AROUND)
        self._shape = shape_of(self._fields)
        self.files = read_files(folder)
        self.catalogues = catalogues_of(self.files.catalogues, f"{folder}/")
        self._compiled: dict[str, Template] = {}
        self._problems = [
            *self.files.problems,
            *self.catalogues.problems,
            *self._compile(),
            *self.files.missing(folder),
        ]
        self._variables = {name: self.files.read_by(name) for name in self.files.sources}
        self.forms = self.files.forms()
        self.reads = self.files.reads()
        self.brand = NO_BRAND

    @property
    def brand(self) -> Brand:
        """Say who writes."""
        return self._brand

    @brand.setter
    def brand(self, brand: Brand) -> None:
        self._brand = brand
        self._signed = brand_values(brand)
        self._findings = findings_of(self._folder, self._fields, files=self.files, brand=brand)

    def problems(self) -> list[str]:
        """Return every mistake as `file:line: what`; renders each template with sample data,
        so that a mistake shows before a learner is the first to meet it.
        """
        if self._problems:
            return list(self._problems)
        if self._findings.problems is None:
            self._findings.problems = [
                problem
                for template, form in self.files.pairs()
                for locale in self.locales(template, form)
                for values in (SAMPLE, ALONE, {})
                if (problem := self._trial(template, form, locale=locale, values=values))
            ]
        return list(self._findings.problems)

    def locales(self, template: str, form: str, wanted: str | None = None) -> list[str]:
        """Return the locales of a template's form, or the one that answers the `wanted` one.

        '' is the plain one; one that says words of the catalogues has all of their languages.
        """
        own = self.files.locales(template, form)
        spoken = self.catalogues.words if self._says(template, form) else ()
        if wanted is None:
            return sorted({*own, *(tag for tag in spoken if tag != ENGLISH)})
        tag = locale_for(self.files.places, template, form, wanted=wanted)
        language = self.language(template, form, wanted).tag
        return [tag or (language if language != ENGLISH else "")]

    def language(self, template: str, form: str, locale: str | None) -> Language:
        """Find the language that a reader of this locale gets a template in."""
        known, languages = (template, form, locale), self._findings.languages
        found = languages.get(known)
        if found is None:
            if len(languages) >= LANGUAGES_REMEMBERED:
                languages.clear()
            found = languages[known] = self._language(*known)
        return found

    def _language(self, template: str, form: str, locale: str | None) -> Language:
        reader = locale_form(locale or "")
        own = locale_for(self.files.places, template, form, wanted=reader)
        spoken = self.catalogues.nearest(reader) if self._says(template, form) else ""
        return self.catalogues.language(own or spoken or ENGLISH, reader)

    def _says(self, template: str, form: str) -> bool:
        """Tell whether the plain words of a template stand in the catalogues."""
        name = self.files.places.get((template, form, "", BODY), "")
        return bool(keys_said(self.files.sources.get(name, "")))

    def render(
        self, template: str, form: str, locale: str | None, values: Mapping[str, object]
    ) -> RenderedMessage:
        """Return the message. `values` are nested groups of fields; what is missing is unknown.

        Raises TemplateProblem.
        """
        place, context = self._ready(template, form, locale, values=values)
        text = self._part(place, BODY, context)
        if text is None:
            raise TemplateProblem(
                f"{self._folder / template / form}: expected a body.txt, found none"
            )
        subject = self._part(place, "subject.txt", context)
        html = self._html(place, context)
        logo = self._brand.logo if html else None
        return RenderedMessage(shortened(one_line(subject or "")), _tidy(text), html, logo)

    def content(
        self, template: str, form: str, locale: str | None, values: Mapping[str, object]
    ) -> Section:
        """Return what a template says of its things, without greeting and foot.

        Raises TemplateProblem. A template without the block `content` gives all of its words.
        """
        place, context = self._ready(template, form, locale, values=values)
        name = self.files.places.get((*place, "body.html"), "")
        page = self._styled_page(name) or self._compiled.get(name)
        text = self._part(place, BODY, context, block=CONTENT) or ""
        if page is None or CONTENT not in page.blocks:
            return Section(_tidy(text), Markup("<p>{}</p>").format(_tidy(text)))
        html = self._rendered(page, name, context, block=CONTENT)
        return Section(_tidy(text), Markup(html))  # nosec B704 # rendered with autoescape

    def _ready(
        self, template: str, form: str, locale: str | None, values: Mapping[str, object]
    ) -> tuple[tuple[str, str, str], dict[str, Any]]:
        """Give where the words of a reader stand, and what they are rendered with."""
        language = self.language(template, form, locale)
        around = {"brand": self._signed, "language": language.fields}
        context = context_of(self._shape, {**values, **around})
        context["_zone"] = zone_of(values)
        context["_language"] = language
        chosen = locale_for(self.files.places, template, form, wanted=locale)
        return (template, form, chosen), context

    def variables_of(
        self, template: str, form: str, locale: str | None, file: str
    ) -> frozenset[str]:
        """Name the variables that a file reads, as a reader of this locale gets it."""
        chosen = locale_for(self.files.places, template, form, wanted=locale)
        name = self.files.places.get((template, form, chosen, file), "")
        return self._variables.get(name, frozenset())

    def more(self, template: str, form: str, locale: str | None, count: int) -> str:
        """Write how many more there are in the language of a template; nothing for none."""
        language = self.language(template, form, locale)
        if not count:
            return ""
        if self.catalogues.nearest(language.tag) and MORE_KEY in language.words:
            return language.phrase(MORE_KEY, count).said({"n": count}, language, html=False)
        return MORE_FORMS.get(language.tag.partition("-")[0], "+{n}").format(n=count)

    def _part(
        self,
        place: tuple[str, str, str],
        file: str,
        context: dict[str, Any],
        block: str = "",
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
        return self._rendered(compiled, name, context, block=block)

    def _rendered(
        self, compiled: Template, name: str, context: dict[str, Any], block: str = ""
    ) -> str:
        sections = context.get("sections") or ()
        as_html = name.endswith(".html")
        pieces = [each.html if as_html else each.text for each in sections]
        try:
            part = block if block in compiled.blocks else ""
            return rendered(compiled, {**context, "sections": pieces}, block=part)
        except TooLong as limit:
            raise WordsTooLong(self._where(limit, name)) from None
        except FAILS as error:
            raise TemplateProblem(self._where(error, name)) from None

    def _html(self, place: tuple[str, str, str], context: dict[str, Any]) -> str | None:
        """Render the HTML, with its style in its tags; what fails is said as of its own file."""
        name = self.files.places.get((*place, "body.html"), "")
        page = self._styled_page(name)
        if page is not None:
            with suppress(TemplateProblem):
                return self._rendered(page, name, context)
        html = self._part(place, "body.html", context)
        return None if html is None else self._inlined(html, place[0])

    def _styled_page(self, name: str) -> Template | None:
        """Give a template whose style is written in beforehand, if what it gives is the same."""
        pages = self._findings.styled
        if name not in pages:
            pages[name] = self._styled_anew(name) if name in self._compiled else None
        return pages[name]

    def _styled_anew(self, name: str) -> Template | None:
        colors = {"color": self._brand.color, "color_dark": self._brand.color_dark}
        sources = frozenset(reached(name, self.files.sources).items())
        page = styled(name, sources, frozenset(colors.items()))
        template, form, *_ = name.split("/")
        for values in (SAMPLE, ALONE, {}) if page else ():
            _, context = self._ready(template, form, None, values=values)
            try:
                plain = self._rendered(self._compiled[name], name, context)
                early = self._rendered(page, name, context) if page else ""
                same = not too_much_in(plain) and same_page(inlined(plain), early)
            except (TemplateProblem, InlineError):
                return None
            if not same:
                return None
        return page

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
            return inlined(html)
        except InlineError as error:
            raise TemplateProblem(f"{self._folder / template}: CSS: {error}") from None

    def _compile(self) -> Iterable[str]:
        """Compile the files without mistakes; no other is ever run, not even by `extends`."""
        sources = self.files.sources
        files = frozenset(sources)
        english = self.catalogues.words.get(ENGLISH, {})
        mistakes = {
            name: problems_in(source, self._fields, files) + unsaid_in(source, english)
            for name, source in sources.items()
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

    def _trial(self, template: str, form: str, locale: str, values: Mapping[str, Any]) -> str:
        try:
            self.render(template, form, locale=locale, values=values)
        except TemplateProblem as problem:
            return str(problem)
        return ""


def _tidy(text: str) -> str:
    """Leave at most one empty line between paragraphs and one line end at the end."""
    if " \n" in text or "\t\n" in text:
        text = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return EMPTY_LINES.sub("\n\n", text).strip() + "\n"
