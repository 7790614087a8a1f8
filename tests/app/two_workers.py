"""Two who work on one ledger, each with half of its shards; tests say whose turn it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.app.app import App, settings_of
from service.incoming.intake import shard_of
from service.incoming.sources.source import whose
from tests.installation import Installation, body


class TwoWorkers(Installation):
    """The app has the office; `other` works beside it."""

    other: App

    def join(self) -> None:
        """The other comes, and they share."""
        environ = {**self.environ, "COURSEBELL_DATA": str(self.folder / "other")}
        self.other = App(settings_of(environ))
        for app in (self.other, self.app, self.other):
            app.ledger.lease.acquire()
        assert len(self.app.ledger.lease.held) == len(self.other.ledger.lease.held) == 8
        assert self.app.intake.is_office

    def who_takes(self, event: dict[str, Any]) -> App:
        """Whose an event is."""
        (item,) = self.app.sources["adobe"].read(body(event), event["timestamp"])
        shard = shard_of(whose(item), 1, self.app.ledger.lease.shards)
        return next(app for app in (self.app, self.other) if shard in app.ledger.lease.held)

    def take(self, now: int) -> None:
        """Both take all that waits."""
        for app in (self.app, self.other):
            app.take(now)


@contextmanager
def two_workers(folder: Path, rules: str, address: str) -> Iterator[TwoWorkers]:
    """An installation whose shards two share."""
    with TwoWorkers(folder, rules, COURSEBELL_DATABASE_URL=address) as here:
        here.join()
        try:
            yield here
        finally:
            here.other.close()


@contextmanager
def just_before_it_commits(app: App, happens: Callable[[], object]) -> Iterator[None]:
    """When this one has decided, and is about to commit, something happens."""
    append, begun = app.writer.append, []

    def meanwhile(what: Any) -> int:
        if not begun:
            begun.append(what)
            happens()
        return append(what)

    app.writer.append = meanwhile
    yield
    app.writer.append = append
    assert begun
