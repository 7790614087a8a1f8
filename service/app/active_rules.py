"""Read what is active: the rules and templates as their files are now, or why they cannot be."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from service.app.queues import fed_by_queues
from service.incoming.sources.source import Source
from service.rules.decider import Decider
from service.rules.fields import Sources
from service.rules.known_values import KnownValues
from service.rules.language.errors import Diagnostic
from service.rules.language.known_names import Installed
from service.rules.language.reader import read_rules
from service.rules.rule import RuleSet
from service.sending.planner import ActiveRules
from service.sending.templates.templates import Templates
from service.sending.templates.unread_words import unread_words
from service.settings import Settings


class Refused(Exception):
    """Say why a rule file or template folder cannot become active; one problem a line."""


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
        ),
    )
    unread = unread_words(settings.templates, templates.files, known) if known else []
    return FilesRead(rules, [*problems, *unread], templates)


def known_sources(settings: Settings, sources: Iterable[Source]) -> Sources:
    """Tell what the sources fill, and which of them have a way in."""
    by_http = (
        name
        for name, source in settings.sources.items()
        if source.has_credentials or source.allow_unauthenticated
    )
    fills = {source.name: source.fills for source in sources}
    return Sources(fills, fed_by_queues(settings).union(by_http))


def state_of_files(settings: Settings) -> object:
    """Give something that changes when somebody edits the rules or the templates."""
    paths = [settings.rules, *sorted(settings.templates.rglob("*"))]
    found = []
    for path in paths:
        with suppress(OSError):  # it was there a moment ago
            stat = path.stat()
            found.append((path, stat.st_mtime_ns, stat.st_size))
    return found
