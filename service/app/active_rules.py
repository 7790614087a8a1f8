"""Read what is active: the rules and templates as their files are now, or why they cannot be."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from errno import EINVAL
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from service.app.queues import fed_by_queues
from service.incoming.sources.source import Source
from service.rules.decider import Decider
from service.rules.fields import Sources
from service.rules.known_values import KnownValues
from service.rules.language.brand import LOGO_BYTES_MAX, logo_named
from service.rules.language.errors import Diagnostic
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.rule import RuleSet
from service.sending.planner import ActiveRules
from service.sending.templates.template_files import template_files
from service.sending.templates.templates import Templates
from service.sending.templates.unread_words import missing_links, unread_words
from service.settings import PREFIX, Settings, prefix_of


class Refused(Exception):
    """Say why a rule file or template folder cannot become active; one problem a line."""


MISTAKE = re.compile(r"^[^\s:]+:\d+(?::\d+)?", re.MULTILINE)
PLACES = 5


def places_of(refusal: str) -> str:
    """List where the first mistakes of a refusal stand, without what it quotes of them.

    That may be an address that somebody is told at.
    """
    return " ".join(MISTAKE.findall(refusal)[:PLACES])


def read_active(settings: Settings, sources: Iterable[Source]) -> ActiveRules:
    """Read the rules and templates as their files are now; raises Refused naming every mistake."""
    rules, problems, templates = read_files_of(settings, sources, settings.rules.name)
    mistakes = [str(p) for p in problems if p.severity == "error"] + templates.problems()
    if rules is None or mistakes:
        raise Refused("\n".join(mistakes))
    return ActiveRules(Decider(rules, settings.storm_limit), templates)


class FilesRead(NamedTuple):
    """Hold what the rule file and the templates say, and what is wrong with the rule file.

    Warnings about the templates are among its problems.
    """

    rules: RuleSet | None
    problems: list[Diagnostic]
    templates: Templates


def read_files_of(
    settings: Settings, sources: Iterable[Source], name: str, known: KnownValues | None = None
) -> FilesRead:
    """Read the rule file, called by this name in messages, and the templates.

    Where it is `known` which values people and courses have, what nobody has is warned of.
    """
    templates = Templates(settings.templates)
    rules, problems = read_rules(
        settings.rules.read_bytes(),
        name=name,
        environ=settings.environment,
        installed=Installed(
            templates=templates.forms,
            reads=templates.reads,
            sources=known_sources(settings, sources),
            known=known,
            beside=beside(settings.rules),
        ),
    )
    if rules:
        templates.brand = rules.brand
    folder, files = settings.templates, templates.files
    unread = unread_words(folder, files, known) if known else []
    if known and rules:
        named = {entry.template for rule in rules.rules for entry in rule.entries}
        without = _without_links(settings, sources, known)
        unread += missing_links(folder, files, named, without=without)
    return FilesRead(rules, [*problems, *unread], templates)


def beside(rules: Path) -> Callable[[str], bytes]:
    """Give what reads the beginning of a file that lies beside the rule file."""

    def read(name: str) -> bytes:
        path = rules.parent / name
        if path.exists() and not path.is_file():  # a pipe may take for ever to open
            raise OSError(EINVAL, "expected a file")
        with path.open("rb") as file:
            return file.read(LOGO_BYTES_MAX + 1)

    return read


def _without_links(
    settings: Settings, sources: Iterable[Source], known: KnownValues
) -> dict[str, str]:
    """Give the setting of each configured source that was heard, if no course of it has a link."""
    configured = sorted(known_sources(settings, sources).configured)
    return {
        source: f"{PREFIX}{prefix_of(source)}COURSE_URL"
        for source in configured
        if not known.links(source) and source in known.of("event.source")
    }


def known_sources(settings: Settings, sources: Iterable[Source]) -> Sources:
    """Tell what the sources fill, and which of them have a way in."""
    by_http = (
        name
        for name, source in settings.sources.items()
        if source.has_credentials or source.allow_unauthenticated
    )
    fills = {source.name: source.fills for source in sources}
    return Sources(fills, fed_by_queues(settings).union(by_http))


READ_AT_MOST = 4 * 1024 * 1024
STILL_SECONDS = 1.0
RESTLESS_SECONDS = 60.0


def state_of_files(settings: Settings) -> object:
    """Give something that changes when somebody writes to the rules, the logo or the templates.

    The content is a part of it: some file systems know the time of a change to a second or two.
    """
    found = []
    for path in [settings.rules, *logo_of(settings.rules), *template_files(settings.templates)]:
        with suppress(OSError):  # it was there a moment ago
            stat = path.stat()
            if S_ISREG(stat.st_mode):
                content = sha256(_beginning(path)).digest()
                found.append((path, stat.st_mtime_ns, stat.st_size, content))
    return found


def logo_of(rules: Path) -> list[Path]:
    """Find the picture that a rule file names, as far as it can be read."""
    with suppress(OSError):
        if S_ISREG(rules.stat().st_mode) and (name := logo_named(_beginning(rules))):
            return [rules.parent / name]
    return []


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(READ_AT_MOST)


def _refuse_what_never_ends(rules: Path) -> None:
    """Raise Refused for a pipe or a device: to open or read it may take for ever."""
    if not S_ISREG(rules.stat().st_mode):
        raise Refused(f"{rules}: expected a file, found something else; put the rule file there")


class FileWatch:
    """Watch the rules and templates; read them when they have changed and stand still.

    Moments are monotonic seconds.
    """

    def __init__(self, settings: Settings, read: object = None) -> None:
        """Take how the files were when they were `read` last, if they were."""
        self._settings = settings
        self._seen = read
        self._read = read
        self._still_since = 0.0
        self._read_until = 0.0

    def look(self, moment: float) -> None:
        """Look at the files."""
        if not self.changed:
            self._read_until = moment
        found = state_of_files(self._settings)
        if found != self._seen:
            self._seen, self._still_since = found, moment

    @property
    def changed(self) -> bool:
        """Tell whether the files are not as they were read."""
        return self._seen != self._read

    def stand_still(self, moment: float) -> bool:
        """Tell whether two looks a second apart found the same."""
        return moment - self._still_since >= STILL_SECONDS

    def restless(self, moment: float) -> bool:
        """Tell whether the files have been written to for so long that somebody should know."""
        return moment - self._read_until >= RESTLESS_SECONDS

    def read(self, sources: Iterable[Source]) -> ActiveRules | None:
        """Read the files; None when they were written to meanwhile. Raises Refused, OSError."""
        fresh, wrong = None, None
        try:
            _refuse_what_never_ends(self._settings.rules)
            fresh = read_active(self._settings, sources)
        except (Refused, OSError) as error:
            wrong = error
        if state_of_files(self._settings) != self._seen:
            return None
        self._read = self._seen
        if wrong is not None:
            raise wrong
        return fresh
