"""Explain over HTTP why a notification was sent, and why somebody was not told."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from service.api.framework.operations import Operation
from service.api.framework.problems import ApiError
from service.api.framework.request import Text, Timestamp
from service.api.request_context import RequestContext, SourceName, milliseconds
from service.api.resources.notifications import MISSING, without_addresses
from service.rules.explain.answers import Chain, Explanation
from service.rules.explain.causes import Evidence
from service.rules.explain.history import LedgerHistory
from service.rules.explain.provenance import chain_of
from service.rules.explain.question import Question, Unanswerable, explanation

EXPECTED = "expected `notification`, or `rule` with what it is about, and not both"


class ExplainQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Choose what is explained."""

    notification: Annotated[
        Text | None,
        Meta(description="The `id` of the notification to explain; nothing else then."),
    ] = None
    rule: Annotated[
        Text | None, Meta(description="The id of the rule to explain, with what it is about.")
    ] = None
    learner: Annotated[Text | None, Meta(description="About this learner, by the LMS's id.")] = None
    course: Annotated[Text | None, Meta(description="In this course, by the LMS's id.")] = None
    instance: Annotated[Text | None, Meta(description="In this instance, by the LMS's id.")] = None
    source: Annotated[SourceName | None, Meta(description="Of this LMS.")] = None
    account: Annotated[Text | None, Meta(description="Of this account.")] = None
    at: Annotated[
        Timestamp | None,
        Meta(description="As of this time, UTC where it names no zone; now if left out."),
    ] = None


def explain(context: RequestContext, query: ExplainQuery) -> Chain | Explanation:
    """Explain how a notification came to be, or what a rule made of something."""
    if query.notification is not None:
        if query != ExplainQuery(notification=query.notification):
            raise ApiError(HTTPStatus.CONFLICT, EXPECTED)
        return _chain(_evidence(context), query.notification)
    if query.rule is None:
        raise ApiError(HTTPStatus.CONFLICT, EXPECTED)
    question = Question(
        rule=query.rule,
        at=context.clock() if query.at is None else milliseconds(query.at),
        learner=query.learner,
        course=query.course,
        instance=query.instance,
        source=query.source,
        account=query.account,
    )
    try:
        answer = explanation(_evidence(context), question)
    except Unanswerable as problem:
        context.check_account(query.source, query.account)
        raise ApiError(HTTPStatus.NOT_FOUND, str(problem)) from problem
    if not answer.matters:
        context.check_account(query.source, query.account)
    return answer


def _evidence(context: RequestContext) -> Evidence:
    """Read the ledger as it is now."""
    app = context.app
    past = LedgerHistory(app.store, app.people, app.courses, app.settings.timings)
    return Evidence.of(past, app.letters.show)


def _chain(found: Evidence, id: str) -> Chain:
    """Explain a notification, without what may be an address in a reply."""
    told = chain_of(found, id)
    if told is None:
        raise ApiError(HTTPStatus.NOT_FOUND, MISSING)
    history = [
        replace(turn, reply=without_addresses(turn.reply)) if turn.reply else turn
        for turn in told.history
    ]
    return replace(told, history=history)


OPERATIONS = (
    Operation(
        "/api/v1/explain",
        "Explain why a notification was sent, or why a rule told somebody or did not.",
        explain,
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
