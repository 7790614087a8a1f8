"""Warn of words that nobody reads, and of columns that templates read and no import brought."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from service.learners.text_form import locale_form
from service.rules.fields import Sources, field_named
from service.rules.known_values import KnownValues
from service.rules.language.columns import field_of
from service.rules.language.errors import Diagnostic
from service.rules.language.references import References
from service.rules.text import counted, shown
from service.sending.templates.checker import columns_in, lines_with
from service.sending.templates.context import locale_for
from service.sending.templates.template_files import TemplateFiles

LINK = "course.url"
PLAIN = "en"
"""The language that files without a locale are written in."""


def unread_words(folder: Path, files: TemplateFiles, known: KnownValues) -> list[Diagnostic]:
    """List what templates say in vain: each column once, and each locale once."""
    return [*_columns(folder, files, known), *_locales(folder, files, known.of("learner.locale"))]


def missing_links(
    folder: Path, files: TemplateFiles, named: Collection[str], without: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """Warn of each source whose mails will have no link, where a template named shows one first.

    `without` are those sources, and by them the setting that gives links.
    """
    places = sorted({name for (template, *_), name in files.places.items() if template in named})
    shown = ((name, line) for name in places for line in lines_with(LINK, files.sources[name]))
    first = next(shown, None)
    for source, setting in without.items() if first else ():
        message = (
            f"{LINK}: no course of {source} has a link, so mails go without one; set {setting}, "
            "or import courses with a column url"
        )
        name, line = first or ("", 0)
        yield Diagnostic(str(folder / name), line, 1, message=message, severity="warning")


def _columns(folder: Path, files: TemplateFiles, known: KnownValues) -> Iterator[Diagnostic]:
    references, told = References(known, Sources()), set[str]()
    for name, source in sorted(files.sources.items()):
        for line, column in columns_in(source):
            field = field_named(field_of(column))
            message = references.lacks_column(field) if field else None
            if message and message not in told:
                told.add(message)
                yield Diagnostic(str(folder / name), line, 1, message=message, severity="warning")


def _locales(folder: Path, files: TemplateFiles, people: Counter[str]) -> Iterator[Diagnostic]:
    """Warn of a locale that nobody has, if somebody else has no words in their language there."""
    places = files.places
    vain: dict[str, list[tuple[str, Counter[str]]]] = {}
    for (template, form, locale, _), name in sorted(places.items()):
        if locale and not any(_reads(each, locale) for each in people):
            without = Counter(
                {
                    each: count
                    for each, count in people.items()
                    if not locale_for(files.places, template, form, each)
                    and not _reads(each, PLAIN)
                }
            )
            if without:
                vain.setdefault(locale, []).append((name, without))
    for locale, found in vain.items():
        name, without = found[0]
        message = _in_vain(locale, len(found) - 1, without)
        yield Diagnostic(str(folder / name), 1, 1, message=message, severity="warning")


def _in_vain(locale: str, more_files: int, without: Counter[str]) -> str:
    ((other, count),) = without.most_common(1)
    more = f" (nor of {counted(more_files, 'more file')})" if more_files else ""
    return (
        f"nobody has the locale {shown(locale)} of this file{more}; "
        f"{counted(count, 'person has', 'people have')} {shown(other)}, "
        "and no words of their own"
    )


def _reads(person: str, locale: str) -> bool:
    """Tell whether somebody with a locale gets the words of another: who has de-AT those of de."""
    return f"{locale_form(person)}-".startswith(f"{locale}-")
