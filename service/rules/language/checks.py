"""References: whether what a rule names is there, and goes with what triggers it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.rules.calendar import milliseconds
from service.rules.language.channels import Channel, holds_password, holds_variable
from service.rules.language.report import Report
from service.rules.language.values import ROLES, WATCHERS
from service.rules.language.yaml_reader import Path
from service.rules.scope import Scope
from service.rules.text import hint, shown

LINES_NAMED = 3
HINTS_MAX = 100
"""Nobody reads more of them, and to look for a thousand takes a second."""
ENTRIES = ("notify", "escalation")
NEVER_CANCEL = ("course.", "instance.", "learner.", "letter.")
"""How events begin that are about no single enrolment."""

_PASSWORD = "a password is written into this file; only channels may hold one, as ${NAME}"
_VARIABLE = "${…} works under 'channels' only; write the value itself"


@dataclass(frozen=True)
class References:
    """What rules may name; `channels` or `templates` (forms by name) are None when not known, as is
    `of_many`, the templates and forms that tell of a digest's items.

    `unfit` are the places that name what is not there or does not fit, by what is told of it;
    `missing` is what is told of each name that is not there.
    """

    report: Report
    channels: Mapping[str, Channel] | None
    templates: Mapping[str, frozenset[str]] | None
    of_many: Collection[tuple[str, str]] | None = None
    unfit: dict[str, list[Path]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)

    def check_ids(self, rules: list[Any]) -> None:
        """Report every id that is used twice."""
        lines: dict[str, int] = {}
        for index, rule in enumerate(rules):
            rule_id = rule.get("id") if isinstance(rule, dict) else None
            if not isinstance(rule_id, str):
                continue
            path = ("rules", index, "id")
            if rule_id in lines:
                first = f"first at line {lines[rule_id]}"
                self.report.error(path, f"duplicate rule id {shown(rule_id)} ({first})")
            lines.setdefault(rule_id, self.report.line(path))

    def check_rule(self, rule: dict[str, Any], path: Path, scope: Scope | None) -> None:
        """Check the entries, `escalation`, `cancel_on` and `on_activate` of one rule."""
        trigger = rule.get("trigger")
        trigger = trigger if isinstance(trigger, dict) else {}
        steps = rule.get("escalation")
        if isinstance(steps, list) and steps and "source_silent_for" in trigger:
            message = "'escalation' does not go with 'source_silent_for'; take it out"
            self.report.error((*path, "escalation"), message, key=True)
            self.report.spoil((*path, "escalation"))
        lines: dict[tuple[Any, ...], int] = {}
        for place, entry in entries_of(rule, path):
            if not self.report.spoiled(place):
                self._check_entry(entry, place, scope)
                self._check_twice(entry, place, lines)
        if scope is None:
            return
        self._check_cancel(rule.get("cancel_on"), (*path, "cancel_on"), scope)
        if rule.get("on_activate") == "current" and "stalled_for" not in trigger:
            message = "'on_activate: current' goes with 'stalled_for' triggers only"
            self.report.error((*path, "on_activate"), message)

    def tell_unfit(self) -> None:
        """Report what is not there or does not fit: once, where it is first, with other lines."""
        for message, paths in self.unfit.items():
            first, *more = sorted(paths, key=self.report.line)
            self.report.error(first, message + _also([self.report.line(path) for path in more]))

    def lacks(self, path: Path, what: str, name: str, known: Iterable[str]) -> None:
        """Note a name that is not there; the nearest one of those known is proposed."""
        if (what, name) not in self.missing:
            names = list(known)
            near = hint(name, names) if len(self.missing) < HINTS_MAX else ""
            near = near or f"; there are: {', '.join(names) or 'none'}"
            self.missing[what, name] = f"no {what} {shown(name)}{near}"
        self._unfit(path, self.missing[what, name])

    def _check_twice(
        self, entry: dict[str, Any], path: Path, lines: dict[tuple[Any, ...], int]
    ) -> None:
        """Refuse an entry that is there already; steps differ in when or whom they tell."""
        step = "escalation" in path
        last = entry.get("after" if step else "template")
        last = milliseconds(last) if step and isinstance(last, str) else last
        key = (step, last, *(entry.get(part) for part in ("to", "via", "post")))
        if last is None or not all(isinstance(part, str | int | None) for part in key):
            return
        if key in lines and step:
            message = f"'after' and whom it tells are those of line {lines[key]}; change one"
            self.report.error(path, message)
        elif key in lines:
            message = f"this entry is there already (line {lines[key]}); take one out"
            self.report.error(path, message)
        lines.setdefault(key, self.report.line(path))

    def _check_entry(self, entry: dict[str, Any], path: Path, scope: Scope | None) -> None:
        to = entry.get("to")
        if scope and isinstance(to, str):
            self._check_recipient(to, "digest" in entry, path, scope)
        for part in ("via", "post"):
            if isinstance(entry.get(part), str):
                self._check_channel(entry[part], (*path, part), personal=part == "via")
        if isinstance(entry.get("template"), str):
            form = "chat" if "post" in entry else "email"
            self._check_template(entry["template"], form, (*path, "template"))
            self._check_items(entry, form, (*path, "template"))

    def _check_recipient(self, to: str, collects: bool, path: Path, scope: Scope) -> None:
        if to == WATCHERS and collects:
            message = "watchers are told at once and one time; take the digest out"
            self.report.error((*path, "digest"), message, key=True)
        if to == WATCHERS and not scope.has_watchers:
            message = "'watchers' ask to be told of an instance; the trigger must be about one"
            self.report.error((*path, "to"), f"{message}: 'change', or an 'instance' event")
        elif to in ROLES and not scope.has_learner:
            watchers = "'to: watchers', " if scope.has_watchers else ""
            possible = f"possible here: {watchers}'to: group:NAME', or 'post' to a room"
            message = f"{scope.title} is about no single learner; {possible}"
            self.report.error((*path, "to"), message)

    def _check_channel(self, name: str, path: Path, *, personal: bool) -> None:
        if self.channels is None:
            return
        channel = self.channels.get(name)
        if channel is None:
            self.lacks(path, "channel", name, self.channels)
        elif personal and not channel.personal:
            message = f"channel {shown(name)} has no address for one person"
            self._unfit(path, f"{message}; name a mail channel, or write 'post' and no 'to'")
        elif not personal and channel.mail:
            message = "a room cannot be a mail channel; name a chat channel"
            self._unfit(path, f"{message}, or write 'to' and 'via'")

    def _check_template(self, name: str, form: str, path: Path) -> None:
        if self.templates is None:
            return
        forms = self.templates.get(name)
        if forms is None:
            self.lacks(path, "template", name, sorted(self.templates))
        elif form not in forms:
            expected = f"expected templates/{name}/{form}/body.txt"
            has = ", ".join(sorted(forms)) or "none"
            message = f"template {shown(name)} has no {form} version"
            self._unfit(path, f"{message}; {expected}; it has: {has}")

    def _check_items(self, entry: dict[str, Any], form: str, path: Path) -> None:
        """A digest tells of many things, and needs words for many; other words tell of one."""
        name, of_many = entry["template"], self.of_many
        if of_many is None or form not in (self.templates or {}).get(name, ()):
            return
        if "digest" in entry and (name, form) not in of_many:
            message = f"template {shown(name)} tells of one thing, and a digest of many"
            self._unfit(path, f"{message}; name one whose {form}/body.txt goes through 'items'")
        elif "digest" not in entry and (name, form) in of_many:
            message = f"template {shown(name)} goes through the 'items' of a digest, and here is"
            self.report.warning(path, f"{message} none; add a 'digest', or name another template")

    def _unfit(self, path: Path, message: str) -> None:
        if not self.report.spoiled(path):
            self.unfit.setdefault(message, []).append(path)

    def _check_cancel(self, events: Any, path: Path, scope: Scope) -> None:
        if not isinstance(events, list) or not events:
            return
        if not scope.has_enrollment:
            message = f"{scope.title} cannot be cancelled by events; take 'cancel_on' out"
            self.report.error(path, message, key=True)
            self.report.spoil(path)
        for index, event in enumerate(events):
            if isinstance(event, str) and event.startswith(NEVER_CANCEL):
                message = "only enrollment events cancel, e.g. enrollment.progressed"
                self.report.error((*path, index), f"{message}; got {shown(event)}")


def entries_of(rule: dict[str, Any], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Everything in a rule, as written, that looks like an entry or a step, with its place."""
    for key in ENTRIES:
        entries = rule.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                yield (*path, key, index), entry


def _also(lines: list[int]) -> str:
    """Say where else, three lines at most."""
    if not lines:
        return ""
    more = f" and {len(lines) - LINES_NAMED} more" if len(lines) > LINES_NAMED else ""
    named = ", ".join(map(str, lines[:LINES_NAMED]))
    return f" (also at line{'s' * (len(lines) > 1)} {named}{more})"


def check_texts(report: Report) -> None:
    """Report values left out, and `${…}` and passwords where they do not belong."""
    waiting: list[tuple[Path, Any]] = [((), report.page.data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*path, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(value))
        elif problem := _bad_text(value, path):
            report.error(path, problem)
            report.spoil(path)


def _bad_text(value: str | None, path: Path) -> str | None:
    if value is None:
        what = shown(path[-1]) if isinstance(path[-1], str) else "this item"
        return f"{what} has no value; write one, or take the line out"
    if path[:1] == ("channels",):
        return None
    if holds_variable(value):
        return _VARIABLE
    return _PASSWORD if holds_password(value) else None
