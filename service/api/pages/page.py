"""Lay out the pages that a signed link opens: their look, their language, their headers."""

import base64
from collections.abc import Iterable, Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from service.api.request_context import RequestContext
from service.learners.text_form import locale_form
from service.sending.templates.catalogues import ENGLISH, PAGES, Catalogues
from service.sending.templates.context import Language, say_filter
from service.sending.templates.known_variables import brand_values

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "page.css").read_text()
_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Robots-Tag": "noindex",
}
"""No script, nothing from elsewhere, no page around it, and no word of its address to anybody."""
LONGEST_ACCEPTED = 200

_PAGES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters["say"] = say_filter


def page(
    name: str,
    context: RequestContext,
    language: Language,
    status: HTTPStatus = HTTPStatus.OK,
    **values: Any,
) -> HTMLResponse:
    """Make a page of a file beside this one; all `values` but the style are escaped."""
    html = _PAGES.get_template(f"{name}.html").render(
        **values,
        _language=language,
        language=language.fields,
        brand=brand_values(context.app.active.templates.brand),
        style=_Style(STYLE),
    )
    return HTMLResponse(html, status, HEADERS)


def useless_page(context: RequestContext, languages: Iterable[str]) -> HTMLResponse:
    """Make the page of somebody whose link is not one of ours, or opens nothing any more."""
    language = language_of(context, languages)
    return page("useless", context, language, status=HTTPStatus.NOT_FOUND)


class _Style(str):
    """Hold what stands in a style element as it is: an escaped one would have another hash."""

    def __html__(self) -> str:
        return self


def said(language: Language, key: str, **values: object) -> str:
    """Give the words of a key for pages, as text."""
    phrase = language.phrase(f"{PAGES}{key}", None)
    return phrase.said(values, language, html=False)


def language_of(context: RequestContext, wanted: Iterable[str]) -> Language:
    """Give the first of these languages that has words for pages; English if none has."""
    catalogues = context.app.active.templates.catalogues
    tags = map(locale_form, wanted)
    found = next((tag for tag in tags if _has_words(catalogues, tag)), ENGLISH)
    return catalogues.language(catalogues.nearest(found), found)


def _has_words(catalogues: Catalogues, tag: str) -> bool:
    own = catalogues.words.get(catalogues.nearest(tag), {})
    return any(key.startswith(PAGES) for key in own)


def accepted_languages(header: str) -> list[str]:
    """List the languages of an Accept-Language, the most wanted first (RFC 9110 §12.5.4)."""
    weights: dict[str, float] = {}
    for wanted in header[:LONGEST_ACCEPTED].split(","):
        name, _, more = wanted.partition(";")
        weights.setdefault(name.strip(), _weight(more))
    wanted_at_all = [name for name, weight in weights.items() if weight > 0]
    return sorted(wanted_at_all, key=lambda name: -weights[name])


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
