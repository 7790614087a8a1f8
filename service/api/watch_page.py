"""Serve the page where one person asks to be told of a free seat; it names the course only."""

import asyncio
import base64
from collections.abc import Mapping
from concurrent.futures import Executor
from hashlib import sha256
from html import escape
from http import HTTPStatus
from string import Template
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from service.api.framework.problems import ApiError
from service.api.framework.request import body_of, check_media_type
from service.api.request_context import RequestContext
from service.learners.facts import Identity
from service.learners.signed_links import PATH, Invitation
from service.sending.templates.context import cleaned

STYLE = """
:root { color-scheme: light dark; --paper: #f3f1ec; --card: #ffffff; --line: #e3dfd6;
  --ink: #26303a; --title: #17202a; --green: #1f6f64; --on-green: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181c; --card: #1d2329; --line: #303841; --ink: #dfe4e8;
    --title: #f4f6f8; --green: #7fd1c3; --on-green: #10211e; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 40px 16px; background: var(--paper); color: var(--ink);
  font: 16px/1.6 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 600px; margin: 0 auto; padding: 40px 44px; background: var(--card);
  border: 1px solid var(--line); border-radius: 14px; }
.state { margin: 0 0 10px; font-size: 14px; font-weight: 600; color: var(--green); }
h1 { margin: 0 0 18px; font: 400 27px/1.3 Georgia, "Times New Roman", serif;
  color: var(--title); overflow-wrap: anywhere; }
p { margin: 0 0 24px; overflow-wrap: anywhere; }
form { margin: 0; }
button { min-height: 48px; padding: 12px 26px; font: inherit; font-weight: 600;
  border: 2px solid var(--green); border-radius: 9px; cursor: pointer;
  background: var(--green); color: var(--on-green); }
button.quiet { background: transparent; color: var(--green); }
button:focus-visible { outline: 3px solid var(--title); outline-offset: 3px; }
@media (max-width: 480px) {
  body { padding: 16px 8px; }
  main { padding: 28px 22px; }
  h1 { font-size: 24px; }
  button { width: 100%; }
}
"""
_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Robots-Tag": "noindex",
}
"""No script, nothing from elsewhere, no page around it, and no word of its address to anybody."""

PAGE = Template(
    """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
$content
</main>
</body>
</html>
"""
)
FORM = Template('<form method="post"><button name="do" value="$action"$look>$label</button></form>')


class PageText(NamedTuple):
    """Hold the page's words in one language; `{course}` stands for its title."""

    ask_title: str
    ask_text: str
    ask: str
    asked: str
    asked_title: str
    asked_text: str
    stop: str
    useless_title: str
    useless_text: str


TEXTS: Mapping[str, PageText] = {
    "en": PageText(
        ask_title="Shall we tell you when a seat is free in {course}?",
        ask_text="We will write to you once, and then not again unless you ask again. "
        "The message does not reserve the seat.",
        ask="Tell me once",
        asked="Noted",
        asked_title="You will be told when a seat is free in {course}",
        asked_text="We will write to you once. There is nothing else to do.",
        stop="Do not tell me",
        useless_title="This link is of no use any more",
        useless_text="It may have been cut in two, or be from an old message. "
        "Take the link of a newer one.",
    ),
    "de": PageText(
        ask_title="Sollen wir Ihnen schreiben, sobald in {course} ein Platz frei ist?",
        ask_text="Wir schreiben Ihnen ein einziges Mal und danach nur, wenn Sie wieder darum "
        "bitten. Die Nachricht reserviert den Platz nicht.",
        ask="Einmal benachrichtigen",
        asked="Vorgemerkt",
        asked_title="Wir schreiben Ihnen, sobald in {course} ein Platz frei ist",
        asked_text="Sie bekommen eine einzige Nachricht. Mehr ist nicht zu tun.",
        stop="Nicht benachrichtigen",
        useless_title="Dieser Link gilt nicht mehr",
        useless_text="Vielleicht wurde er abgeschnitten, oder er stammt aus einer alten "
        "Nachricht. Nehmen Sie den Link aus einer neueren.",
    ),
}


def watch_page(course: str, language: str, *, watching: bool) -> str:
    """Make the page of somebody who may ask, or who has asked and may stop it."""
    words = TEXTS[language]
    state = [_said("state", words.asked)] if watching else []
    if watching:
        title, text = words.asked_title.format(course=course), words.asked_text
        form = FORM.substitute(action="stop", look=' class="quiet"', label=words.stop)
    else:
        title, text = words.ask_title.format(course=course), words.ask_text
        form = FORM.substitute(action="ask", look="", label=words.ask)
    return _page(title, language, [*state, _title(title), _said("", text), form])


def useless_page(language: str) -> str:
    """Make the page of somebody whose link is not one of ours."""
    words = TEXTS[language]
    title = words.useless_title
    return _page(title, language, [_title(title), _said("", words.useless_text)])


def language_of(accepted: str) -> str:
    """Choose the language that an Accept-Language wants most; English if it wants none of ours."""
    best, most = "en", 0.0
    for wanted in accepted[:LONGEST_ACCEPTED].lower().split(","):
        name, _, more = wanted.partition(";")
        language, weight = name.strip().partition("-")[0], _weight(more)
        if language in TEXTS and weight > most:
            best, most = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def _page(title: str, language: str, parts: list[str]) -> str:
    content = "\n".join(parts)
    return PAGE.substitute(language=language, title=escape(title), style=STYLE, content=content)


def _title(text: str) -> str:
    return f"<h1>{escape(text)}</h1>"


def _said(look: str, text: str) -> str:
    return f'<p class="{look}">{escape(text)}</p>' if look else f"<p>{escape(text)}</p>"


LONGEST_ACCEPTED = 200
FORM_TYPE = "application/x-www-form-urlencoded"
ACTIONS = ("ask", "stop")


def watch_route(context: RequestContext, pool: Executor) -> Route:
    """Serve the page; what it shows is looked up on a thread of `pool`."""

    async def endpoint(request: Request) -> Response:
        token: str = request.path_params["token"]
        language = language_of(request.headers.get("accept-language", ""))
        links = context.app.watch_links
        invitation = links.read(token) if links else None
        if invitation is None:  # before anything of a stranger's is read or looked up
            return _useless(language)
        action = await _action(request) if request.method == "POST" else None
        loop = asyncio.get_running_loop()
        asked = WatchQuestion(invitation, token, language, action=action)
        return await loop.run_in_executor(pool, _answer, context, asked)

    return Route(f"{PATH}{{token}}", endpoint, methods=["GET", "POST"])


async def _action(request: Request) -> str:
    """Read what the button says; raise ApiError."""
    check_media_type(request, FORM_TYPE)
    said = parse_qs((await body_of(request)).decode("latin-1"))
    (action, *more) = said.get("do", [""])
    if more or action not in ACTIONS:
        raise ApiError(
            HTTPStatus.BAD_REQUEST, f"do: expected {' or '.join(ACTIONS)}, got none or another"
        )
    return action


class WatchQuestion(NamedTuple):
    """Hold what somebody with a link wants: to see the page, or to do what its button says."""

    invitation: Invitation
    token: str
    language: str
    action: str | None


def _answer(context: RequestContext, asked: WatchQuestion) -> Response:
    invitation, token, language, action = asked
    wishes = context.app.watch_requests
    place = wishes.place(invitation.instance)
    if place is None or not context.app.people.get(invitation.person):
        return _useless(language)
    if action is not None:
        _do(context, invitation, action)
        # To the page itself, wherever a proxy has put it, so that reloading asks nothing again.
        return RedirectResponse(token, HTTPStatus.SEE_OTHER, HEADERS)
    watching = wishes.of(invitation.instance, invitation.person) is not None
    page = watch_page(_course_title(context, place), language, watching=watching)
    return HTMLResponse(page, headers=HEADERS)


def _useless(language: str) -> Response:
    return HTMLResponse(useless_page(language), HTTPStatus.NOT_FOUND, HEADERS)


def _do(context: RequestContext, invitation: Invitation, action: str) -> None:
    wishes = context.app.watch_requests
    change = wishes.ask if action == "ask" else wishes.stop
    change(invitation.instance, invitation.person, context.clock())


def _course_title(context: RequestContext, place: Identity) -> str:
    """Find what the course is called, fit to be shown."""
    course = context.app.courses.get(place.source, place.account, place.course)
    title = course.title if course else None
    return str(cleaned(title or place.course, "course.title") or place.course)
