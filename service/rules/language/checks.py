"""Check what needs more than one value of a file: names, places, times, what goes together.

A file is read as far as it goes, so that every mistake is told at once.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from service.learners.text_form import text_form
from service.rules.calendar import Window, longest_gap
from service.rules.conditions import Condition
from service.rules.contradiction import contradiction, then
from service.rules.fields import FIELDS
from service.rules.language.condition_reader import ConditionReader
from service.rules.language.entries import DigestShape, EntryKeys, ThrottleShape
from service.rules.language.errors import Report
from service.rules.language.known_names import KnownNames
from service.rules.language.model import ANY, DefaultsShape, FileShape, RuleShape
from service.rules.language.trigger_shapes import ChangeShape, Conditions
from service.rules.language.values import NAME_FORM, ROLES, WATCHERS
from service.rules.language.yaml_reader import Path
from service.rules.rule import GROUP, Rule
from service.rules.scope import Scope
from service.rules.text import format_duration, shown

NEVER_FIRES = "this rule can never fire"
WITHOUT_STEPS = ("source_silent_for", "channel_failing_for")
"""Triggers of which nobody is told again later; a second rule with a longer time does that."""
NEVER_CANCEL = ("course.", "instance.", "learner.", "letter.")
"""How events begin that are about no single enrolment."""


def check_intervals(file: FileShape, report: Report) -> None:
    """Report names of time intervals that are not possible, and stretches that end too early."""
    for name, stretches in (file.time_intervals or {}).items():
        path = ("time_intervals", name)
        if name == ANY:
            message = f"'{ANY}' is any hour of the week; give this part of it another name"
            report.error(path, message, key=True)
        elif not re.fullmatch(NAME_FORM, name):
            allowed = "letters, digits, '-' and '_', 63 at most"
            report.error(path, f"an interval's name takes {allowed}; got {shown(name)}", key=True)
        for stretch in stretches or ():
            if stretch and stretch.ends_early:
                message = "'until' must be later than 'from'; over midnight write two stretches"
                report.error(stretch.path_to("until"), message)


@dataclass(frozen=True)
class RuleChecks:
    """Check the rules of one file, whose `defaults` these are."""

    report: Report
    names: KnownNames
    defaults: DefaultsShape

    def run(self, rules: Iterable[RuleShape]) -> Conditions:
        """Check rules, and give the conditions that were read by their places."""
        known = list(rules)
        self._check_ids(known)
        self.names.check_window(self.defaults)
        read: dict[Path, tuple[Condition, ...]] = {}
        for rule in known:
            self._check_steps(rule)
            self._check_entries(rule)
            self._check_ways(rule)
            self._check_scope(rule)
            self.names.check_window(rule)
            for entry in rule.entries:
                self._check_times(entry, rule.scope)
            self._check_expiry(rule)
            self._read_conditions(rule, read)
        self.names.tell()
        return read

    def _check_ids(self, rules: list[RuleShape]) -> None:
        """Report every id that is used twice."""
        lines: dict[str, int] = {}
        for rule in rules:
            if not rule.has("id"):
                continue
            path = rule.path_to("id")
            if rule.id in lines:
                first = f"first at line {lines[rule.id]}"
                self.report.error(path, f"duplicate rule id {shown(rule.id)} ({first})")
            lines.setdefault(rule.id, self.report.line(path))

    def _check_steps(self, rule: RuleShape) -> None:
        key = next((k for k in WITHOUT_STEPS if rule.trigger and rule.trigger.says(k)), None)
        if rule.escalation and key:
            message = f"'escalation' does not go with '{key}'; take it out"
            self.report.refuse(rule.path_to("escalation"), message, key=True)

    def _check_entries(self, rule: RuleShape) -> None:
        lines: dict[tuple[Any, ...], int] = {}
        for entry in rule.entries:
            if not self.report.spoiled(entry.path):
                self._check_recipient(entry, rule.scope)
                self.names.check_entry(entry, joined=rule.joined(entry, self.defaults))
                self._check_twice(entry, lines)

    def _check_ways(self, rule: RuleShape) -> None:
        """Refuse to tell of a failing channel by that channel, and warn where that may happen."""
        if rule.trigger is None or not rule.trigger.says("channel_failing_for"):
            return
        watched = getattr(rule.trigger, "channel", None)
        self.names.check_watched(watched, rule.trigger.path_to("channel"))
        ways = [(entry.said(entry.way), entry.path_to(entry.way)) for entry in rule.entries]
        for _, path in (each for each in ways if watched and each[0] == watched):
            message = f"nobody hears by '{watched}' that it fails itself; name another channel"
            self.report.error(path, message)
        names = {name for name, _ in ways}
        if len(names) == 1 and not rule.trigger.says("channel") and None not in names:
            message = f"nobody hears of it when '{names.pop()}' itself fails; tell by another too"
            self.report.warning(ways[0][1], f"{message}, or name the 'channel' in the trigger")

    def _check_recipient(self, entry: EntryKeys, scope: Scope | None) -> None:
        to = entry.said("to")
        if scope is None or to is None:
            return
        self.report.doubt(entry.path_to("to"), GROUP)
        if to == WATCHERS and entry.says("digest"):
            message = "watchers are told at once and one time; take the digest out"
            self.report.error(entry.path_to("digest"), message, key=True)
        if to == WATCHERS and not scope.has_watchers:
            message = "'watchers' ask to be told of an instance; the trigger must be about one"
            self.report.error(entry.path_to("to"), f"{message}: 'change', or an 'instance' event")
        elif to in ROLES and not scope.has_learner:
            watchers = "'to: watchers', " if scope.has_watchers else ""
            possible = f"possible here: {watchers}'to: group:NAME', or 'post' to a room"
            message = f"{scope.title} is about no single learner; {possible}"
            self.report.error(entry.path_to("to"), message)

    def _check_twice(self, entry: EntryKeys, lines: dict[tuple[Any, ...], int]) -> None:
        """Refuse an entry that is there already; steps differ in when or whom they tell."""
        step = "escalation" in entry.path
        last = "after" if step else "template"
        whom, to = ("to", "via", "post"), text_form(entry.said("to") or "")
        if not all(entry.has(key) for key in (last, *filter(entry.says, whom))):
            return
        key = (step, to, *(entry.said(key) for key in (last, "via", "post")))
        if key in lines and step:
            message = f"'after' and whom it tells are those of line {lines[key]}; change one"
            self.report.error(entry.path, message)
        elif key in lines:
            message = f"this entry is there already (line {lines[key]}); take one out"
            self.report.error(entry.path, message)
        lines.setdefault(key, entry.line)

    def _check_scope(self, rule: RuleShape) -> None:
        """Check what only rules of some sorts can say."""
        scope = rule.scope
        if scope is None:
            return
        path = rule.path_to("cancel_on")
        if rule.cancel_on and not scope.has_enrollment:
            message = f"{scope.title} cannot be cancelled by events; take 'cancel_on' out"
            self.report.refuse(path, message, key=True)
        for index, event in enumerate(rule.cancel_on or ()):
            if event and event.startswith(NEVER_CANCEL):
                message = "only enrollment events cancel, e.g. enrollment.progressed"
                self.report.error((*path, index), f"{message}; got {shown(event)}")
        if rule.on_activate == "current" and not rule.trigger.says("stalled_for"):
            message = "'on_activate: current' goes with 'stalled_for' triggers only"
            self.report.error(rule.path_to("on_activate"), message)

    def _check_times(self, entry: EntryKeys, scope: Scope | None) -> None:
        """Check when an entry may leave, and how it is collected."""
        self.names.check_window(entry)
        if entry.says("digest") and entry.says("throttle"):
            message = "an entry has a digest or a throttle, not both; take one out"
            self.report.error(entry.path_to("throttle"), message, key=True)
        for part in (entry.digest, entry.throttle):
            if part and scope:
                self._check_grouping(part, scope)
        if entry.digest and entry.digest.every:
            self._check_digest(entry.digest)

    def _check_grouping(self, part: DigestShape | ThrottleShape, scope: Scope) -> None:
        for index, name in enumerate(part.group_by or ()):
            if name and not scope.reads(name):
                message = f"'{name}' is not known here; {scope.title} can read {scope.fields}"
                self.report.error(part.path_to("group_by", index), message)

    def _check_digest(self, digest: DigestShape) -> None:
        if digest.says("on") and digest.every == "hour":
            message = "'on' goes with 'every: day', 'week' or 'month'; take it out"
            self.report.error(digest.path_to("on"), message, key=True)
        elif digest.on and bool(digest.on.day) != (digest.every == "month"):
            days = "a day, e.g. 15" if digest.every == "month" else "weekdays, e.g. mon"
            message = f"with 'every: {digest.every}', 'on' is {days}"
            self.report.error(digest.path_to("on"), message)
        if digest.at is not None and digest.closes is None:
            form = 'a minute like ":30"' if digest.every == "hour" else "a time of day like 08:30"
            message = f"with 'every: {digest.every}', 'at' is {form}; got {shown(digest.at)}"
            self.report.error(digest.path_to("at"), message)

    def _check_expiry(self, rule: RuleShape) -> None:
        """Refuse windows that are closed for longer than messages live, where that is written."""
        own = rule.says("expires_after")
        lives = (rule if own else self.defaults).expires_after
        meant = {rule.path_to("expires_after"), ("defaults", "expires_after")} & self.report.meant
        if lives is None or meant:
            return
        used = [self._window_of(rule, entry) for entry in rule.entries]
        long = [(longest_gap(w), w.name, at) for w, at in used if w and longest_gap(w) > lives]
        for gap, name, at in [max(long)] if long and own else long:
            longest = format_duration(gap)
            message = f"messages expire after {format_duration(lives)}, and '{name}' is closed for"
            place = rule.path_to("expires_after") if own else at
            message = f"{message} {longest}; write 'expires_after: {longest}' or more"
            self.report.error(place, message)

    def _window_of(self, rule: RuleShape, entry: EntryKeys) -> tuple[Window | None, Path]:
        """Give the window in which an entry's messages leave, and where that is written."""
        for holder in (entry, rule, self.defaults):
            where = holder.path_to("send_window")
            if holder.says("send_window") or where in self.report.meant:
                windows = self.names.windows or {}
                return windows.get(holder.send_window or ANY), where
        return None, rule.path

    def _read_conditions(self, rule: RuleShape, read: dict[Path, tuple[Condition, ...]]) -> None:
        zone = self.defaults.timezone
        reader = ConditionReader(
            names=self.names,
            scope=rule.scope,
            zone=ZoneInfo(zone) if zone else UTC,
        )
        if rule.conditions is not None:
            where = rule.path_to("conditions")
            for index, item in enumerate(rule.conditions):
                read[(*where, index)] = reader.condition(item, (*where, index))
            terms = (read[(*where, index)] for index in range(len(rule.conditions)))
            read[where] = tuple(chain.from_iterable(terms))
        if isinstance(rule.trigger, ChangeShape) and rule.trigger.change:
            self._read_change(rule.trigger, reader, read)

    def check_possible(self, rule: RuleShape, compiled: Rule, read: Conditions) -> None:
        """Warn of a rule without mistakes that can never fire."""
        where = rule.path_to("conditions")
        terms = [read[(*where, index)] for index in range(len(rule.conditions))]
        implied = compiled.trigger.implied
        found = contradiction(implied, terms)
        if found is None:
            return
        if found.condition is None:
            message = f"{NEVER_FIRES}: no value goes from one of these ranges into the other"
            self.report.warning(rule.path_to("trigger"), message)
            return
        path = (*where, found.condition)
        if found.alone:
            why = "nothing passes this condition"
        elif found.other is not None:
            line = self.report.line((*where, found.other))
            why = f"this and the condition in line {line} are never true together"
        else:
            why = f"this is never so when {compiled.trigger.words()} sets it off"
            why += then(terms[found.condition], implied)
        self.report.warning(path, f"{NEVER_FIRES}: {why}")

    def _read_change(
        self,
        trigger: ChangeShape,
        reader: ConditionReader,
        read: dict[Path, tuple[Condition, ...]],
    ) -> None:
        reader.check_source(FIELDS[trigger.change], trigger.path_to("change"), key=False)
        written = trigger.written()
        for key, raw in written.items():
            where = trigger.path_to(key)
            read[where] = reader.value_test(trigger.change, raw, where)
        lacks = trigger.path_to("to")
        if "rearm" in written and "to" not in written and lacks not in self.report.meant:
            self.report.error(trigger.path_to("rearm"), "'rearm' needs a 'to'", key=True)
