"""Explaining in tests: what an installation's own ledger says."""

from service.learners.facts import Timing
from service.rules.explain.answers import Chain, Explanation
from service.rules.explain.causes import Evidence
from service.rules.explain.history import LedgerHistory
from service.rules.explain.provenance import chain_of
from service.rules.explain.question import Question, explanation
from tests.installation import Installation

TIMINGS = {"adobe": Timing(900_000)}
"""Adobe's, in ms."""


def evidence(office: Installation) -> Evidence:
    app = office.app
    past = LedgerHistory(app.store, app.people, app.courses, TIMINGS)
    return Evidence.of(past, app.letters.show)


def why(office: Installation, place: int = 0) -> Chain:
    """The chain of one notification, in order of decision."""
    found = chain_of(evidence(office), office.notifications()[place]["id"])
    assert found is not None
    return found


def asked(office: Installation, rule: str, at: int, **about: str) -> Explanation:
    """What a rule made of something up to a moment."""
    return explanation(evidence(office), Question(rule, at, **about))
