"""Serve the page where a reader chooses what they are told, and how (RFC 8058 for one click)."""

from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from datetime import date, timedelta
from http import HTTPStatus
from typing import NamedTuple
from zoneinfo import ZoneInfo

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.api.pages.page import HEADERS, language_of, page, said, useless_page
from service.api.pages.signed_page import ONE_CLICK, Form, SignedPage, Visit, signed_route
from service.api.request_context import RequestContext
from service.learners.directory.people import Person
from service.learners.directory.time_zones import zones
from service.learners.signed_links import ChoiceLinks, ReaderToken
from service.rules.calendar import DAY_MINUTES, DAYS, WORKING_DAYS, local
from service.rules.language.values import minute_of_day
from service.rules.readers.choices import By, Choices, MessageKind, OwnHours, OwnList, kinds_for
from service.sending.templates.catalogues import ENGLISH
from service.sending.templates.cldr_names import (
    named_together,
    own_name,
    town_of,
    weekdays,
    zones_by_area,
)
from service.sending.templates.context import Language, cleaned

SAVE, STOP, REACH = "save", "stop", "reach"


class KindShown(NamedTuple):
    """Hold a kind of message as the page shows it."""

    id: str
    name: str
    note: str
    wanted: bool
    required: bool


def choices_route(context: RequestContext, pool: Executor) -> Route:
    """Serve the page."""
    choices = SignedPage(
        ChoiceLinks.PATH,
        lambda links, token: links.choices.read(token),
        (SAVE, STOP, REACH),
        answer=_answer,
        one_click=True,
    )
    return signed_route(choices, context, pool)


def _answer(context: RequestContext, visit: Visit[ReaderToken]) -> Response:
    links, reader = context.app.links, context.app.people.get(visit.link.person)
    if links is None or reader is None or not reader.email:
        return useless_page(context, visit.languages)
    if not links.choices.is_of(visit.link, reader.email):
        return useless_page(context, visit.languages)
    choices = context.app.choice_requests.at(reader.email).choices
    shown = ChoicesPage(context, visit, reader, choices=choices)
    return shown.seen() if visit.action is None else shown.changed(visit.action)


class ChoicesPage:
    """Hold a reader's page: the kinds of messages there are for them, and what they chose."""

    def __init__(
        self,
        context: RequestContext,
        visit: Visit[ReaderToken],
        reader: Person,
        choices: Choices,
    ) -> None:
        self._context = context
        self._visit = visit
        self._stop = visit.query.getlist(STOP)
        self._address = reader.email or ""
        self._choices = choices
        active = context.app.active
        self._kinds = kinds_for(reader, active.decider.rules.rules, context.app.people.in_group)
        written = active.templates.catalogues.words, (p[2] for p in active.templates.files.places)
        self._spoken = sorted({ENGLISH}.union(*written) - {""})
        own = choices.locale or reader.locale
        self._language = language_of(context, [*filter(None, [own]), *visit.languages])
        known = reader.timezone or active.decider.rules.defaults.timezone
        self._zone = choices.timezone or known

    def seen(self, told: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
        """Show it, with what is to be `told` of a change."""
        choices, language = self._choices, self._language
        if not told and "saved" in self._visit.query:
            told = said(language, "choices.saved")
        kinds = [self._shown(kind) for kind in self._kinds]
        stopping = [k for k in kinds if k.id in self._stop and k.wanted and not k.required]
        own_list, hours = choices.own_list, choices.own_hours
        return page(
            "choices",
            self._context,
            language,
            status=status,
            address=self._address,
            told=told,
            wrong=status != HTTPStatus.OK,
            token=self._visit.token,
            kinds=kinds,
            stopping=stopping if self._visit.action is None else [],
            choices=choices,
            own_list=own_list,
            list_at=_time(own_list.at if own_list else 8 * 60),
            weekdays=weekdays(language),
            days=hours.days if hours else WORKING_DAYS,
            begins=_time(hours.begin if hours else 8 * 60),
            ends=_time(hours.end if hours else 18 * 60),
            languages={tag: own_name(tag) for tag in self._spoken},
            zone={self._zone: town_of(self._zone, language)} if self._zone else {},
            zones=zones_by_area(language, without=self._zone),
        )

    def changed(self, action: str) -> Response:
        """Do what a form says, and show the page anew; reloading it changes nothing."""
        stops = action in (STOP, ONE_CLICK)
        try:
            self._choices = self._change(action, stops=stops)
        except FormRefused as refused:
            return self.seen(self._wrong(refused), HTTPStatus.UNPROCESSABLE_ENTITY)
        if stops:  # RFC 8058 §3.1: no redirect
            return self.seen(said(self._language, "choices.stopped") if self._is_stopped() else "")
        # To the page itself, wherever a proxy has put it, so that reloading changes nothing again.
        target = f"{self._visit.token}?saved"
        return RedirectResponse(target, HTTPStatus.SEE_OTHER, HEADERS)

    def _wrong(self, refused: "FormRefused") -> str:
        keys = [NAMED.get(field, field) for field in refused.fields]
        names = [said(self._language, f"choices.{key}") for key in dict.fromkeys(keys)]
        return said(self._language, "choices.wrong", fields=named_together(names, self._language))

    def _change(self, action: str, *, stops: bool) -> Choices:
        stoppable = {kind.rule.id for kind in self._kinds if not kind.rule.required}
        rules = self._context.app.active.decider.rules.rules
        named = {r.id for r in rules if not r.required and r.id in self._stop}
        now = self._context.clock()

        def after(before: Choices) -> Choices:
            if action == REACH:
                return before.reached()
            if not stops:
                return ChoicesForm(self._visit.form, now).choices(before, stoppable, self._spoken)
            return before.stopping(named) if named else before

        by: By = "one_click" if action == ONE_CLICK else "reader"
        return self._context.app.choice_requests.change(self._address, after, now, by=by)

    def _is_stopped(self) -> bool:
        """Tell whether anything the link names is; its rule may be gone, or required by now."""
        return not set(self._choices.stopped).isdisjoint(self._stop)

    def _shown(self, kind: MessageKind) -> KindShown:
        rule, language = kind.rule, self._language
        notes = [_as_whom(role, language) for role in kind.roles]
        notes += [said(language, "choices.required")] * rule.required
        return KindShown(
            id=rule.id,
            name=str(cleaned(rule.description, "rule.id") or rule.id),
            note=" · ".join(dict.fromkeys(notes)),
            wanted=rule.required or rule.id not in self._choices.stopped,
            required=rule.required,
        )


def _as_whom(role: str, language: Language) -> str:
    """Say as whom somebody gets a message."""
    name, _, group = role.partition(":")
    return said(language, f"choices.role.{ROLES.get(name, name)}", group=group)


ROLES = {"managers_manager": "manager"}
"""Whom the page tells the same as another."""
NAMED = {"day": "when", "locale": "language"}
"""How the page calls fields that have another name there."""


def _time(minute: int) -> str:
    return f"{minute % DAY_MINUTES // 60:02}:{minute % 60:02}"


LONGEST_AWAY = timedelta(days=366)
LAST_TO_CHANGE = ZoneInfo("Etc/GMT+12")
"""Where a day begins last: what has come there has come wherever a reader is."""


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
