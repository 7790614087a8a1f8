"""Know what a rule file may name, and report names that are not there or do not fit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from service.rules.conditions import FieldTest
from service.rules.fields import FIELDS, ITEM_GROUPS, ITEMS, OTHERS, Field, Sources
from service.rules.known_values import KnownValues
from service.rules.language.brand_keys import Beside
from service.rules.language.channels import ChannelUrl
from service.rules.language.entries import EntryKeys
from service.rules.language.errors import Report, Severity
from service.rules.language.model import ANY, BUNDLE, COLLAPSE, DefaultsShape, RuleShape, Windows
from service.rules.language.references import References
from service.rules.language.yaml_reader import Path
from service.rules.rule import GROUP
from service.rules.text import hint, shown, together

LINES_NAMED = 3
BODY = "body.txt"
EVERY_SOURCE = Sources()
HINTS_MAX = 100
PAIRS_MAX = 50_000
"""So many pairs of a missing name and one that is there are looked at for how like they are."""
NAMES_MAX = 50
UNCOMPARED = (
    "this was not compared with what there is: the file names too many values that nobody has, "
    "or there are too many; mend the others first"
)
"""Nobody reads more of them, and to look for a thousand takes a second."""


@dataclass(frozen=True)
class Installed:
    """Know what a rule file finds beside itself; None skips a check.

    `templates` are the forms (`email`, `chat`) that each template has by its name, and `reads`
    what each body of a template and form reads, by the name of its file. Fields that none of the
    configured `sources` fills are warned of, and values that are not among those `known`.
    `beside` reads a file that lies beside the rule file.
    """

    templates: Mapping[str, frozenset[str]] | None = None
    reads: Mapping[tuple[str, str], Mapping[str, frozenset[str]]] | None = None
    sources: Sources = EVERY_SOURCE
    known: KnownValues | None = None
    beside: Beside | None = None


@dataclass(frozen=True)
class KnownNames:
    """Know what rules may name; None is not known.

    `unfit` are the places that name what is not there or does not fit, by what is told of it;
    `missing` is what is told of each name that is not there.
    """

    report: Report
    channels: Mapping[str, ChannelUrl] | None
    windows: Windows | None
    installed: Installed
    unfit: dict[tuple[Severity, str], list[Path]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)

    def tell(self) -> None:
        """Report names that are not there or do not fit: once, at the first, with other lines."""
        for (severity, message), paths in self.unfit.items():
            first, *more = sorted(paths, key=self.report.line)
            also = _also([self.report.line(path) for path in more])
            self.report.error(first, message + also, severity=severity)

    def check_entry(self, entry: EntryKeys, *, joined: str) -> None:
        """Check whom an entry tells, its channel, and its template.

        `joined` is the key by which one message may tell of several things; empty for none.
        """
        channel, template = entry.said(entry.way), entry.said("template")
        to = entry.said("to") or ""
        if to.startswith(GROUP):
            test = FieldTest("learner.groups", "contains", to.removeprefix(GROUP))
            self.check_values(FIELDS[test.field], test, entry.path_to("to"))
        if channel is not None and self.channels is not None:
            self._check_channel(channel, self.channels, entry)
        if template is not None and self.installed.templates is not None:
            self._check_template(template, self.installed.templates, entry, joined=joined)

    def check_watched(self, channel: str | None, path: Path) -> None:
        """Check the channel that a trigger watches."""
        if channel and self.channels is not None and channel not in self.channels:
            self._lacks(path, channel, what="channel", known=self.channels)

    def check_column(self, field: Field, path: Path) -> None:
        """Warn of an extra column that no import brought."""
        message = self.references.lacks_column(field) if self.references else None
        if message:
            self.report.warning(path, message, key=True)

    def check_values(
        self, field: Field, test: FieldTest, path: Path, *, denied: bool = False
    ) -> None:
        """Warn of what a condition compares with and nobody has."""
        if self.references is None:
            return
        left = self.references.comparisons.left
        for stray in self.references.strays(field, test, denied=denied):
            place = path if stray.place is None else (*path, stray.place)
            self._unfit(place, stray.message, severity="warning")
        if self.references.comparisons.left < min(left, 0):
            self._unfit(path, UNCOMPARED, severity="warning")

    @cached_property
    def references(self) -> References | None:
        """Know what rules compare with, where there is an installation."""
        known = self.installed.known
        return References(known, self.installed.sources) if known else None

    def check_window(self, holder: EntryKeys | RuleShape | DefaultsShape) -> None:
        """Check the time interval that a part of the file names."""
        name, known = holder.send_window, self.windows
        if name and name != ANY and known is not None and name not in known:
            path = holder.path_to("send_window")
            self._lacks(path, name, what="time interval", known=[ANY, *known])

    def _check_channel(
        self, name: str, channels: Mapping[str, ChannelUrl], entry: EntryKeys
    ) -> None:
        path, personal = entry.path_to(entry.way), entry.way == "via"
        channel = channels.get(name)
        if channel is None:
            self._lacks(path, name, what="channel", known=channels)
        elif personal and not channel.personal:
            message = f"channel {shown(name)} has no address for one person"
            self._unfit(path, f"{message}; name a mail channel, or write 'post' and no 'to'")
        elif not personal and channel.mail:
            message = "a room cannot be a mail channel; name a chat channel"
            self._unfit(path, f"{message}, or write 'to' and 'via'")

    def _check_template(
        self,
        name: str,
        templates: Mapping[str, frozenset[str]],
        entry: EntryKeys,
        joined: str,
    ) -> None:
        path, form, forms = entry.path_to("template"), entry.form, templates.get(name)
        if forms is None:
            self._lacks(path, name, what="template", known=sorted(templates))
        elif form not in forms:
            expected = f"expected templates/{name}/{form}/body.txt"
            has = ", ".join(sorted(forms)) or "none"
            message = f"template {shown(name)} has no {form} version"
            self._unfit(path, f"{message}; {expected}; it has: {has}")
        elif self.installed.reads is not None:
            self._check_words(entry, self.installed.reads[name, form], joined)

    def _check_words(
        self, entry: EntryKeys, reads: Mapping[str, frozenset[str]], joined: str
    ) -> None:
        """Check that the words tell of what the entry brings: many things, or one and others."""
        path, template = entry.path_to("template"), f"template {shown(entry.said('template'))}"
        one = [file for file, read in reads.items() if ITEMS not in read]
        alone = [file for file in one if OTHERS not in reads[file]]
        if entry.says("digest") and BODY in one:
            message = f"{template} tells of one thing, and a digest of many; name one whose"
            self._unfit(path, f"{message} {entry.form}/{BODY} goes through 'items'")
        elif entry.says("digest") and one:
            message = f"{template} leaves out what the digest tells of in {together(one)}"
            self.report.warning(path, f"{message}; go through 'items' there too")
        elif not entry.says("digest") and any(map(_lists_only, reads.values())):
            message = f"{template} goes through the 'items' of a digest, and here is"
            self.report.warning(path, f"{message} none; add a 'digest', or name another template")
        elif joined == BUNDLE and one:
            message = f"{template} tells of one thing, and 'bundle' makes one message of several"
            how = f"each is told in words of its own there; go through 'items' in {together(one)}"
            self.report.warning(path, f"{message}: {how}")
        elif joined == COLLAPSE and alone:
            message = f"{template} tells of one course, and 'collapse' makes one message of several"
            self.report.warning(path, f"{message}; name the 'others' in {together(alone)}")

    def _lacks(self, path: Path, name: str, *, what: str, known: Iterable[str]) -> None:
        """Note a name that is not there; the nearest one of those known is proposed."""
        if (what, name) not in self.missing:
            names = list(known)
            few = len(self.missing) < min(HINTS_MAX, PAIRS_MAX // max(1, len(names)))
            near = hint(name, names) if few else ""
            more = f" and {len(names) - NAMES_MAX:,} more" if len(names) > NAMES_MAX else ""
            near = near or f"; there are: {', '.join(names[:NAMES_MAX]) or 'none'}{more}"
            self.missing[what, name] = f"no {what} {shown(name)}{near}"
        self._unfit(path, self.missing[what, name])

    def _unfit(self, path: Path, message: str, severity: Severity = "error") -> None:
        if not self.report.spoiled(path):
            self.unfit.setdefault((severity, message), []).append(path)


def _lists_only(read: frozenset[str]) -> bool:
    """Tell whether words go through many things and say nothing of one alone."""
    return ITEMS in read and not read.intersection(ITEM_GROUPS)


def _also(lines: list[int]) -> str:
    """Say where else, three lines at most."""
    if not lines:
        return ""
    more = f" and {len(lines) - LINES_NAMED} more" if len(lines) > LINES_NAMED else ""
    named = ", ".join(map(str, lines[:LINES_NAMED]))
    return f" (also at line{'s' * (len(lines) > 1)} {named}{more})"
