"""Compare the files of machines that share a ledger: one with other rules does not decide."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, ClassVar

import msgspec

from service.app.active_rules import logo_of
from service.learners.world import Decisions
from service.ledger.events import EventBody, EventStore
from service.rules.scheduler import RULES_STREAM
from service.sending.planner import ActiveRules
from service.sending.templates.template_files import template_files
from service.sending.templates.templates import Templates
from service.settings import Settings

STREAM = "files"
HOW = (
    "copy them from the machine that works, or start `work` with --activate here to make these "
    "the active ones"
)


class FilesAgreed(EventBody, frozen=True, kw_only=True, omit_defaults=True):
    """Say which files are the active ones since `at`, each by its fingerprint.

    `rules` is that of the rule file, `templates` of the logo and all templates together, `key` of
    what links are signed with; empty where there are no links.
    """

    TOPIC: ClassVar[str] = "files.agreed"
    at: int
    rules: str
    templates: str
    key: str = ""


SHAPES: Mapping[str, Any] = {FilesAgreed.TOPIC: FilesAgreed}
WORDS = {
    "rules": "the rule file",
    "templates": "the templates",
    "key": "COURSEBELL_SECRET_KEY",
}


class AgreedFiles:
    """Know whether this machine has the files that decide for all that share its ledger.

    A ledger in a file is nobody else's: there it never says anything.
    """

    def __init__(
        self, store: EventStore, settings: Settings, commit: Callable[[Decisions], None]
    ) -> None:
        self._store = store
        self._settings = settings
        self._commit = commit
        self._shared = settings.database_url is not None
        self._begun_at, _ = self._agreed() if self._shared else (0, None)
        self._read_for: Templates | None = None
        self._fingerprint = ""

    def differing(self, active: ActiveRules, *, activates: bool = False) -> str | None:
        """Say which files here are others than the active ones; None when none are.

        None too where nothing was agreed yet; or where this process `activates` its own, unless
        another has agreed on something since it was begun.
        """
        if not self._shared:
            return None
        version, agreed = self._agreed()
        if agreed is None or (activates and version == self._begun_at):
            return None
        mine = self._mine(active, agreed.at)
        others = [words for name, words in WORDS.items() if _differ(mine, agreed, name)]
        if not others:
            return None
        return f"{' and '.join(others)} here: expected what is active, got something else; {HOW}"

    def standing(self) -> dict[str, int]:
        """Give the versions of what says which files are the active ones."""
        return self._store.ledger.newest([STREAM, RULES_STREAM])

    def agree(self, active: ActiveRules, now: int) -> None:
        """Record that the files here are the active ones, if they are not yet."""
        if not self._shared:
            return
        version, agreed = self._agreed()
        mine = self._mine(active, now)
        if agreed is None or mine != msgspec.structs.replace(agreed, at=now):
            self._commit(Decisions(following=[(STREAM, version + 1, mine)]))

    def _agreed(self) -> tuple[int, FilesAgreed | None]:
        found: Any = self._store.latest(STREAM)
        return found or (0, None)

    def _mine(self, active: ActiveRules, now: int) -> FilesAgreed:
        chosen = self._settings
        key = chosen.secret_key if chosen.public_url else None
        return FilesAgreed(
            at=now,
            rules=active.decider.rules.fingerprint,
            templates=self._templates(active),
            key=sha256(b"coursebell" + key.encode()).hexdigest()[:16] if key else "",
        )

    def _templates(self, active: ActiveRules) -> str:
        """Give the fingerprint of the active templates, whose files are read once for it."""
        if self._read_for is not active.templates:
            self._read_for, self._fingerprint = active.templates, self._fingerprint_now()
        return self._fingerprint

    def _fingerprint_now(self) -> str:
        folder, found = self._settings.templates, sha256()
        logo = [(path.name, path) for path in logo_of(self._settings.rules)]
        for name, path in [*logo, *((p.relative_to(folder), p) for p in template_files(folder))]:
            content = path.read_bytes()
            found.update(f"{name} {len(content)}\n".encode() + content)
        return found.hexdigest()


def _differ(mine: FilesAgreed, agreed: FilesAgreed, name: str) -> bool:
    return bool(getattr(mine, name) != getattr(agreed, name))
