"""The page of a verification: how many decisions are made again as they were recorded."""

from rich.console import Console
from rich.text import Text

from service.cli.console import print_table, printable
from service.rehearsal.verify import Difference, Verified


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


def _row(each: Difference) -> list[str]:
    fields = f" ({', '.join(each.fields)})" if each.fields else ""
    return [each.notification, printable(each.rule), f"{each.position:,}", each.what + fields]
