"""Stop and resume messages to a reader over HTTP, as they do themselves by their link."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from service.api.framework.operations import Operation
from service.api.framework.problems import ApiError, NotFound
from service.api.framework.request import LONGEST_TEXT, NoParameters
from service.api.request_context import RequestContext, SourceName
from service.rules.readers.choices import Choices
from service.rules.text import hint

MISSING = "Nobody with an address has this id."
RuleId = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]


class Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is meant, by LMS id or address, and of which rules; of all where none is named."""

    who: Annotated[
        str, Meta(min_length=1, max_length=LONGEST_TEXT, description="Their LMS id or address.")
    ]
    source: Annotated[SourceName | None, Meta(description="The LMS of that id.")] = None
    account: Annotated[str | None, Meta(description="The account of that id.")] = None
    rules: Annotated[
        list[RuleId], Meta(description="Only these rules; without one, all that can be stopped.")
    ] = []


class Stopped(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a reader does not get: these rules, all that can be stopped, or anything at all."""

    stopped: Annotated[list[str], Meta(description="The rules that are stopped, by id.")]
    stopped_all: Annotated[bool, Meta(description="Whether all that can be stopped is.")]
    unreachable: Annotated[
        str | None,
        Meta(description="Why nothing is sent to the address: `bounced` or `complained`."),
    ] = None
    required: Annotated[
        list[str],
        Meta(description="Of `stopped`, the rules that reach them while they are `required`."),
    ] = []


def stop(context: RequestContext, _: NoParameters, reader: Reader) -> Stopped:
    """Send a reader no more messages; twice is harmless."""
    known = [rule.id for rule in context.app.active.decider.rules.rules]
    for rule in reader.rules:
        if rule not in known:
            unknown = f"rules: no active rule '{rule}'{hint(rule, known)}"
            raise ApiError(HTTPStatus.CONFLICT, unknown)
    return _changed(context, reader, lambda before: before.stopping(reader.rules))


def resume(context: RequestContext, _: NoParameters, reader: Reader) -> Stopped:
    """Send a reader messages again; twice is harmless."""
    return _changed(context, reader, lambda before: before.resuming(reader.rules))


def _changed(
    context: RequestContext, reader: Reader, changed: Callable[[Choices], Choices]
) -> Stopped:
    context.check_account(reader.source, reader.account)
    requests = context.app.choice_requests
    found = requests.readers(reader.who, reader.source, reader.account)
    if len(found) > 1:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "who: people with different addresses have this id; say which with source and account",
        )
    addresses = [person.email for person in found if person.email]
    if not addresses and "@" not in reader.who:
        raise NotFound(MISSING)
    address = next(iter(addresses), reader.who)
    now = requests.change(address, changed, context.clock(), by="operator")
    why, rules = now.unreachable, context.app.active.decider.rules.by_id
    return Stopped(
        stopped=list(now.stopped),
        stopped_all=now.stopped_all,
        unreachable=why.reason if why else None,
        required=[id for id in now.stopped if id in rules and rules[id].required],
    )


REFUSALS = (HTTPStatus.CONFLICT,)
OPERATIONS = (
    Operation(
        "/api/v1/people/stop",
        "Send a reader no more messages, of these rules or of all that can be stopped.",
        stop,
        method="POST",
        missing=MISSING,
        refusals=REFUSALS,
    ),
    Operation(
        "/api/v1/people/resume",
        "Send a reader messages again, of these rules or of all.",
        resume,
        method="POST",
        missing=MISSING,
        refusals=REFUSALS,
    ),
)
