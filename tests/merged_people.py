"""Two records of one person: how tests merge them, as a letter and a command do."""

from typing import Any

from service.learners.facts import Fact, LearnerMerged, PlacedFact, fact_key
from tests.installation import START, Installation

ACCOUNT = ("adobe", "1234")


def merge_fact(person: int, into: int | None, at: int = START) -> Fact:
    """A fact that says so; without an `into`, that it is over."""
    return Fact(
        source=ACCOUNT[0], account=ACCOUNT[1], name="merge", key=fact_key(("m", str(at)), b""),
        occurred_at=at, said=LearnerMerged(), course="", kind="", person=str(person),
        into=None if into is None else (*ACCOUNT, str(into)),
    )  # fmt: skip


def merge(here: Installation, person: int, into: int | None, at: int = START) -> tuple[str, str]:
    """One record is merged into another; gives the state and the reason."""
    told = PlacedFact(merge_fact(person, into, at), 0, 0)
    (outcome,) = here.app.writer.write([told], at, lambda _: ())
    return outcome.state, outcome.reason


def merge_letter(merged: str, into: str, at: int, mid: str = "LP.1", **more: Any) -> dict[str, Any]:
    """A letter of Sunbird's topic `<env>.lms.user.account.merge`, as its services write it."""
    return {
        "eid": "BE_JOB_REQUEST", "ets": at, "mid": mid,
        "actor": {"id": "Merge User Courses and Cert", "type": "System"},
        "context": {"channel": "0123", "env": "prod",
                    "pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
        "object": {"type": "MergeUserCoursesAndCert", "id": "object-1"},
        "edata": {"action": "merge-user-courses-and-cert", "fromAccountId": merged,
                  "toAccountId": into, "rootOrgId": "0123", "iteration": 1, **more},
    }  # fmt: skip
