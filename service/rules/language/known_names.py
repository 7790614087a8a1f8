"""Know what a rule file may name, and report names that are not there or do not fit."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from service.rules.fields import Sources
from service.rules.language.channels import ChannelUrl
from service.rules.language.entries import EntryKeys
from service.rules.language.errors import Report
from service.rules.language.model import ANY, DefaultsShape, RuleShape, Windows
from service.rules.language.yaml_reader import Path
from service.rules.text import hint, shown

LINES_NAMED = 3
EVERY_SOURCE = Sources()
HINTS_MAX = 100
"""Nobody reads more of them, and to look for a thousand takes a second."""


@dataclass(frozen=True)
class Installed:
    """Know what a rule file finds beside itself; None skips a check.

    `templates` are the forms (`email`, `chat`) that each template has by its name, and `of_many`
    those that tell of a digest's items, as template and form. Fields that none of the configured
    `sources` fills are warned of.
    """

    templates: Mapping[str, frozenset[str]] | None = None
    of_many: Collection[tuple[str, str]] | None = None
    sources: Sources = EVERY_SOURCE


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
    unfit: dict[str, list[Path]] = field(default_factory=dict)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)

    def tell(self) -> None:
        """Report names that are not there or do not fit: once, at the first, with other lines."""
        for message, paths in self.unfit.items():
            first, *more = sorted(paths, key=self.report.line)
            self.report.error(first, message + _also([self.report.line(path) for path in more]))

    def check_entry(self, entry: EntryKeys) -> None:
        """Check the channel and the template of an entry."""
        channel, template = entry.said(entry.way), entry.said("template")
        if channel is not None and self.channels is not None:
            self._check_channel(channel, self.channels, entry)
        if template is not None and self.installed.templates is not None:
            self._check_template(template, self.installed.templates, entry)

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
        self, name: str, templates: Mapping[str, frozenset[str]], entry: EntryKeys
    ) -> None:
        path, form, forms = entry.path_to("template"), entry.form, templates.get(name)
        if forms is None:
            self._lacks(path, name, what="template", known=sorted(templates))
        elif form not in forms:
            expected = f"expected templates/{name}/{form}/body.txt"
            has = ", ".join(sorted(forms)) or "none"
            message = f"template {shown(name)} has no {form} version"
            self._unfit(path, f"{message}; {expected}; it has: {has}")
        elif self.installed.of_many is not None:
            self._check_items(name, entry, (name, form) in self.installed.of_many)

    def _check_items(self, name: str, entry: EntryKeys, of_many: bool) -> None:
        """Check that a digest has words for many things, and no other entry has."""
        path, form = entry.path_to("template"), entry.form
        if entry.says("digest") and not of_many:
            message = f"template {shown(name)} tells of one thing, and a digest of many"
            self._unfit(path, f"{message}; name one whose {form}/body.txt goes through 'items'")
        elif not entry.says("digest") and of_many:
            message = f"template {shown(name)} goes through the 'items' of a digest, and here is"
            self.report.warning(path, f"{message} none; add a 'digest', or name another template")

    def _lacks(self, path: Path, name: str, *, what: str, known: Iterable[str]) -> None:
        """Note a name that is not there; the nearest one of those known is proposed."""
        if (what, name) not in self.missing:
            names = list(known)
            near = hint(name, names) if len(self.missing) < HINTS_MAX else ""
            near = near or f"; there are: {', '.join(names) or 'none'}"
            self.missing[what, name] = f"no {what} {shown(name)}{near}"
        self._unfit(path, self.missing[what, name])

    def _unfit(self, path: Path, message: str) -> None:
        if not self.report.spoiled(path):
            self.unfit.setdefault(message, []).append(path)


def _also(lines: list[int]) -> str:
    """Say where else, three lines at most."""
    if not lines:
        return ""
    more = f" and {len(lines) - LINES_NAMED} more" if len(lines) > LINES_NAMED else ""
    named = ", ".join(map(str, lines[:LINES_NAMED]))
    return f" (also at line{'s' * (len(lines) > 1)} {named}{more})"
