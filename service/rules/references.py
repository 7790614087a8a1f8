"""References: whether what a rule names is there, and goes with what triggers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.rules.channels import Channel, holds_password, holds_variable
from service.rules.positions import Path
from service.rules.problems import Report
from service.rules.scopes import Scope
from service.rules.words import hint, shown

LINES_NAMED = 3
NEVER_CANCEL = ("course.", "instance.", "learner.")
"""How events begin that are about no single enrolment."""

_PASSWORD = "a password is written into this file; only channels may hold one, as ${NAME}"
_VARIABLE = "${…} works under 'channels' only; write the value itself"


@dataclass(frozen=True)
class References:
    """What rules may name; `channels` or `templates` (forms by name) are None when not known.

    `unfit` are the places that name what is not there or does not fit, by what is told of it.
    """

    report: Report
    channels: Mapping[str, Channel] | None
    templates: Mapping[str, frozenset[str]] | None
    unfit: dict[str, list[Path]] = field(default_factory=dict)

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
        """Check the entries, `cancel_on` and `on_activate` of one rule."""
        entries = rule.get("notify")
        self._check_entries(entries if isinstance(entries, list) else [], (*path, "notify"), scope)
        if scope is None:
            return
        self._check_cancel(rule.get("cancel_on"), (*path, "cancel_on"), scope)
        trigger = rule.get("trigger")
        silence = isinstance(trigger, dict) and "stalled_for" in trigger
        if rule.get("on_activate") == "current" and not silence:
            message = "'on_activate: current' goes with 'stalled_for' triggers only"
            self.report.error((*path, "on_activate"), message)

    def tell_unfit(self) -> None:
        """Report what is not there or does not fit: once, where it is first, with other lines."""
        for message, (first, *more) in self.unfit.items():
            self.report.error(first, message + _also([self.report.line(path) for path in more]))

    def _check_entries(self, entries: list[Any], path: Path, scope: Scope | None) -> None:
        lines: dict[tuple[Any, ...], int] = {}
        for index, entry in enumerate(entries):
            place = (*path, index)
            if not isinstance(entry, dict) or self.report.spoiled(place):
                continue
            self._check_entry(entry, place, scope)
            key = tuple(entry.get(part) for part in ("to", "via", "post", "template"))
            if not all(isinstance(part, str | None) for part in key):
                continue
            if key in lines:
                message = f"this entry is there already (line {lines[key]}); take one out"
                self.report.error(place, message)
            lines.setdefault(key, self.report.line(place))

    def _check_entry(self, entry: dict[str, Any], path: Path, scope: Scope | None) -> None:
        to = entry.get("to")
        if scope and not scope.has_learner and to in ("learner", "manager"):
            possible = "possible here: 'to: group:NAME', or 'post' to a room"
            message = f"{scope.title} is about no single learner; {possible}"
            self.report.error((*path, "to"), message)
        for part in ("via", "post"):
            if isinstance(entry.get(part), str):
                self._check_channel(entry[part], (*path, part), personal=part == "via")
        if isinstance(entry.get("template"), str):
            form = "chat" if "post" in entry else "email"
            self._check_template(entry["template"], form, (*path, "template"))

    def _check_channel(self, name: str, path: Path, *, personal: bool) -> None:
        if self.channels is None:
            return
        channel = self.channels.get(name)
        if channel is None:
            near = hint(name, self.channels) or f"; there are: {', '.join(self.channels) or 'none'}"
            self._unfit(path, f"no channel {shown(name)}{near}")
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
            known = sorted(self.templates)
            near = hint(name, known) or f"; there are: {', '.join(known) or 'none'}"
            self._unfit(path, f"no template {shown(name)}{near}")
        elif form not in forms:
            expected = f"expected templates/{name}/{form}/body.txt"
            has = ", ".join(sorted(forms)) or "none"
            message = f"template {shown(name)} has no {form} version"
            self._unfit(path, f"{message}; {expected}; it has: {has}")

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
