"""Serve the page where one person asks to be told of a free seat; it names the course only."""

from concurrent.futures import Executor
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.api.pages.page import HEADERS, language_of, page, useless_page
from service.api.pages.signed_page import SignedPage, Visit, signed_route
from service.api.request_context import RequestContext
from service.learners.facts import Identity
from service.learners.signed_links import Invitation, WatchLinks
from service.sending.templates.context import cleaned

ASK, STOP = "ask", "stop"


def watch_route(context: RequestContext, pool: Executor) -> Route:
    """Serve the page."""
    watch = SignedPage(
        WatchLinks.PATH, lambda links, token: links.watch.read(token), (ASK, STOP), answer=_answer
    )
    return signed_route(watch, context, pool)


def _answer(context: RequestContext, visit: Visit[Invitation]) -> Response:
    invitation = visit.link
    wishes = context.app.watch_requests
    place = wishes.place(invitation.instance)
    if place is None or not context.app.people.get(invitation.person):
        return useless_page(context, visit.languages)
    if visit.action is not None:
        change = wishes.ask if visit.action == ASK else wishes.stop
        change(invitation.instance, invitation.person, context.clock())
        # To the page itself, wherever a proxy has put it, so that reloading asks nothing again.
        return RedirectResponse(visit.token, HTTPStatus.SEE_OTHER, HEADERS)
    return page(
        "watch",
        context,
        language_of(context, visit.languages),
        course=_course_title(context, place),
        watching=wishes.of(invitation.instance, invitation.person) is not None,
    )


def _course_title(context: RequestContext, place: Identity) -> str:
    """Find what the course is called, fit to be shown."""
    course = context.app.courses.get(place.source, place.account, place.course)
    title = course.title if course else None
    return str(cleaned(title or place.course, "course.title") or place.course)
