"""The reader: the text of a rule file in, rules or every mistake in it out."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, get_args
from zoneinfo import ZoneInfo

from service.rules.channels import NAME, Channel, read_channels
from service.rules.conditions import Condition
from service.rules.fields import FIELDS, Sources
from service.rules.forms import zone
from service.rules.language import (
    ChangeTrigger,
    Defaults,
    Entry,
    EventTrigger,
    Rule,
    RuleSet,
    SourceSilentTrigger,
    StalledTrigger,
    Trigger,
    ValueTest,
)
from service.rules.matchers import Matchers
from service.rules.mistakes import read_shape
from service.rules.positions import Page, Path, read_page
from service.rules.problems import Problem, Report
from service.rules.references import References, check_texts
from service.rules.scopes import scope_of
from service.rules.shapes import (
    ChangeShape,
    EventShape,
    FileShape,
    PersonShape,
    RuleShape,
    Seats,
    SourceSilentShape,
)

BYTES_MAX = 1024 * 1024
EVERY_SOURCE = Sources()

Read = dict[Path, tuple[Condition, ...]]
"""Conditions by the place where they stand: of a rule, or of `from`, `to`, `rearm`."""


def read_rules(
    text: str | bytes,
    *,
    name: str = "rules.yaml",
    environ: Mapping[str, str],
    templates: Mapping[str, frozenset[str]] | None = None,
    sources: Sources = EVERY_SOURCE,
) -> tuple[RuleSet | None, list[Problem]]:
    """Read a rule file; with an error there is no rule set, with warnings alone there is.

    `environ` fills `${NAME}` in channels. `templates` are the forms (`email`, `chat`) that each
    template has by its name, None to skip that check. `sources` say what they are called and
    fill; fields that no configured one fills are warned of.
    """
    decoded, refused = _decoded(text, name)
    if decoded is None:
        return None, refused
    page = read_page(decoded.removeprefix("\ufeff"))
    report = Report(name, page)
    if page.data is None:
        if not page.mistakes:
            report.error((), "the file is empty; begin it with 'version: 1'")
        return None, report.problems()
    check_texts(report)
    shape = read_shape(page.data, report)
    channels = read_channels(_part(page.data, "channels"), environ, report)
    known = None if _unreadable("channels", page.data, report) else channels
    references = References(report, known, templates)
    read = _read_rules(page, report, references, sources)
    if shape is None or report.failed:
        return None, report.problems()
    return _rule_set(shape, page, read, channels, decoded), report.problems()


def channels_named(text: bytes) -> list[str]:
    """Name the channels of a rule file, as far as it can be read."""
    channels = _part(read_page(text.decode(errors="replace")).data, "channels")
    return [name for name in channels if NAME.fullmatch(name)] if isinstance(channels, dict) else []


def _decoded(text: str | bytes, name: str) -> tuple[str | None, list[Problem]]:
    try:
        data = text.encode() if isinstance(text, str) else text
        decoded = data.decode()
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        line, column = _end(error)
        return None, [Problem(name, line, column, "this is not UTF-8; save the file as UTF-8 text")]
    if len(data) > BYTES_MAX:
        return None, [Problem(name, 1, 1, "the file is larger than 1 MiB; take rules out")]
    return decoded, []


def _end(error: UnicodeEncodeError | UnicodeDecodeError) -> tuple[int, int]:
    before = error.object[: error.start]
    text = before if isinstance(before, str) else before.decode()
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _part(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _unreadable(key: str, data: Any, report: Report) -> bool:
    """Tell whether a mapping is there, but misspelt, under another name, or not a mapping."""
    if not isinstance(data, dict) or key in data:
        return not isinstance(_part(data, key), dict)
    return (key,) in report.meant or bool(data.keys() - FileShape.model_fields.keys())


def _read_rules(page: Page, report: Report, references: References, sources: Sources) -> Read:
    """Check everything that shapes cannot say, also in rules whose shape is wrong."""
    rules = _part(page.data, "rules")
    rules = rules if isinstance(rules, list) else []
    references.check_ids(rules)
    zone_of_file = _zone(page.data)
    read: Read = {}
    for index, rule in enumerate(rules):
        if isinstance(rule, dict):
            path = ("rules", index)
            scope = scope_of(rule.get("trigger"))
            references.check_rule(rule, path, scope)
            matchers = Matchers(report, scope, sources, zone_of_file)
            _read_conditions(rule, path, matchers, read)
    references.tell_unfit()
    return read


def _read_conditions(rule: dict[str, Any], path: Path, matchers: Matchers, read: Read) -> None:
    conditions = rule.get("conditions")
    if isinstance(conditions, list):
        where = (*path, "conditions")
        read[where] = matchers.conditions(conditions, where)
    trigger = rule.get("trigger")
    field = _part(trigger, "change")
    if not isinstance(trigger, dict) or field not in get_args(Seats):
        return
    where = (*path, "trigger", "change")
    matchers.check_source(FIELDS[field], where, key=False)
    for key in ("from", "to", "rearm"):
        if key in trigger:
            where = (*path, "trigger", key)
            read[where] = matchers.value_test(field, trigger[key], where)
    meant = (*path, "trigger", "to") in matchers.report.meant
    if "rearm" in trigger and "to" not in trigger and not meant:
        matchers.report.error((*path, "trigger", "rearm"), "'rearm' needs a 'to'", key=True)


def _zone(data: Any) -> tzinfo:
    name = _part(_part(data, "defaults"), "timezone")
    try:
        return ZoneInfo(zone(name)) if name else UTC
    except ValueError:
        return UTC


def _rule_set(
    shape: FileShape, page: Page, read: Read, channels: dict[str, Channel], text: str
) -> RuleSet:
    defaults = Defaults(shape.defaults.timezone, shape.defaults.expires_after)
    return RuleSet(
        rules=tuple(
            _rule(rule, ("rules", index), page, read, defaults)
            for index, rule in enumerate(shape.rules)
        ),
        channels={name: channel.url or "" for name, channel in channels.items()},
        defaults=defaults,
        text=text,
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
    )


def _rule(shape: RuleShape, path: Path, page: Page, read: Read, defaults: Defaults) -> Rule:
    return Rule(
        id=shape.id,
        description=shape.description,
        mode=shape.mode,
        trigger=_trigger(shape, path, read),
        conditions=read.get((*path, "conditions"), ()),
        collapse_ms=shape.collapse,
        notify=tuple(_entry(entry) for entry in shape.notify),
        escalation=(),
        cancel_on=tuple(shape.cancel_on),
        on_activate=shape.on_activate,
        expires_after_ms=shape.expires_after or defaults.expires_after_ms,
        line=page.values[path][0],
    )


def _trigger(shape: RuleShape, path: Path, read: Read) -> Trigger:
    trigger = shape.trigger
    if isinstance(trigger, EventShape):
        return EventTrigger(trigger.event)
    if isinstance(trigger, SourceSilentShape):
        return SourceSilentTrigger(trigger.source_silent_for)
    if not isinstance(trigger, ChangeShape):
        return StalledTrigger(trigger.stalled_for, trigger.count_from)

    def test(key: str) -> ValueTest | None:
        where = (*path, "trigger", key)
        return ValueTest(read[where]) if where in read else None

    return ChangeTrigger(trigger.change, test("from"), test("to"), test("rearm"))


def _entry(shape: Any) -> Entry:
    if isinstance(shape, PersonShape):
        return Entry(shape.to, shape.via, None, shape.template)
    return Entry(None, None, shape.post, shape.template)
