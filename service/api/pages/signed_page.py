"""Answer whoever opens a signed link, or sends the form of the page behind it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import parse_qs

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.framework.problems import ApiError
from service.api.framework.request import body_of, check_media_type
from service.api.pages.page import accepted_languages, useless_page
from service.api.request_context import RequestContext
from service.learners.signed_links import Links
from service.rules.text import listed

FORM_TYPE = "application/x-www-form-urlencoded"
ONE_CLICK = "One-Click"
"""What a mail program posts that stops messages for its user (RFC 8058 §3.1), in either form."""

Link = TypeVar("Link")
Form = Mapping[str, Sequence[str]]


class Visit(NamedTuple, Generic[Link]):
    """Hold what somebody with a link of ours wants; without an `action` it is to see the page.

    `languages` are those that their browser asks for, and `form` has the other fields, too.
    """

    link: Link
    token: str
    languages: Sequence[str]
    query: QueryParams
    action: str | None = None
    form: Form = {}


class SignedPage(NamedTuple, Generic[Link]):
    """Say how the token of a link is read, what the buttons say, and what answers a visit."""

    path: str
    read: Callable[[Links, str], Link | None]
    actions: Sequence[str]
    answer: Callable[[RequestContext, Visit[Link]], Response]
    one_click: bool = False


def signed_route(page: SignedPage[Link], context: RequestContext, pool: Executor) -> Route:
    """Serve a page; what it shows is looked up on a thread of `pool`."""

    async def endpoint(request: Request) -> Response:
        token: str = request.path_params["token"]
        languages = accepted_languages(request.headers.get("accept-language", ""))
        links = context.app.links
        link = page.read(links, token) if links else None
        if link is None:  # before anything of a stranger's is read or looked up
            return useless_page(context, languages)
        visit = Visit(link, token, languages, query=request.query_params)
        if request.method == "POST":
            action, form = await _posted(request, page)
            visit = visit._replace(action=action, form=form)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, page.answer, context, visit)

    return Route(f"{page.path}{{token}}", endpoint, methods=["GET", "POST"])


async def _posted(request: Request, page: SignedPage[Link]) -> tuple[str, Form]:
    """Read what a button says, and its form, or the one click of a mail program; raise ApiError."""
    body = await body_of(request)
    if page.one_click and ONE_CLICK.encode() in body:
        return ONE_CLICK, {}
    check_media_type(request, FORM_TYPE)
    form = parse_qs(body.decode("latin-1"))
    action, *more = form.get("do", [""])
    if more or action not in page.actions:
        told = f"do: expected {listed(page.actions)}, got none or another"
        raise ApiError(HTTPStatus.BAD_REQUEST, told)
    return action, form
