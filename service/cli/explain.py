"""Run `coursebell explain`: why a notification was sent, and why somebody was not told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rich_click as click

from service.app.event_types import event_store
from service.cli.options.scope_options import SOURCE, check_account
from service.cli.output.console import (
    CANNOT_RUN,
    data_option,
    fail,
    json_option,
    open_ledger,
    page_wide,
    print_json,
    settings,
)
from service.cli.output.explain_page import print_chain, print_explanation
from service.cli.output.text import in_local_time, moment_given
from service.incoming.letters import Letters
from service.learners.directory.courses import Courses
from service.learners.directory.people import People
from service.rules.explain.answers import Explanation
from service.rules.explain.causes import Evidence
from service.rules.explain.history import LedgerHistory
from service.rules.explain.provenance import chain_of
from service.rules.explain.question import Question, Unanswerable, explanation
from service.rules.text import hint
from service.running import wall_clock

SHOWN = 4
EXPECTED = (
    "explain: expected a notification, or --rule with whom or what it is about "
    "(--learner, --instance, --course or --source)"
)


@click.command()
@click.argument("notification", required=False)
@click.option("--rule", help="Explain what this rule did and did not do.")
@click.option("--learner", help="About this learner, by the LMS's id.")
@click.option("--course", help="In this course, by the LMS's id.")
@click.option("--instance", help="In this instance, by the LMS's id.")
@click.option("--source", type=SOURCE, help="Of this LMS, e.g. adobe.")
@click.option("--account", help="Of this account of the LMS.")
@click.option(
    "--at",
    "moment",
    metavar="TIME",
    help="As of this time, e.g. 2026-11-20T08:30, or with Z for UTC.",
)
@data_option
@json_option
def explain(
    notification: str | None,
    rule: str | None,
    learner: str | None,
    course: str | None,
    instance: str | None,
    source: str | None,
    account: str | None,
    moment: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Explain why NOTIFICATION was sent, or why a rule told somebody or did not.

    NOTIFICATION is an id or its beginning. With --rule it is told what the rule made of each
    thing that happened, condition by condition. Rules and enrollments are as they were at the
    time; people and courses as they are known today. Nothing is recorded.
    """
    if bool(notification) == bool(rule):
        fail(EXPECTED)
    about = (learner, course, instance, source, account)
    if notification and any((*about, moment)):
        fail("explain: a notification stands for itself; expected no other option than --json")
    at = moment_given(moment) if moment else wall_clock()
    with evidence(data) as found:
        if notification:
            chain = chain_of(found, whole(found.past, notification))
            assert chain is not None
            print_json(chain) if as_json else print_chain(page_wide(), chain, found.past.people)
            return
        answer = answered(found, Question(rule or "", at, *about))
        print_json(answer) if as_json else print_explanation(page_wide(), answer, found.past.people)


@contextmanager
def evidence(data: Path | None) -> Iterator[Evidence]:
    """Open the evidence in the ledger of the data folder; record nothing in it."""
    with open_ledger(data) as ledger:
        chosen = settings(data)
        people, courses = People(ledger), Courses(ledger, chosen.course_urls)
        past = LedgerHistory(event_store(ledger), people, courses, chosen.timings)
        yield Evidence.of(past, Letters(ledger).show)


def answered(found: Evidence, question: Question) -> Explanation:
    """Give the explanation, unless the question names something that is not there."""
    try:
        answer, problem = explanation(found, question), ""
    except Unanswerable as unanswerable:
        answer, problem = None, str(unanswerable)
    if answer is None or not answer.matters:
        check_account(found.past.ledger, question.source, question.account)
    return answer or fail(in_local_time(problem))


def whole(past: LedgerHistory, beginning: str, missing: int = CANNOT_RUN) -> str:
    """Find the one notification whose id begins so; exit with `missing` when there is none."""
    found = past.ids(beginning, SHOWN) if beginning.startswith("n") else []
    if not found:
        near = hint(beginning, past.ids(beginning[:6]) if beginning.startswith("n") else ())
        fail(
            f"{beginning}: no such notification{near}; `coursebell notifications list` shows them",
            missing,
        )
    if len(found) > 1 and beginning not in found:
        more = ", …" if len(found) == SHOWN else ""
        fail(f"{beginning}: several notifications begin so: {', '.join(found)}{more}")
    return found[0]
