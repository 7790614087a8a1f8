"""The list of notifications: a table, or two lines for each where a table has no room."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from service.cli.console import console, print_table, printable
from service.cli.pages import print_words
from service.cli.times import moment
from service.learners.people import People
from service.rules.recipients import ROOM, STEPS_UP, route_of

TITLES = ("Notification", "Rule", "To", "About", "State", "Reason", "Decided", "Attempts")
WIDE = 140
"""Columns that a table needs: the id alone has 33, and stays whole to be copied."""


def print_notifications(found: Sequence[Mapping[str, Any]], people: People) -> None:
    """Each with whom it is for and what it is about, in the LMS's own ids."""
    ids = people.lms_ids(
        row[name] for row in found for name in ("person", "recipient") if row[name]
    )
    screen = console()
    if not found:
        screen.print("no notifications")
    elif screen.width < WIDE:
        for row in found:
            print_narrow(screen, row, ids)
    else:
        print_table(TITLES, [columns(row, ids) for row in found])


def columns(row: Mapping[str, Any], ids: Mapping[str, str]) -> list[str | None]:
    """A notification as a row of the table."""
    about = row["instance"] or row["course"] or row["source"]
    return [
        row["id"], row["rule"], whom(row, ids), about, row["state"], row["reason"],
        moment(row["decided_at"]), str(row["attempts"]),
    ]  # fmt: skip


def print_narrow(screen: Console, row: Mapping[str, Any], ids: Mapping[str, str]) -> None:
    """A notification in two lines, or more if they are long."""
    id, rule, to, about, state, reason, decided, _ = columns(row, ids)
    standing = f"{state}: {reason}" if reason else state
    print_words(screen, Text(printable(str(standing))), f"{id}  ")
    print_words(screen, Text(printable(f"{decided}  {rule} to {to}, {about}")), "    ")


def whom(row: Mapping[str, Any], ids: Mapping[str, str]) -> str:
    """A room, a role with its learner, or which member of what."""
    recipient, learner = row["recipient"], ids.get(row["person"] or "")
    if recipient.startswith(ROOM):
        return f"room {recipient.removeprefix(ROOM)}"
    if recipient not in STEPS_UP:
        return f"{route_of(row['entry'])} {ids.get(recipient, '')}".rstrip()
    role = recipient.replace("_", " ")
    return f"{role} {'' if recipient == 'learner' else 'of '}{learner}" if learner else role
