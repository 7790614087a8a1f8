"""Run `coursebell try`: what a rule would do with a letter; nothing is recorded or sent."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import rich_click as click
from rich.console import Console
from rich.text import Text

from service.app.active_rules import Refused
from service.cli.options.rule_files import RuleFiles, rule_file_options
from service.cli.options.scope_options import SOURCE
from service.cli.output.console import (
    BAD,
    data_option,
    fail,
    fail_with,
    installation,
    page_wide,
    printable,
)
from service.cli.output.text import in_local_time, moment, print_message, print_words
from service.ledger.location import LedgerLocation
from service.rules.explain.steps_in_words import reason_in_words
from service.rules.language.values import WATCHERS
from service.rules.notification import (
    SENT,
    WAITING_ADDRESS,
    Deferred,
    Notification,
    first_reason,
)
from service.rules.rule import Entry, Rule, RuleSet
from service.rules.text import format_duration, hint, listed
from service.running import wall_clock
from service.settings import Settings
from service.simulation.recorder import Judged
from service.simulation.sandbox import read_rules_and_templates
from service.simulation.trial import Trial, TriedLetter, trial_of
from service.simulation.words import UNCHANGED, recipient_name

OTHER_THAN_EVENTS = {
    "stalled_for": "silence",
    "source_silent_for": "silence",
    "channel_failing_for": "channels that fail",
    "letter": "letters that cannot be used",
}
"""Kinds of triggers that no event of a letter can be, and what they are."""
NAME_WIDTH = 20
NO_MEMBERS = "nobody: the group has no members here"


@click.command("try")
@click.argument("rule_id", metavar="RULE")
@click.option(
    "--event",
    "file",
    required=True,
    type=click.File("rb"),
    help="A letter as the LMS posts it; - is standard input.",
)
@click.option(
    "--source",
    type=SOURCE,
    default="adobe",
    show_default=True,
    help="The LMS that it is from.",
)
@rule_file_options
@data_option
def try_rule(
    rule_id: str, file: BinaryIO, source: str, given: RuleFiles, data: Path | None
) -> None:
    """Try what RULE would do with a letter; nothing is recorded or sent.

    It is tried in an empty installation, at the time of its newest event. With --data the
    people, courses and enrollments of that folder are known, and the folder is only read.
    Exits with 0 when somebody would be told, with 1 when nobody.
    """
    chosen = given.settings(data)
    copied = installation(data) if data else None
    rule = found(chosen, rule_id)
    letter = TriedLetter(rule, source, file.read(), clock=wall_clock())
    screen = page_wide()
    with trial_of(letter, chosen, copied) as trial:
        head(screen, trial, chosen, copied=copied)
        events(screen, trial)
        told = decisions(screen, trial)
    raise SystemExit(0 if told else BAD)


def found(chosen: Settings, rule_id: str) -> Rule:
    """Find the rule, if there is one that an event can trigger."""
    try:
        rules = read_rules_and_templates(chosen).decider.rules
    except Refused as refused:
        fail_with(str(refused).splitlines())
    rule = named(rules, rule_id, chosen)
    other = OTHER_THAN_EVENTS.get(rule.trigger.kind)
    if other:
        fail(
            f"{chosen.rules}:{rule.line}: rule '{rule_id}' is triggered by {other} and cannot be "
            f"tried with an event; `coursebell preview {rule.notify[0].template}` shows its words"
        )
    return rule


def named(rules: RuleSet, rule_id: str, chosen: Settings) -> Rule:
    """Find the rule with this id."""
    by_id = {rule.id: rule for rule in rules.rules}
    if rule_id not in by_id:
        known = f"; there are {listed(by_id)}"
        fail(f"{chosen.rules}: no rule '{rule_id}'{hint(rule_id, by_id) or known}")
    return by_id[rule_id]


def head(screen: Console, trial: Trial, chosen: Settings, *, copied: LedgerLocation | None) -> None:
    """Say what is tried, on what."""
    rule = trial.rule
    screen.print(Text.assemble(("Rule ", "dim"), (rule.id, "bold")))
    place = f"{chosen.rules}:{rule.line}"
    print_words(screen, Text(f"triggered by {rule.trigger.words()}; {place}"), "  ")
    if rule.mode != "live":
        print_words(screen, Text(f"tried as if live; in the file it is {rule.mode}"), "  ")
    known = (
        f"with what {copied.in_words} knows"
        if copied
        else "where nothing else is known (see --data)"
    )
    print_words(screen, Text(f"at {moment(trial.now)}, {known}"), "  ")


def events(screen: Console, trial: Trial) -> None:
    """Print what each event of the letter became."""
    title(screen, "The letter")
    for item, event in enumerate(trial.events):
        words = became(event, trial.transitions.get(item, ()))
        name = printable(event["name"] or "?")
        print_words(screen, Text(words), f"{item + 1:>3}  {name:<{NAME_WIDTH}}  ")
    if not trial.events:
        print_words(screen, Text("it says nothing"), "  ")


def became(event: Mapping[str, Any], transitions: Iterable[str]) -> str:
    """Say what one event became, as rules name it."""
    state, reason = event["state"], printable(event["reason"])
    if state == "recorded":
        return ", ".join(transitions) or "recorded; it triggers no rule"
    return UNCHANGED.get(state) or f"{state.replace('_', ' ')}: {reason}"


def decisions(screen: Console, trial: Trial) -> bool:
    """Print how the rule judged each event; tells whether it leads to a message."""
    told = False
    for judged in trial.judged:
        title(screen, f"Event {trial.item_of(judged) + 1}")
        if judged.missed is not None:
            print_words(screen, Text(in_local_time(f"not triggered: {judged.missed}")), "  ")
            continue
        if conditions(screen, judged):
            told |= messages(screen, trial, judged)
    if not trial.judged:
        title(screen, "Not triggered")
        print_words(screen, Text(untouched(trial)), "  ")
    title(screen, "Somebody would be told" if told else "Nobody would be told")
    return told


def untouched(trial: Trial) -> str:
    """Say why the rule did not even look at the letter."""
    if trial.rule.trigger.kind == "change":
        return (
            "no report of seats differs from the one before it; put the one before into the "
            "letter too, or look at an installation that has it with --data"
        )
    return f"nothing in the letter is {trial.rule.trigger.words()}"


def conditions(screen: Console, judged: Judged) -> bool:
    """Print each condition with the value it had; tells whether all of them hold."""
    count = len(judged.terms)
    print_words(screen, Text("triggered" + ("; it has no conditions" if not count else "")), "  ")
    for term in judged.terms:
        mark = Text("yes" if term.holds else "no ", "green" if term.holds else "red")
        words = Text.assemble(printable(in_local_time(term.words)), (f"  line {term.line}", "dim"))
        print_words(screen, Text.assemble(mark, "  ", "  " * term.depth, words), "  ")
    holds = all(term.holds for term in judged.terms if term.depth == 0)
    if not holds:
        print_words(screen, Text("the conditions do not hold"), "  ")
    return holds


def messages(screen: Console, trial: Trial, judged: Judged) -> bool:
    """Print what each entry would send, to each recipient; tells whether anything."""
    told = False
    for entry in trial.rule.notify:
        screen.print()
        print_words(screen, Text(f"{route(entry)}, template {entry.template}", "bold"), "  ")
        ids = [id for id, owed in judged.owed.items() if owed.entry == entry.key]
        for notification in trial.sandbox.app.notification_streams.notifications(ids):
            told |= message(screen, trial, notification)
        if not ids:
            nobody = "nobody has asked to be told" if entry.to == WATCHERS else NO_MEMBERS
            print_words(screen, Text(nobody), "    ")
    for step in trial.rule.escalation:
        screen.print()
        words = f"{format_duration(step.after_ms)} later, if it still holds, {route(step)}"
        print_words(screen, Text(f"{words}, template {step.template}"), "  ")
    return told


def route(entry: Entry) -> str:
    """Say whom an entry tells, and how."""
    return f"post to {entry.post}" if entry.post else f"to {entry.to} via {entry.via}"


def message(screen: Console, trial: Trial, notification: Notification) -> bool:
    """Print one message as it would leave, or why it would not; tells which."""
    whom = recipient_name(trial.sandbox.app.people, notification.owed)
    for at, reason in waits(trial, notification):
        print_words(screen, Text(f"{printable(whom)}: not before {moment(at)} ({reason})"), "    ")
    if notification.owed.digest and notification.into:
        (notification,) = trial.sandbox.app.notification_streams.notifications([notification.into])
        return message(screen, trial, notification)
    if notification.state != SENT:
        print_words(screen, Text(f"{printable(whom)}: {why_not(trial, notification)}"), "    ")
        return notification.into is not None
    mail = trial.sandbox.message(notification.id, whom)
    named = mail.address and mail.to != mail.address
    to = f"{mail.to} <{mail.address}>" if named else mail.to
    print_words(screen, Text(printable(to)), "    To: ")
    print_message(screen, mail.subject, mail.text, "    ")
    return True


def waits(trial: Trial, notification: Notification) -> Iterator[tuple[int, str]]:
    """Give until when a notification waits, and for what."""
    owed = notification.owed
    if owed.due_at > owed.decided_at:
        yield owed.due_at, first_reason(owed) or ""
    for body in trial.sandbox.app.store.stream(notification.id):
        if isinstance(body, Deferred):
            yield body.until, body.reason


def why_not(trial: Trial, notification: Notification) -> str:
    """Say why a message would not leave, or not by itself."""
    if notification.state == WAITING_ADDRESS:
        return "not told; no address is known, and it would wait for one"
    if notification.into:
        ours = any(notification.into in judged.owed for judged in trial.judged)
        of = "of another event of this letter" if ours else "that waits for an earlier event"
        return f"told by the message {of}"
    kept = trial.sandbox.app.ledger.erasable(notification.id)
    reply = kept.get(f"reply/{notification.version}") or notification.reason or ""
    return f"not told; {printable(reason_in_words(reply))}"


def title(screen: Console, words: str) -> None:
    """Print a heading."""
    screen.print()
    screen.print(Text(words, "bold"))
