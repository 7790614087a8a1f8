"""Explaining over HTTP: why a notification was sent, and why somebody was not told."""

from datetime import UTC, datetime
from http import HTTPStatus

from msgspec.structs import replace

from service.api.context import Desk
from service.api.framework.operations import Given, Operation
from service.api.framework.problems import Refused
from service.api.framework.request import Parameter, text
from service.api.resources.notifications import ADDRESS
from service.rules.explain.causes import Evidence
from service.rules.explain.history import Past
from service.rules.explain.notification import chain_of
from service.rules.explain.question import Question, Unanswerable, explanation
from service.rules.explain.report import Chain, Explanation

ABOUT = ("learner", "course", "instance", "source", "account")
EXPECTED = "expected `notification`, or `rule` with what it is about, and not both"


def explain(desk: Desk, given: Given) -> Chain | Explanation:
    """Why a notification came to be, or what a rule made of something."""
    notification, rule = given["notification"], given["rule"]
    others = any(given[name] is not None for name in (*ABOUT, "at"))
    if (notification is None) == (rule is None) or (notification is not None and others):
        raise Refused(HTTPStatus.CONFLICT, EXPECTED)
    found = evidence(desk)
    if notification is not None:
        return chain(found, notification)
    at = desk.clock() if given["at"] is None else given["at"]
    try:
        return explanation(found, Question(rule, at, *(given[name] for name in ABOUT)))
    except Unanswerable as problem:
        raise Refused(HTTPStatus.NOT_FOUND, str(problem)) from problem


def evidence(desk: Desk) -> Evidence:
    """What the ledger says now."""
    app = desk.app
    lateness = {name: source.lateness for name, source in app.settings.sources.items()}
    views = app.settings.data / "views.db"
    past = Past(app.ledger, app.mapper, app.people, app.courses, lateness, views)
    return Evidence.of(past, app.letters.show)


def chain(found: Evidence, id: str) -> Chain:
    """Why a notification came to be, without what may be an address in a reply."""
    told = chain_of(found, id)
    if told is None:
        raise Refused(
            HTTPStatus.NOT_FOUND,
            "no such notification; expected an `id` of /api/v1/notifications",
        )
    history = [
        replace(turn, reply=ADDRESS.sub("[address]", turn.reply)) if turn.reply else turn
        for turn in told.history
    ]
    return replace(told, history=history)


def _moment(given: str) -> int:
    try:
        at = datetime.fromisoformat(given)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round(at.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise ValueError("a time like 2026-11-20T08:30:00Z") from None


AT = Parameter(
    "at",
    "As of this time, UTC where it names no zone; now if left out.",
    {"type": "string", "format": "date-time"},
    _moment,
)

OPERATIONS = (
    Operation(
        "/api/v1/explain",
        "Explain why a notification was sent, or why a rule told somebody or did not.",
        explain,
        Chain | Explanation,
        (
            text("notification", "The `id` of the notification to explain; nothing else then."),
            text("rule", "The id of the rule to explain, with what it is about."),
            text("learner", "About this learner, by the LMS's id."),
            text("course", "In this course, by the LMS's id."),
            text("instance", "In this instance, by the LMS's id."),
            text("source", "Of this LMS, e.g. `adobe`."),
            text("account", "Of this account."),
            AT,
        ),
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
