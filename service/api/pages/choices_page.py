"""Serve the page where a reader chooses what they are told, and how (RFC 8058 for one click)."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from datetime import date, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.api.framework.problems import ApiError
from service.api.framework.request import body_of, check_media_type
from service.api.pages.choices_texts import LANGUAGES, TEXTS, ChoicesText
from service.api.pages.page import FORM_TYPE, HEADERS, language_of, page
from service.api.request_context import RequestContext
from service.learners.directory.people import Person
from service.learners.directory.time_zones import zones
from service.learners.signed_links import ChoiceLinks, ReaderToken
from service.rules.calendar import DAY_MINUTES, DAYS, WORKING_DAYS, local
from service.rules.language.values import minute_of_day
from service.rules.readers.choices import By, Choices, MessageKind, OwnHours, OwnList, kinds_for
from service.sending.templates.catalogues import locale_of
from service.sending.templates.context import cleaned

ONE_CLICK = b"One-Click"
SAVE, STOP, REACH = "save", "stop", "reach"


class ReaderRequest(NamedTuple):
    """Hold what somebody with a link wants; without a `form` it is to see the page.

    `stop` are the kinds that the link names, and `one_click` says that a mail program posts it.
    """

    link: ReaderToken
    token: str
    language: str
    stop: Sequence[str] = ()
    form: Mapping[str, Sequence[str]] | None = None
    one_click: bool = False
    saved: bool = False


class KindShown(NamedTuple):
    """Hold a kind of message as the page shows it."""

    id: str
    name: str
    note: str
    wanted: bool
    required: bool


def choices_route(context: RequestContext, pool: Executor) -> Route:
    """Serve the page; what it shows is looked up on a thread of `pool`."""

    async def endpoint(request: Request) -> Response:
        token: str = request.path_params["token"]
        language = language_of(request.headers.get("accept-language", ""), TEXTS)
        links = context.app.links
        link = links.choices.read(token) if links else None
        if link is None:  # before anything of a stranger's is read or looked up
            return useless_page(language)
        asked = ReaderRequest(
            link,
            token,
            language,
            stop=request.query_params.getlist(STOP),
            saved="saved" in request.query_params,
        )
        if request.method == "POST":
            asked = await _posted(request, asked)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, _answer, context, asked)

    return Route(f"{ChoiceLinks.PATH}{{token}}", endpoint, methods=["GET", "POST"])


async def _posted(request: Request, asked: ReaderRequest) -> ReaderRequest:
    """Read a form of the page, or the one click of a mail program; raise ApiError."""
    body = await body_of(request)
    if ONE_CLICK in body:
        return asked._replace(form={}, one_click=True)
    check_media_type(request, FORM_TYPE)
    form = parse_qs(body.decode("latin-1"))
    if form.get("do") not in ([SAVE], [STOP], [REACH]):
        raise ApiError(
            HTTPStatus.BAD_REQUEST, f"do: expected {SAVE}, {STOP} or {REACH}, got none or another"
        )
    return asked._replace(form=form)


def _answer(context: RequestContext, asked: ReaderRequest) -> Response:
    links, reader = context.app.links, context.app.people.get(asked.link.person)
    if links is None or reader is None or not reader.email:
        return useless_page(asked.language)
    if not links.choices.is_of(asked.link, reader.email):
        return useless_page(asked.language)
    choices = context.app.choice_requests.at(reader.email).choices
    shown = ChoicesPage(context, asked, reader, choices=choices)
    return shown.seen() if asked.form is None else shown.changed(asked.form)


def useless_page(language: str) -> Response:
    """Make the page of somebody whose link is not one of ours, or of another address."""
    words = TEXTS[language]
    title, text = words.useless_title, words.useless_text
    return page("useless", language, HTTPStatus.NOT_FOUND, title=title, text=text)


class ChoicesPage:
    """Hold a reader's page: the kinds of messages there are for them, and what they chose."""

    def __init__(
        self, context: RequestContext, asked: ReaderRequest, reader: Person, choices: Choices
    ) -> None:
        self._context = context
        self._asked = asked
        self._address = reader.email or ""
        self._choices = choices
        active = context.app.active
        self._kinds = kinds_for(reader, active.decider.rules.rules, context.app.people.in_group)
        written = active.templates.catalogues.words, (p[2] for p in active.templates.files.places)
        self._spoken = sorted({"en"}.union(*written) - {""})
        own = (choices.locale or reader.locale or "").partition("-")[0]
        self._language = own if own in TEXTS else asked.language

    def seen(self, said: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
        """Show it, with what is to be `said` of a change."""
        words, choices = TEXTS[self._language], self._choices
        said = said or (words.saved if self._asked.saved else "")
        kinds = [self._shown(kind, words) for kind in self._kinds]
        stopping = [k for k in kinds if k.id in self._asked.stop and k.wanted and not k.required]
        own_list, hours = choices.own_list, choices.own_hours
        return page(
            "choices",
            self._language,
            status,
            title=words.title,
            about=words.about.format(address=self._address),
            words=words,
            said=said,
            wrong=status != HTTPStatus.OK,
            token=self._asked.token,
            kinds=kinds,
            stopping=stopping if self._asked.form is None else [],
            choices=choices,
            own_list=own_list,
            list_at=_time(own_list.at if own_list else 8 * 60),
            days=hours.days if hours else WORKING_DAYS,
            begins=_time(hours.begin if hours else 8 * 60),
            ends=_time(hours.end if hours else 18 * 60),
            languages={
                "": words.as_known,
                **{tag: _own_name(tag) for tag in self._spoken},
            },
            zones={"": words.as_known, **{name: name for name in _places()}},
        )

    def changed(self, form: Mapping[str, Sequence[str]]) -> Response:
        """Do what a form says, and show the page anew; reloading it changes nothing."""
        words = TEXTS[self._language]
        stops = self._asked.one_click or form.get("do") == [STOP]
        try:
            self._choices = self._change(form, stops=stops)
        except FormRefused as refused:
            names = {field: getattr(words, NAMED.get(field, field)) for field in refused.fields}
            wrong = words.wrong.format(fields=", ".join(dict.fromkeys(names.values())))
            return self.seen(wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        if stops:  # RFC 8058 §3.1: no redirect
            return self.seen(words.stopped if self._is_stopped() else "")
        # To the page itself, wherever a proxy has put it, so that reloading changes nothing again.
        target = f"{self._asked.token}?saved"
        return RedirectResponse(target, HTTPStatus.SEE_OTHER, HEADERS)

    def _change(self, form: Mapping[str, Sequence[str]], *, stops: bool) -> Choices:
        stoppable = {kind.rule.id for kind in self._kinds if not kind.rule.required}
        rules = self._context.app.active.decider.rules.rules
        named = {r.id for r in rules if not r.required and r.id in self._asked.stop}
        now = self._context.clock()

        def after(before: Choices) -> Choices:
            if form.get("do") == [REACH]:
                return before.reached()
            if not stops:
                return ChoicesForm(form, now).choices(before, stoppable, self._spoken)
            return before.stopping(named) if named else before

        by: By = "one_click" if self._asked.one_click else "reader"
        return self._context.app.choice_requests.change(self._address, after, now, by=by)

    def _is_stopped(self) -> bool:
        """Tell whether anything the link names is; its rule may be gone, or required by now."""
        return not set(self._choices.stopped).isdisjoint(self._asked.stop)

    def _shown(self, kind: MessageKind, words: ChoicesText) -> KindShown:
        rule = kind.rule
        notes = [words.role(role) for role in kind.roles] + [words.required] * rule.required
        return KindShown(
            id=rule.id,
            name=str(cleaned(rule.description, "rule.id") or rule.id),
            note=" · ".join(dict.fromkeys(notes)),
            wanted=rule.required or rule.id not in self._choices.stopped,
            required=rule.required,
        )


NAMED: Mapping[str, Any] = {"day": "when", "timezone": "timezone", "locale": "language"}
"""How the page calls fields that have another name there."""


def _time(minute: int) -> str:
    return f"{minute % DAY_MINUTES // 60:02}:{minute % 60:02}"


def _own_name(tag: str) -> str:
    """Call a language what its speakers call it."""
    locale = locale_of(tag)
    return LANGUAGES.get(tag) or (locale.get_display_name() if locale else None) or tag


@lru_cache(1)
def _places() -> list[str]:
    """List the zones that people know: by continent and town."""
    return sorted(name for name in zones() if "/" in name and not name.startswith("Etc/"))


LONGEST_AWAY = timedelta(days=366)
LAST_TO_CHANGE = ZoneInfo("Etc/GMT+12")
"""Where a day begins last: what has come there has come wherever a reader is."""
Form = Mapping[str, Sequence[str]]


class FormRefused(ValueError):
    """Name the fields of a form that say what cannot be."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class ChoicesForm:
    """Read a form field by field; a field it does not have says what the page would show empty."""

    def __init__(self, form: Form, now: int) -> None:
        self._form = form
        self._today = local(now, LAST_TO_CHANGE).date()
        self._wrong: dict[str, None] = {}

    def choices(
        self, before: Choices, stoppable: Collection[str], spoken: Collection[str]
    ) -> Choices:
        """Give the choices; raises FormRefused.

        Of the kinds that the page showed those without a tick are stopped, if they are
        `stoppable`; of others it says nothing. `spoken` are the languages there are.
        """
        asked = set(self._one("shown").split()) & set(stoppable)
        stopped = asked - set(self._form.get("kind", ())) | (set(before.stopped) - asked)
        found = Choices(
            stopped=tuple(sorted(stopped)),
            stopped_all=self._one("all") == "stop",
            own_list=self._own_list(),
            own_hours=self._own_hours(),
            back_on=self._back_on(),
            locale=self._one_of("locale", spoken),
            timezone=self._one_of("timezone", zones()),
            unreachable=before.unreachable,
        )
        if self._wrong:
            raise FormRefused(list(self._wrong))
        return found

    def _one(self, name: str) -> str:
        return next(iter(self._form.get(name, ())), "").strip()

    def _one_of(self, name: str, known: Collection[str]) -> str | None:
        said = self._one(name)
        if said and said not in known:
            self._wrong[name] = None
        return said or None

    def _minute(self, name: str, otherwise: str) -> int:
        found = minute_of_day(self._one(name) or otherwise)
        if found is None:
            self._wrong[name] = None
        return found or 0

    def _own_list(self) -> OwnList | None:
        way = self._one("way")
        if way == "day":
            return OwnList("day", self._minute("list_at", "08:00") % DAY_MINUTES)
        if way == "week":
            (on,) = self._weekdays("list_on")[:1] or (0,)
            return OwnList("week", self._minute("list_at", "08:00") % DAY_MINUTES, on)
        return None

    def _own_hours(self) -> OwnHours | None:
        if self._one("hours") != "own":
            return None
        days, begin = self._weekdays("day"), self._minute("begins", "00:00")
        end = self._minute("ends", "24:00") or DAY_MINUTES
        if not days:
            self._wrong["day"] = None
        if begin >= end:
            self._wrong["ends"] = None
        return OwnHours(days, begin, end)

    def _weekdays(self, name: str) -> tuple[int, ...]:
        known = {str(day): day for day in range(DAYS)}
        said = self._form.get(name, ())
        if not all(each in known for each in said):
            self._wrong[name] = None
        return tuple(sorted({known[each] for each in said if each in known}))

    def _back_on(self) -> str | None:
        """Read the first day back; one that has come says that they are there."""
        said = self._one("back_on")
        try:
            day = date.fromisoformat(said) if said else self._today
        except ValueError:
            day = date.max
        if day - self._today > LONGEST_AWAY:
            self._wrong["back_on"] = None
            return None
        return day.isoformat() if day > self._today else None
