"""The building site: temporary installations that several measurements share."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import msgspec

from bench import feed
from bench.feed import Feed
from service.app.app import App, settings_of
from service.incoming.letter import Arrival

LETTERS_PER_COMMIT = 2_000
BEGIN = 1_760_000_000_000
ROOT = Path(__file__).parent.parent


class Sizes(msgspec.Struct, frozen=True):
    """How much is measured; `quick` is for a look, not for a figure to quote."""

    log_rows: int = 1_000_000
    letters_a_round: int = 5_000
    open_enrollments: int = 1_000_000
    rounds: int = 5
    take_overs: int = 10
    seconds: float = 4.0
    mails: int = 1_000
    apprise_mails: int = 60
    busy_mails: int = 100_000
    latency_seconds: float = 30.0
    soak_minutes: float = 20.0
    soak_rate: float = 200.0
    people_before: int = 10_000
    people: int = 500_000


QUICK = Sizes(
    log_rows=40_000, letters_a_round=1_000, open_enrollments=60_000, rounds=3, take_overs=4,
    seconds=2.0, mails=200, apprise_mails=20, busy_mails=5_000, latency_seconds=5.0,
    soak_minutes=1.0, people_before=2_000, people=20_000,
)  # fmt: skip


class Site:
    """A temporary folder; what is built in it is built once, and gone at the end."""

    def __init__(self, sizes: Sizes, say: Callable[[str], None]) -> None:
        self.sizes = sizes
        self.say = say
        self.folder = Path(tempfile.mkdtemp(prefix="coursebell-bench-"))
        self.shared: dict[str, App] = {}
        self._apps: list[App] = []

    def environment(self, name: str, rules: str = "rules.yaml", **more: str) -> dict[str, str]:
        """The settings of an installation in this folder, as variables."""
        return {
            "COURSEBELL_DATA": str(self.folder / name),
            "COURSEBELL_RULES": str(ROOT / "bench" / rules),
            "COURSEBELL_TEMPLATES": str(ROOT / "templates"),
            "COURSEBELL_ADOBE_USERNAME": "adobe",
            "COURSEBELL_ADOBE_PASSWORD": "correct horse",
            **more,
        }

    def app(self, name: str, rules: str = "rules.yaml", **more: str) -> App:
        """An installation with people and courses, not started."""
        app = App(settings_of(self.environment(name, rules, **more)))
        self._apps.append(app)
        with app.ledger.transaction() as cursor:
            app.people.store(cursor, feed.people(), BEGIN)
            app.courses.store(cursor, feed.courses(), BEGIN)
        return app

    def leave(self, app: App) -> None:
        """Closes an installation before the end, so that a process of its own can use it."""
        self._apps.remove(app)
        app.close()

    @cached_property
    def academy(self) -> "Academy":
        """An academy whose log has the full number of rows."""
        return Academy(self, self.app("academy"))

    def close(self) -> None:
        """Closes and deletes everything."""
        for app in self._apps:
            app.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Academy:
    """An installation that has been running for a while, and the feed that goes on."""

    def __init__(self, site: Site, app: App) -> None:
        """Let it run until its log has the full number of rows."""
        self.app, self.site = app, site
        self.feed = Feed(1, BEGIN)
        self.app.start(BEGIN)
        while (rows := self.rows()) < site.sizes.log_rows:
            site.say(f"an academy of {site.sizes.log_rows:,} log rows: {rows:,}")
            self.keep(LETTERS_PER_COMMIT)
            self.app.take(self.feed.now)
            self.app.ask(self.feed.now)
            self.app.views.catch_up()

    def rows(self) -> int:
        """How many rows its log has; a position tells that on SQLite only."""
        reader = self.app.ledger.reader()
        found = reader.execute(f"SELECT COUNT(*) FROM {reader.dialect.log}").fetchone()
        return int(found[0])

    def keep(self, count: int) -> None:
        """Puts the next letters on disk, where they wait."""
        keep(self.app, list(self.feed.letters(count)))


def keep(app: App, letters: list[Arrival]) -> None:
    """Puts letters on disk, many in one commit."""
    for start in range(0, len(letters), LETTERS_PER_COMMIT):
        app.letters.keep(letters[start : start + LETTERS_PER_COMMIT])
