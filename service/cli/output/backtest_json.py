"""The report of a backtest, and of a verification, for a program to read."""

from collections import Counter
from typing import Any

from service.cli.output.backtest_page import Told, who
from service.rules.notification import SENT
from service.rules.text import moment
from service.simulation.backtest.backtest import Backtest, Plan, not_rehearsed, of_today
from service.simulation.backtest.difference import Difference, Message
from service.simulation.backtest.verify import Verified


def backtest_report(found: Backtest, plan: Plan, told: Told) -> dict[str, Any]:
    """Everything the page says, and all days."""
    tally, span = found.tally, found.span
    fates = [
        {"rule": rule, "state": state, "reason": reason or None, "count": count}
        for (rule, state, reason), count in sorted(tally.fates.items())
    ]
    rules: dict[str, dict[str, int]] = {
        rule.id: {"matched": tally.matched[rule.id], "sent": tally.fates[rule.id, SENT, ""]}
        for rule in plan.rules.rules
    }
    report: dict[str, Any] = {
        "log_rows": span.rows,
        "facts": span.facts,
        "from": moment(span.first_at) or None,
        "to": moment(span.last_at) or None,
        "matched": tally.matched.total(),
        "sent": tally.sent,
        "rules": rules,
        "fates": fates,
        "days": dict(sorted(tally.days.items())),
        "recipients": dict(tally.kinds.most_common()),
        "heaviest": [
            {"recipient": who(key, told.names), "sent": reader.sent, "days": reader.days}
            for key, reader in tally.heaviest().items()
        ],
        "storms": [
            {"rule": rule, "hour": moment(hour), "held": count}
            for (rule, hour), count in sorted(tally.storms.items())
        ],
        "waiting_for_address": {
            "notifications": tally.waiting.total(), "people": len(tally.waiting),
        },
        "read_as_of_today": of_today(plan.rules),
        "not_rehearsed": not_rehearsed(plan.rules),
    }  # fmt: skip
    if found.difference is not None:
        report["difference"] = difference_report(found.difference, told)
    return report


def difference_report(difference: Difference, told: Told) -> dict[str, Any]:
    """What one file sends and the other not, or at another time."""
    by_rule: dict[str, Counter[str]] = {}
    for (rule, kind), count in difference.by_rule.items():
        by_rule.setdefault(rule, Counter())[kind] = count
    return {
        "same": difference.same,
        "more": difference.counts["more"],
        "fewer": difference.counts["fewer"],
        "at_another_time": difference.counts["moved"],
        "by_rule": by_rule,
        "examples": {
            kind: [_example(each, told) for each in examples]
            for kind, examples in difference.examples.items()
        },
    }


def _example(message: Message, told: Told) -> dict[str, Any]:
    return {
        "rule": message.rule,
        "recipient": message.recipient,
        "learner": told.names.get(message.person or ""),
        "source": message.source,
        "course": message.course,
        "at": moment(message.at),
        "before": moment(message.before) or None,
    }


def verified_report(found: Verified) -> dict[str, Any]:
    """The sums, and the first differences."""
    return {
        "log_rows": found.rows,
        "decisions": found.decisions,
        "reproduced": found.reproduced,
        "changed_since": found.changed,
        "inputs_not_in_log": found.elsewhere,
        "rule_files_unread": found.unread,
        "decided_by_them": found.undecided,
        "different": found.differ,
        "different_by_rule": dict(found.by_rule),
        "examples": found.examples,
    }
