"""The reader: the text of a rule file in, rules or every mistake in it out."""

from collections.abc import Collection, Mapping
from datetime import UTC, tzinfo
from typing import Any, get_args
from zoneinfo import ZoneInfo

from service.rules.fields import FIELDS, Sources
from service.rules.language.channels import NAME, read_channels
from service.rules.language.checks import References, check_texts
from service.rules.language.compile import Assembly, Read
from service.rules.language.conditions import Matchers
from service.rules.language.errors import read_shape
from service.rules.language.intervals import ANY, read_intervals
from service.rules.language.model import FileShape, Seats
from service.rules.language.report import Problem, Report
from service.rules.language.scope import scope_of
from service.rules.language.timing import Timing
from service.rules.language.values import zone
from service.rules.language.yaml_reader import Page, Path, read_page
from service.rules.rule import RuleSet

BYTES_MAX = 1024 * 1024
EVERY_SOURCE = Sources()


def read_rules(
    text: str | bytes,
    *,
    name: str = "rules.yaml",
    environ: Mapping[str, str],
    templates: Mapping[str, frozenset[str]] | None = None,
    of_many: Collection[tuple[str, str]] | None = None,
    sources: Sources = EVERY_SOURCE,
) -> tuple[RuleSet | None, list[Problem]]:
    """Read a rule file; with an error there is no rule set, with warnings alone there is.

    `environ` fills `${NAME}` in channels. `templates` are the forms (`email`, `chat`) that each
    template has by its name, and `of_many` those that tell of a digest's items, as template and
    form; None to skip such a check. `sources` say what they are called and
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
    intervals = read_intervals(_part(page.data, "time_intervals"), report)
    known = None if _unreadable("channels", page.data, report) else channels
    there = None if _unreadable("time_intervals", page.data, report) else intervals
    references = References(report, known, templates, of_many)
    defaults = _part(page.data, "defaults")
    timing = Timing(references, there, defaults if isinstance(defaults, dict) else {})
    read = _read_rules(page, timing, sources)
    if shape is None or report.failed:
        return None, report.problems()
    return Assembly(shape, page, read, intervals).rule_set(channels, decoded), report.problems()


def channels_named(text: bytes) -> list[str]:
    """Name the channels of a rule file, as far as it can be read."""
    return _names(text, "channels")


def intervals_named(text: bytes) -> list[str]:
    """Name the time intervals of a rule file, as far as it can be read."""
    return [name for name in _names(text, "time_intervals") if name != ANY]


def _names(text: bytes, key: str) -> list[str]:
    named = _part(read_page(text.decode(errors="replace")).data, key)
    return [name for name in named if NAME.fullmatch(name)] if isinstance(named, dict) else []


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


def _read_rules(page: Page, timing: Timing, sources: Sources) -> Read:
    """Check everything that shapes cannot say, also in rules whose shape is wrong."""
    references = timing.references
    rules = _part(page.data, "rules")
    rules = rules if isinstance(rules, list) else []
    references.check_ids(rules)
    timing.check_defaults()
    zone_of_file = _zone(page.data)
    read: Read = {}
    for index, rule in enumerate(rules):
        if isinstance(rule, dict):
            path = ("rules", index)
            scope = scope_of(rule.get("trigger"))
            references.check_rule(rule, path, scope)
            timing.check_rule(rule, path, scope)
            matchers = Matchers(references.report, scope, sources, zone_of_file)
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
