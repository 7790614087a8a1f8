"""docs/states.md: every state and every reason that the ledger records is explained there."""

import re

from service.rules import digests, plan, rule, storm, verdict
from service.rules.explain.steps_in_words import REASONS
from service.rules.notification import RULE_GONE, RULE_REMOVED, STATES
from service.rules.readers import watchers
from service.rules.verdict import TOO_LATE
from tests.installation import ROOT

PAGE = (ROOT / "docs/states.md").read_text()
NAMED = re.findall(r"(?m)^\| `([^`]+)` \|", PAGE)


def test_every_state_is_there() -> None:
    assert set(STATES) <= set(NAMED)


def test_every_reason_is_there() -> None:
    ours = {
        watchers.OVER,
        plan.COLLAPSED,
        plan.BUNDLE,
        plan.REASON,
        plan.AT_MOST,
        digests.REASON,
        verdict.ESCALATION,
        storm.HELD,
        rule.MUTED,
        TOO_LATE,
        RULE_GONE,
        RULE_REMOVED,
    }
    assert ours | set(REASONS) <= set(NAMED)


def test_every_reason_that_is_spelled_out_where_messages_end_is_there() -> None:
    wings = ("service/rules", "service/sending")
    code = "".join(path.read_text() for wing in wings for path in (ROOT / wing).glob("*.py"))
    written = re.findall(r'reason=f?"([a-z_ ]+)', code)
    assert {"no address was known in time", "template"} <= set(written)
    assert [reason for reason in written if not any(n.startswith(reason) for n in NAMED)] == []
