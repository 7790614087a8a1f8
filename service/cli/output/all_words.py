"""Show the words of all templates at once, and what a language has no words for."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import rich_click as click

from service.cli.output.console import fail, fail_with
from service.cli.output.preview_page import PreviewPage, open_pages, with_logo
from service.learners.text_form import locale_form
from service.rules.text import shown
from service.sending.templates.catalogues import (
    ENGLISH,
    FOLDER,
    OTHER,
    as_written,
    locale_of,
    number_forms,
)
from service.sending.templates.context import Phrase
from service.sending.templates.templates import Templates

VIEWS = (("light", 600), ("dark", 600), ("light", 375))
"""The screens a mail is shown on: its light, and its width in CSS pixels."""
HEIGHT = 900
STYLE = """body { margin: 0 24px 60px; font: 15px/1.5 system-ui, sans-serif; color: #26303a; }
h2 { margin: 48px 0 4px; font-size: 20px; } nav a { margin-inline-end: 12px; }
.views { display: flex; gap: 20px; align-items: flex-start; overflow-x: auto; }
iframe { border: 1px solid #ccc; flex: none; } iframe.light { color-scheme: light; }
iframe.dark { color-scheme: dark; }
pre { width: 40ch; flex: none; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
"""


def show_all(pages: Sequence[PreviewPage], output: Path | None, *, opened: bool) -> None:
    """Write one page with every message, and open it if that is wanted."""
    folder = output or Path(tempfile.mkdtemp(prefix="coursebell-preview-"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "all.html"
    path.write_text(page_of_all(pages), encoding="utf-8")
    click.echo(path)
    if opened:
        open_pages([path])


def page_of_all(pages: Sequence[PreviewPage]) -> str:
    """Make a page with every message: light, dark and as wide as a phone, and its text."""
    links = [f'<a href="#{page.name}">{page.name}</a>' for page in pages]
    return "\n".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>All words</title>',
            f"<style>{STYLE}</style><h1>All words</h1><nav>{' '.join(links)}</nav>",
            *(section for page in pages for section in _section(page)),
        )
    )


def _section(page: PreviewPage) -> Iterator[str]:
    message = page.message
    yield f'<h2 id="{page.name}">{page.name}</h2><p dir="auto">{escape(message.subject)}</p>'
    yield '<div class="views">'
    for light, width in VIEWS if message.html else ():
        source = escape(with_logo(message))
        size = f'width="{width}" height="{HEIGHT}"'
        named = f'title="{page.name}, {light}, {width} px"'
        yield f'<iframe class="{light}" {size} {named} loading="lazy" srcdoc="{source}"></iframe>'
    yield f'<pre dir="auto">{escape(message.text)}</pre></div>'


def print_missing(words: Templates, locale: str, folder: Path) -> None:
    """Print what a language has no words for, in English, as lines for its catalogue.

    What is wrong with that catalogue, or the English one, is told on stderr instead.
    """
    tag, catalogues = locale_form(locale), words.catalogues
    places = (f"{folder}: ", f"{folder / FOLDER}/")
    files = [problem for problem in words.files.problems if problem.startswith(places)]
    if mistakes := [*files, *catalogues.mistakes(tag)]:
        fail_with(mistakes)
    missing, own, known = catalogues.missing(tag), catalogues.nearest(tag), locale_of(tag)
    if known is None:
        fail(f"preview: expected the tag of a language, such as nl or pt-BR; got {shown(locale)}")
    path = folder / FOLDER / f"{own or locale}.yaml"
    if not missing:
        click.echo(f"# {path} says all there is to say" if own else "# there is nothing to say")
        return
    click.echo(f"# {len(missing)} missing in {path}{'' if own else ', which is not there yet'}")
    for key in missing:
        click.echo(f"{key}: {_in_yaml(catalogues.words[ENGLISH][key], number_forms(known))}")


def _in_yaml(forms: Mapping[str, Phrase], own: Sequence[str]) -> str:
    """Write words in English; where they have forms, in each that the language has."""
    if len(forms) == 1:
        return _quoted(forms[OTHER])
    texts = [f"{form}: {_quoted(forms.get(form, forms[OTHER]))}" for form in own]
    return "{" + ", ".join(texts) + "}"


def _quoted(phrase: Phrase) -> str:
    return '"' + as_written(phrase).replace('"', '\\"') + '"'
