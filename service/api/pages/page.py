"""Lay out the pages that a signed link opens: their look, their language, their headers."""

import base64
from collections.abc import Collection, Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

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
FORM_TYPE = "application/x-www-form-urlencoded"
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")

_PAGES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    name: str, language: str, status: HTTPStatus = HTTPStatus.OK, **values: Any
) -> HTMLResponse:
    """Make a page of a file beside this one; all `values` but the style are escaped."""
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    html = _PAGES.get_template(f"{name}.html").render(
        **values, language=language, direction=direction, style=_Style(STYLE)
    )
    return HTMLResponse(html, status, HEADERS)


class _Style(str):
    """Hold what stands in a style element as it is: an escaped one would have another hash."""

    def __html__(self) -> str:
        return self


def language_of(accepted: str, known: Collection[str]) -> str:
    """Choose the language that an Accept-Language wants most; English if it wants none of ours."""
    best, most = "en", 0.0
    for wanted in accepted[:LONGEST_ACCEPTED].lower().split(","):
        name, _, more = wanted.partition(";")
        language, weight = name.strip().partition("-")[0], _weight(more)
        if language in known and weight > most:
            best, most = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
