"""Print what came of a backtest or a verification, or report it to a program as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.output.console import print_table, printable
from service.cli.output.text import moment
from service.rules.notification import CANCELLED, DROPPED, EXPIRED, HELD, SENT, WAITING_ADDRESS
from service.rules.text import counted
from service.rules.text import moment as utc
from service.simulation.backtest.backtest import (
    BacktestOptions,
    BacktestResult,
    not_rehearsed,
    of_today,
)
from service.simulation.backtest.difference import Difference, DifferingMessage, Kind
from service.simulation.backtest.verify_result import Disagreement, VerifyResult

BARS, LONGEST_CHART, STORMS = 40, 31, 10
STATES = (SENT, CANCELLED, EXPIRED, DROPPED, HELD, WAITING_ADDRESS)
TITLES: Mapping[Kind, str] = {"more": "More", "fewer": "Fewer", "moved": "At another time"}


class BacktestRun(msgspec.Struct, frozen=True):
    """Hold what a report needs beside: names of files, LMS ids of people, seconds it took."""

    file: str
    against: str | None
    names: Mapping[str, str]
    seconds: float


class BacktestPage:
    """Print what came of a backtest, at most 80 wide in a terminal."""

    def __init__(
        self, screen: Console, found: BacktestResult, plan: BacktestOptions, told: BacktestRun
    ) -> None:
        self._screen = screen
        self._found = found
        self._plan = plan
        self._told = told

    def print(self) -> None:
        """Print the whole page."""
        self._totals()
        self._rules()
        self._reasons()
        self._days()
        self._recipients()
        self._storms()
        if self._found.difference is not None:
            self._difference(self._found.difference)
        self._notes()

    def _totals(self) -> None:
        span, tally, told = self._found.span, self._found.tally, self._told
        rate = span.rows / told.seconds if told.seconds else 0
        self._say(
            f"{counted(span.rows, 'row')} of the log, {counted(span.facts, 'fact')}, "
            f"in {told.seconds:.1f} s "
            f"({rate:,.0f} a second); nothing was sent"
        )
        if span.first_at is not None:
            self._say(f"from {moment(span.first_at)} to {moment(span.last_at)}")
        self._say(
            f"{told.file} would have sent {counted(tally.sent, 'message')}, "
            f"of {counted(tally.matched.total(), 'match', 'matches')}",
            "bold",
        )

    def _rules(self) -> None:
        tally = self._found.tally
        states = [s for s in STATES if s == SENT or tally.count(s)]
        titles = ["Rule", "matched", *(s.replace("waiting_address", "waiting") for s in states)]
        rows = [
            [rule.id, _n(tally.matched[rule.id]), *(_n(tally.count(s, rule.id)) for s in states)]
            for rule in self._plan.rules.rules
        ]
        self._table(titles, rows)

    def _reasons(self) -> None:
        fates = self._found.tally.fates.most_common()
        rows = [
            [rule, state, reason, _n(count)]
            for (rule, state, reason), count in fates
            if state != SENT
        ]
        if rows:
            self._table(["Not sent", "state", "reason", "count"], rows, words=True)

    def _days(self) -> None:
        counts, unit = charted(self._found.tally.days)
        if not counts:
            return
        most = max(counts.values())
        self._say(f"\nMessages by {unit}, in {self._plan.rules.defaults.timezone}", "bold")
        for day, count in counts.items():
            bar = "█" * round(BARS * count / most) or ("▏" if count else "")
            self._say(f"{day}  {bar:<{BARS}} {count:>9,}")

    def _recipients(self) -> None:
        tally, names = self._found.tally, self._told.names
        if tally.kinds:
            rows = [[kind, _n(count)] for kind, count in tally.kinds.most_common()]
            self._table(["Recipients", "sent"], rows)
            heavy = tally.heaviest().items()
            rows = [[who(key, names), _n(r.sent), _n(r.days)] for key, r in heavy]
            self._table(["Heaviest", "sent", "on days"], rows)
        if tally.waiting:
            self._say(
                f"\n{tally.waiting.total():,} wait for an address, "
                f"of {counted(len(tally.waiting), 'person', 'people')}"
            )

    def _storms(self) -> None:
        storms = self._found.tally.storms.most_common()
        if storms:
            rows = [[rule, moment(hour), _n(count)] for (rule, hour), count in storms[:STORMS]]
            self._table(["Storms", "in the hour from", "would be held"], rows)
            if len(storms) > STORMS:
                self._say(f"and {len(storms) - STORMS} more hours")

    def _difference(self, difference: Difference) -> None:
        counts = difference.counts
        self._say(
            f"\nAgainst {self._told.against}: +{counted(counts['more'], 'message')}, "
            f"-{counts['fewer']:,}, {counts['moved']:,} at another time; "
            f"{difference.same:,} are the same",
            "bold",
        )
        for kind, examples in difference.examples.items():
            rows = [self._example(each) for each in examples]
            if rows:
                self._table([TITLES[kind], "to", "about", "when"], rows, words=True)

    def _example(self, each: DifferingMessage) -> list[str]:
        learner = self._told.names.get(each.person or "")
        about = " ".join(filter(None, [each.course, f"learner {learner}" if learner else ""]))
        when = moment(each.at)
        if each.before is not None:
            when = f"{when}, not {moment(each.before)}"
        return [each.rule, who(each.recipient, self._told.names), about, when]

    def _notes(self) -> None:
        today, left_out = of_today(self._plan.rules), not_rehearsed(self._plan.rules)
        if today:
            self._say(
                f"\nPeople, courses and groups are as they are known today, for: {', '.join(today)}"
            )
        if left_out:
            self._say(
                f"\nNot rehearsed, as the log does not say when letters came: {', '.join(left_out)}"
            )

    def _table(
        self, titles: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False
    ) -> None:
        """Print rows whose columns after the first are numbers, unless they are `words`."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for place, title in enumerate(titles):
            right = place > 0 and not words
            table.add_column(title, justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self._screen.print()
        self._screen.print(table)

    def _say(self, text: str, style: str = "") -> None:
        self._screen.print(Text(text, style))


def charted(days: Counter[str]) -> tuple[dict[str, int], str]:
    """Count messages by day, every day in turn; by week or month where days are too many."""
    if not days:
        return {}, "day"
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    for unit in ("day", "week", "month"):
        counts: dict[str, int] = {}
        for day in _every_day(first, last):
            name = _named(day, unit)
            counts[name] = counts.get(name, 0) + days[day.isoformat()]
        if len(counts) <= LONGEST_CHART:
            break
    return counts, unit


def _every_day(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _named(day: date, unit: str) -> str:
    if unit == "month":
        return day.isoformat()[:7]
    return (day - timedelta(days=day.weekday() if unit == "week" else 0)).isoformat()


def who(key: str, names: Mapping[str, str]) -> str:
    """Name a room, a role, or a person by the LMS's own id."""
    return names.get(key, key)


def _n(count: int) -> str:
    return f"{count:,}" if count else ""


def print_verified(screen: Console, found: VerifyResult, seconds: float) -> None:
    """Print the sum, what it leaves out and why, and the first decisions that differ."""
    rate = found.rows / seconds if seconds else 0
    screen.print(
        f"{counted(found.rows, 'row')} of the log in {seconds:.1f} s ({rate:,.0f} a second); "
        "nothing was sent"
    )
    lines = [
        (found.reproduced, "reproduced, byte for byte"),
        (found.changed, "read a person, course or group that has changed since"),
        (found.elsewhere, "rest on what is not in the log (silent feeds, letters, first groups)"),
        (found.undecided, f"by {found.unread} rule files that cannot be read any more"),
        (found.differ, "different"),
    ]
    screen.print(Text(f"{found.decisions:,} decisions", "bold"))
    for count, words in lines:
        if count or words.startswith("reproduced"):
            style = "bold red" if words == "different" else ""
            screen.print(Text(f"{count:>10,}  {words}", style))
    if found.examples:
        titles = ["Notification", "Rule", "Position", "What is different"]
        print_table(titles, [_row(each) for each in found.examples])
        more = found.differ - len(found.examples)
        if more > 0:
            screen.print(f"and {more:,} more")


def _row(each: Disagreement) -> list[str]:
    fields = f" ({', '.join(each.fields)})" if each.fields else ""
    return [each.notification, printable(each.rule), f"{each.position:,}", each.what + fields]


def backtest_report(
    found: BacktestResult, plan: BacktestOptions, told: BacktestRun
) -> dict[str, Any]:
    """Report everything the page says, and all days; times are UTC."""
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
        "from": utc(span.first_at) or None,
        "to": utc(span.last_at) or None,
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
            {"rule": rule, "hour": utc(hour), "held": count}
            for (rule, hour), count in sorted(tally.storms.items())
        ],
        "waiting_for_address": {
            "notifications": tally.waiting.total(),
            "people": len(tally.waiting),
        },
        "read_as_of_today": of_today(plan.rules),
        "not_rehearsed": not_rehearsed(plan.rules),
    }
    if found.difference is not None:
        report["difference"] = difference_report(found.difference, told)
    return report


def difference_report(difference: Difference, told: BacktestRun) -> dict[str, Any]:
    """Report what one file sends and the other not, or at another time."""
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


def _example(message: DifferingMessage, told: BacktestRun) -> dict[str, Any]:
    return {
        "rule": message.rule,
        "recipient": message.recipient,
        "learner": told.names.get(message.person or ""),
        "source": message.source,
        "course": message.course,
        "at": utc(message.at),
        "before": utc(message.before) or None,
    }


def verified_report(found: VerifyResult) -> dict[str, Any]:
    """Report the sums, and the first differences."""
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
