"""The page of a backtest: totals, rules, days, recipients, storms, and the difference."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.output.console import print_table, printable
from service.cli.output.text import moment
from service.rules.notification import CANCELLED, DROPPED, EXPIRED, HELD, SENT, WAITING_ADDRESS
from service.simulation.backtest.backtest import Backtest, Plan, not_rehearsed, of_today
from service.simulation.backtest.difference import Difference, Kind, Message
from service.simulation.backtest.verify import Disagreement, Verified

BARS, LONGEST_CHART, STORMS = 40, 31, 10
STATES = (SENT, CANCELLED, EXPIRED, DROPPED, HELD, WAITING_ADDRESS)
TITLES: Mapping[Kind, str] = {"more": "More", "fewer": "Fewer", "moved": "At another time"}


class Told(msgspec.Struct, frozen=True):
    """What the page needs beside: the files' names, LMS ids of people, and how long it took."""

    file: str
    against: str | None
    names: Mapping[str, str]
    seconds: float


class BacktestPage:
    """Prints what came of a backtest, at most 80 wide in a terminal."""

    def __init__(self, screen: Console, found: Backtest, plan: Plan, told: Told) -> None:
        self._screen = screen
        self._found = found
        self._plan = plan
        self._told = told

    def print(self) -> None:
        """The whole page."""
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
            f"{span.rows:,} rows of the log, {span.facts:,} facts, in {told.seconds:.1f} s "
            f"({rate:,.0f} a second); nothing was sent"
        )
        if span.first_at is not None:
            self._say(f"from {moment(span.first_at)} to {moment(span.last_at)}")
        self._say(
            f"{told.file} would have sent {tally.sent:,} messages, of {tally.matched.total():,} "
            "matches",
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
                f"\n{tally.waiting.total():,} wait for an address, of {len(tally.waiting):,} people"
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
            f"\nAgainst {self._told.against}: +{counts['more']:,} messages, "
            f"-{counts['fewer']:,}, {counts['moved']:,} at another time; "
            f"{difference.same:,} are the same",
            "bold",
        )
        for kind, examples in difference.examples.items():
            rows = [self._example(each) for each in examples]
            if rows:
                self._table([TITLES[kind], "to", "about", "when"], rows, words=True)

    def _example(self, each: Message) -> list[str]:
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
        """Rows whose columns after the first are numbers, unless they are `words`."""
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
    """Messages by day, every day in turn; by week or month where there are too many of them."""
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
    """A room, a role, or a person by the LMS's own id."""
    return names.get(key, key)


def _n(count: int) -> str:
    return f"{count:,}" if count else ""


def print_verified(screen: Console, found: Verified, seconds: float) -> None:
    """The sum, what it leaves out and why, and the first decisions that differ."""
    rate = found.rows / seconds if seconds else 0
    screen.print(
        f"{found.rows:,} rows of the log in {seconds:.1f} s ({rate:,.0f} a second); "
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
