"""Serve the page where one person asks to be told of a free seat; it names the course only."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.api.framework.problems import ApiError
from service.api.framework.request import body_of, check_media_type
from service.api.pages.page import FORM_TYPE, HEADERS, language_of, page
from service.api.request_context import RequestContext
from service.learners.facts import Identity
from service.learners.signed_links import Invitation, WatchLinks
from service.sending.templates.context import cleaned


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


def watch_page(course: str, language: str, *, watching: bool) -> Response:
    """Make the page of somebody who may ask, or who has asked and may stop it."""
    words = TEXTS[language]
    title = words.asked_title if watching else words.ask_title
    return page(
        "watch",
        language,
        title=title.format(course=course),
        text=words.asked_text if watching else words.ask_text,
        words=words,
        watching=watching,
    )


def useless_page(language: str) -> Response:
    """Make the page of somebody whose link is not one of ours."""
    words = TEXTS[language]
    title, text = words.useless_title, words.useless_text
    return page("useless", language, HTTPStatus.NOT_FOUND, title=title, text=text)


ACTIONS = ("ask", "stop")


def watch_route(context: RequestContext, pool: Executor) -> Route:
    """Serve the page; what it shows is looked up on a thread of `pool`."""

    async def endpoint(request: Request) -> Response:
        token: str = request.path_params["token"]
        language = language_of(request.headers.get("accept-language", ""), TEXTS)
        links = context.app.links
        invitation = links.watch.read(token) if links else None
        if invitation is None:  # before anything of a stranger's is read or looked up
            return useless_page(language)
        action = await _action(request) if request.method == "POST" else None
        loop = asyncio.get_running_loop()
        asked = WatchQuestion(invitation, token, language, action=action)
        return await loop.run_in_executor(pool, _answer, context, asked)

    return Route(f"{WatchLinks.PATH}{{token}}", endpoint, methods=["GET", "POST"])


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
        return useless_page(language)
    if action is not None:
        _do(context, invitation, action)
        # To the page itself, wherever a proxy has put it, so that reloading asks nothing again.
        return RedirectResponse(token, HTTPStatus.SEE_OTHER, HEADERS)
    watching = wishes.of(invitation.instance, invitation.person) is not None
    return watch_page(_course_title(context, place), language, watching=watching)


def _do(context: RequestContext, invitation: Invitation, action: str) -> None:
    wishes = context.app.watch_requests
    change = wishes.ask if action == "ask" else wishes.stop
    change(invitation.instance, invitation.person, context.clock())


def _course_title(context: RequestContext, place: Identity) -> str:
    """Find what the course is called, fit to be shown."""
    course = context.app.courses.get(place.source, place.account, place.course)
    title = course.title if course else None
    return str(cleaned(title or place.course, "course.title") or place.course)
