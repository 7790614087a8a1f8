"""The watch link over HTTP: GET shows the page and changes nothing, POST asks or stops.

Mail scanners follow links, so only the button does something.
"""

import asyncio
from concurrent.futures import Executor
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from service.api.bodies import body_of, media_type
from service.api.desk import Desk
from service.api.problems import Refused
from service.api.watch_page import HEADERS, language_of, useless_page, watch_page
from service.learners.instance import Place
from service.learners.watch_links import PATH, Invitation
from service.sending.wording import cleaned

FORM = "application/x-www-form-urlencoded"
ACTIONS = ("ask", "stop")


def watch_route(desk: Desk, pool: Executor) -> Route:
    """Serves the page; what it shows is looked up on a thread of `pool`."""

    async def endpoint(request: Request) -> Response:
        token: str = request.path_params["token"]
        language = language_of(request.headers.get("accept-language", ""))
        action = await _action(request) if request.method == "POST" else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, _answer, desk, token, language, action)

    return Route(f"{PATH}{{token}}", endpoint, methods=["GET", "POST"])


async def _action(request: Request) -> str:
    """What the button says; raises Refused."""
    if media_type(request) != FORM:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected Content-Type: {FORM}, got none or another"
        )
    said = parse_qs((await body_of(request)).decode("latin-1"))
    (action, *more) = said.get("do", [""])
    if more or action not in ACTIONS:
        raise Refused(
            HTTPStatus.BAD_REQUEST, f"do: expected {' or '.join(ACTIONS)}, got none or another"
        )
    return action


def _answer(desk: Desk, token: str, language: str, action: str | None) -> Response:
    links, wishes = desk.app.watch_links, desk.app.wishes
    invitation = links.read(token) if links else None
    place = wishes.place(invitation.instance) if invitation else None
    if invitation is None or place is None or not desk.app.people.get(invitation.person):
        return HTMLResponse(useless_page(language), HTTPStatus.NOT_FOUND, HEADERS)
    if action is not None:
        _do(desk, invitation, action)
        # To the page itself, wherever a proxy has put it, so that reloading asks nothing again.
        return RedirectResponse(token, HTTPStatus.SEE_OTHER, HEADERS)
    watching = wishes.of(invitation.instance, invitation.person) is not None
    page = watch_page(_title(desk, place), language, watching=watching)
    return HTMLResponse(page, headers=HEADERS)


def _do(desk: Desk, invitation: Invitation, action: str) -> None:
    wishes = desk.app.wishes
    change = wishes.ask if action == "ask" else wishes.stop
    change(invitation.instance, invitation.person, desk.clock())


def _title(desk: Desk, place: Place) -> str:
    """What the course is called, fit to be shown."""
    course = desk.app.courses.get(place.source, place.account, place.course)
    title = course.title if course else None
    return str(cleaned(title or place.course, "course.title") or place.course)
