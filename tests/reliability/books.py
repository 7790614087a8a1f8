"""The books: what the ledger of a stopped service says, to be compared with what people saw."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Self

from service.app import SHAPES
from service.incoming.letters import Letters
from service.learners.events import Body, EventMapper
from service.learners.ledger import Ledger
from service.rules import notifications
from service.rules.notifications import AttemptEnded, Notification


class Books:
    """Reads a ledger without changing it."""

    def __init__(self, data: Path) -> None:
        self._ledger = Ledger(data / "ledger.db")
        self._mapper = EventMapper(SHAPES)
        self.letters = Letters(self._ledger)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def histories(self) -> dict[str, list[Body]]:
        """The events of every notification by its id."""
        found: dict[str, list[Body]] = defaultdict(list)
        for _, stream, _, topic, state in self._ledger.log(0, -1):
            if topic in notifications.SHAPES:
                found[stream].append(self._mapper.decode(topic, state))
        return found

    def notifications(self) -> dict[str, Notification]:
        return {id: Notification.load(id, bodies) for id, bodies in self.histories().items()}

    def unknowns(self) -> Counter[str]:
        """How many attempts of each notification ended with nobody knowing what became of them."""
        return Counter(
            id
            for id, bodies in self.histories().items()
            for body in bodies
            if isinstance(body, AttemptEnded) and body.outcome == "unknown"
        )
