"""Compare two rule files: which messages one sends, the other not, or at another time."""

from collections import Counter
from typing import Literal

import msgspec

from service.rules.calendar import DAY
from service.rules.notification import SENT
from service.simulation.backtest.tally import Fate

SETTLED_AFTER_MS = 120 * DAY
"""A message that one file has sent and the other not within this time, it never does."""
EXAMPLES_OF_A_RULE = 3
EXAMPLES = 12
Kind = Literal["more", "fewer", "moved"]


class DifferingMessage(msgspec.Struct, frozen=True):
    """Identify a message: because of which rule, to whom, about what, when it leaves (ms UTC)."""

    rule: str
    recipient: str
    person: str | None
    source: str
    course: str
    at: int
    before: int | None = None


class Difference:
    """Compare two replays of one history, message by message.

    A message is the same when rule, entry, subject, occurrence and recipient agree, which its id
    is made of. What is the same at the same time is forgotten at once.
    """

    def __init__(self) -> None:
        self.same = 0
        self.counts: Counter[Kind] = Counter()
        self.by_rule: Counter[tuple[str, Kind]] = Counter()
        self.examples: dict[Kind, list[DifferingMessage]] = {"more": [], "fewer": [], "moved": []}
        self._alone: tuple[dict[str, DifferingMessage], dict[str, DifferingMessage]] = ({}, {})

    def new(self, fate: Fate) -> None:
        """Note that the new file may send a message."""
        self._sent(0, fate)

    def old(self, fate: Fate) -> None:
        """Note that the old file may send a message."""
        self._sent(1, fate)

    def close(self) -> None:
        """Count what stands alone as a difference: nothing more is sent."""
        self._settle(None)

    def _sent(self, side: int, fate: Fate) -> None:
        if fate.state != SENT:
            return
        id, owed, at = fate.id, fate.owed, fate.at
        other = self._alone[1 - side].pop(id, None)
        if other is not None and other.at == at:
            self.same += 1
            return
        message = DifferingMessage(
            rule=owed.rule,
            recipient=owed.recipient,
            person=owed.person,
            source=owed.source,
            course=owed.course,
            at=at,
        )
        if other is None:
            self._alone[side][id] = message
            self._settle(at - SETTLED_AFTER_MS)
            return
        times = (at, other.at) if side == 0 else (other.at, at)
        moved = msgspec.structs.replace(message, at=times[0], before=times[1])
        self._count("moved", moved)

    def _settle(self, before: int | None) -> None:
        kinds: tuple[Kind, Kind] = ("more", "fewer")
        for kind, alone in zip(kinds, self._alone, strict=True):
            while alone:
                id, message = next(iter(alone.items()))
                if before is not None and message.at >= before:
                    break
                del alone[id]
                self._count(kind, message)

    def _count(self, kind: Kind, message: DifferingMessage) -> None:
        self.counts[kind] += 1
        self.by_rule[message.rule, kind] += 1
        few = self.by_rule[message.rule, kind] <= EXAMPLES_OF_A_RULE
        if few and len(self.examples[kind]) < EXAMPLES:
            self.examples[kind].append(message)
